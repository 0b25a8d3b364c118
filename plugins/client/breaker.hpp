// SPDX-License-Identifier: Apache-2.0
//
// The circuit breaker: after the first failure nobody waits for the service any
// more, except one probe per back-off. Reads no clock: the caller passes `now`.
// Any thread may call; no call waits for more than the lock of a few assignments.

#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace sluice::client {

class Breaker {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  struct Backoff {
    std::chrono::seconds min{1};
    std::chrono::seconds max{60};
  };

  enum class Permit {
    pass,   ///< closed: go ahead
    probe,  ///< open, and the back-off has passed: the one that may try, briefly
    skip    ///< open: go without
  };

  /// Something to log, once per outage and once per recovery.
  struct Notice {
    enum class Kind { opened, closed };
    Kind kind;
    std::uint64_t without_answer = 0;      ///< closed: how many went without, those that found out included
    std::chrono::milliseconds duration{};  ///< closed: since it opened
  };

  /// Every `pass` and `probe` must be followed by exactly one report(), or by
  /// abandon() where a `pass` gave up before it had tried.
  [[nodiscard]] Permit ask(Time now);

  /// For one who held a `pass` and had to wait: whether it has become useless.
  [[nodiscard]] bool is_open() const;

  void abandon();

  [[nodiscard]] std::optional<Notice> report(Permit permit, bool reached, Time now, Backoff backoff);

 private:
  enum class State { closed, open, probing };

  mutable std::mutex mutex_;
  State state_ = State::closed;           // GUARDED_BY(mutex_), as all below
  Time opened_at_{};
  Time probe_at_{};
  std::chrono::seconds wait_{};           // the back-off now in force
  std::uint64_t without_answer_ = 0;
};

}  // namespace sluice::client
