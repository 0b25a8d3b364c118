// SPDX-License-Identifier: Apache-2.0
//
// Asks a service on this host, over a unix socket, within a hard deadline, and
// stops asking while it doesn't answer. Made for daemons that must not wait: any
// number of threads may call ask(); none of them waits longer than its deadline.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/client/breaker.hpp"
#include "plugins/client/packet_transfer.hpp"

namespace sluice::client {

/// What one exchange needs. `body` must live until ask() returns.
struct Exchange {
  std::string socket_path;
  std::string_view body;
  std::chrono::milliseconds deadline{10};  ///< from the call of ask(), waiting for a connection included
  std::chrono::milliseconds probe{2};      ///< instead, for the one probe per back-off
  Breaker::Backoff backoff;
};

struct Reply {
  enum class Outcome { answered, timed_out, unreachable, bad_reply, not_sent, skipped /* the breaker is open */ };
  Outcome outcome = Outcome::skipped;
  int status = 0;
  std::string body;
  std::string why;
};

class Client {
 public:
  /// Gets one line when the breaker opens and one when it closes.
  using Log = void (*)(Breaker::Notice::Kind kind, const char* line) noexcept;

  static constexpr std::size_t connections_max_default = 16;

  explicit Client(Log log, std::size_t connections_max = connections_max_default);

  [[nodiscard]] Reply ask(const Exchange& exchange);

 private:
  class Lease;
  class Ticket;

  [[nodiscard]] std::unique_ptr<PacketTransfer> take(Breaker::Time deadline);
  void put_back(std::unique_ptr<PacketTransfer> transfer) noexcept;
  void settle(Breaker::Permit permit, bool reached, const Exchange& exchange, const std::string& why);

  const Log log_;
  const std::size_t connections_max_;
  Breaker breaker_;

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<PacketTransfer>> idle_;  // GUARDED_BY(mutex_)
  std::size_t connections_ = 0;                        // GUARDED_BY(mutex_): idle and in use
};

}  // namespace sluice::client
