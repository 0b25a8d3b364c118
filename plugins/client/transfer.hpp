// SPDX-License-Identifier: Apache-2.0
//
// One kept-alive libcurl handle: a POST over a unix socket within a deadline.
// One thread at a time may use a Transfer; it shares nothing with others.

#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

typedef void CURL;
struct curl_slist;

namespace sluice::client {

/// A larger answer is cut off, whatever its Content-Length says.
inline constexpr std::size_t body_bytes_max = 64 * 1024;

struct TransferResult {
  enum class Outcome {
    answered,     ///< `status` and `body` hold; the status may be anything
    timed_out,
    unreachable,  ///< no connection, or it broke
    bad_reply     ///< somebody answered, but not within HTTP and our limits
  };
  Outcome outcome = Outcome::unreachable;
  long status = 0;
  std::string body;
  std::string why;  ///< for the log, where there is no answer
};

class Transfer {
 public:
  using Clock = std::chrono::steady_clock;

  Transfer();
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Posts `body` to `path`. A connection that the service closed since the last
  /// exchange is replaced once, within the same deadline, and counts as no failure.
  [[nodiscard]] TransferResult post(const std::string& socket_path, const std::string& path, std::string_view body,
                                    Clock::time_point deadline);

 private:
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;

  CURL* curl_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::string socket_path_;
  std::string path_;
  std::vector<char> received_;  // allocated once: libcurl's callbacks must not throw
  std::size_t received_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  std::array<char, 256> error_text_{};  // CURL_ERROR_SIZE
};

}  // namespace sluice::client
