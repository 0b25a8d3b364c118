// SPDX-License-Identifier: Apache-2.0
//
// sluiced's answer, checked (PROTOCOL.md, "Answer"). Pure. What comes out is safe
// to put into a descriptor and onto a terminal.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::job_submit {

inline constexpr std::size_t answer_bytes_max = 64 * 1024;
inline constexpr std::size_t answer_depth_max = 16;
inline constexpr std::size_t lines_max = 16;
inline constexpr std::size_t line_bytes_max = 512;
/// What `sluice quote` reads and no person: JSON that is worth nothing when it is cut.
inline constexpr std::string_view quote_line_prefix = "sluice-quote: ";
inline constexpr std::size_t quote_line_bytes_max = 4096;
inline constexpr std::size_t admin_comment_bytes_max = 4096;
inline constexpr std::size_t set_text_bytes_max = 1024;

struct Answer {
  enum class Action { admit, refuse };
  enum class Reason { policy, denied };

  Action action = Action::admit;
  Reason reason = Reason::policy;  ///< of a refusal
  std::optional<std::string> partition;
  std::optional<std::string> cluster_features;
  std::optional<std::int64_t> begin_time;
  std::optional<std::string> admin_comment;
  std::vector<std::string> lines;  ///< for the user; a refusal has at least one
};

/// Not an answer: the caller's policy applies.
struct Unreadable {
  std::string why;
};

[[nodiscard]] std::variant<Answer, Unreadable> read_answer(std::string_view body);

}  // namespace sluice::job_submit
