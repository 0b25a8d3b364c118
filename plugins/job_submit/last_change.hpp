// SPDX-License-Identifier: Apache-2.0
//
// The answer to the last `scontrol update`, for the rest of the same call: of an array slurmctld
// calls job_modify once for each record, and sluiced is asked once. Any thread may call; of those that
// do, slurmctld's write lock lets one at a time through. Reads no clock: the caller passes `now`.

#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

namespace sluice::job_submit {

/// What job_modify returns, and what its user is told.
struct ChangeOutcome {
  int code = 0;
  std::vector<std::string> lines;
};

class LastChange {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// One invocation of job_modify. The addresses are compared and never looked behind.
  struct Invocation {
    const void* desc = nullptr;    ///< the same for all records of a call
    const void* record = nullptr;  ///< a call comes to each record once
    std::thread::id thread;
    Time now{};
  };

  /// Between two records of one call lies what slurmctld does with one, holding its locks.
  static constexpr std::chrono::seconds gap_max{10};

  /// The outcome for an invocation that belongs to the call last remembered: same descriptor and
  /// thread, the same question byte by byte, soon after it, and for a record that it hasn't come to yet.
  /// That tells it from the same command given once more, for which things may have changed.
  [[nodiscard]] std::optional<ChangeOutcome> known(const Invocation& invocation, std::string_view question);
  void remember(const Invocation& invocation, std::string question, ChangeOutcome outcome);

 private:
  std::mutex mutex_;
  Invocation last_;                          // GUARDED_BY(mutex_), as all below
  std::string question_;
  ChangeOutcome outcome_;
  std::unordered_set<const void*> records_;
};

}  // namespace sluice::job_submit
