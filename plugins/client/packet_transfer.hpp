// SPDX-License-Identifier: Apache-2.0
//
// One kept connection over which a request is one packet and its answer another:
// SOCK_SEQPACKET, so that nothing has to be framed or parsed and each side is woken once.
// One thread at a time may use a PacketTransfer; it shares nothing with others.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

/// A larger answer is no answer.
inline constexpr std::size_t body_bytes_max = 64 * 1024;

struct TransferResult {
  enum class Outcome {
    answered,     ///< `status` and `body` hold; the status may be anything
    timed_out,
    unreachable,  ///< no connection, or it broke
    bad_reply,    ///< somebody answered, but not in this protocol or within its limits
    not_sent      ///< this host's kernel didn't take the request: too large, or no memory
  };
  Outcome outcome = Outcome::unreachable;
  int status = 0;
  std::string body;
  std::string why;  ///< for the log, where there is no answer
};

/// What a packet of an answer says: three digits of status, a newline, the body. Pure.
[[nodiscard]] TransferResult read_answer_packet(std::string_view packet);

class PacketTransfer {
 public:
  using Clock = std::chrono::steady_clock;

  PacketTransfer();
  ~PacketTransfer();
  PacketTransfer(const PacketTransfer&) = delete;
  PacketTransfer& operator=(const PacketTransfer&) = delete;

  /// The processor from which the last request was sent, and on which the service waits for the next.
  [[nodiscard]] std::optional<int> processor() const { return processor_; }

  /// Sends `body` and waits for its answer. A connection that the service closed since the
  /// last exchange is replaced once, within the same deadline, and counts as no failure.
  [[nodiscard]] TransferResult exchange(const std::string& socket_path, std::string_view body, Clock::time_point deadline);

 private:
  enum class Step { done, closed, timed_out, not_sent, failed };
  struct Attempt {
    Step step;
    int problem = 0;  ///< errno, for not_sent and failed
  };

  [[nodiscard]] int connect(const std::string& socket_path);
  /// Sends, and waits for the answer: `bytes` is its size, which may exceed what was kept of it.
  [[nodiscard]] Attempt attempt(std::string_view body, Clock::time_point deadline, std::size_t& bytes);
  [[nodiscard]] Attempt send(std::string_view body, Clock::time_point deadline);
  /// Nothing where no answer is there yet.
  [[nodiscard]] std::optional<Attempt> take(std::size_t& bytes);
  [[nodiscard]] Attempt receive(Clock::time_point deadline, std::size_t& bytes);
  void close() noexcept;

  int fd_ = -1;
  std::optional<int> processor_;
  std::string socket_path_;
  std::vector<char> received_;
};

}  // namespace sluice::client
