// SPDX-License-Identifier: Apache-2.0
//
// The question to sluiced, made from what a submission asks for (PROTOCOL.md,
// "Request"). Pure: no clock, no I/O, and nothing of Slurm's headers.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "plugins/slurm_abi/job_fields.hpp"

namespace sluice::job_submit {

enum class Kind {
  submit,
  test,    ///< --test-only: a quote, never a lien
  sibling  ///< a federation sibling's copy of a job that its origin has admitted
};

/// Option names as users type them, in the order in which they arrived.
using Options = std::vector<std::pair<std::string, std::string>>;

struct Request {
  Kind kind = Kind::submit;
  std::string nonce;  ///< empty where the submission has none
  Options options;
  std::string body;   ///< the JSON text

  /// Its value, or nothing where it wasn't given.
  [[nodiscard]] std::string option(std::string_view name) const;
};

/// What the plugin says of itself now and then, for `sluice doctor`: nobody can ask it.
struct PluginReport {
  std::string version;
  std::string slurm_version;         ///< of the headers it was built with
  std::int64_t loaded_at = 0;
  std::uint64_t without_answer = 0;  ///< calls since then that went by the policy
};

/// A submission that is refused before anybody is asked.
struct LocalRefusal {
  std::string line;
};

/// No more can come from SPANK options; whoever sends more goes round the commands.
inline constexpr std::size_t options_max = 32;
inline constexpr std::size_t option_bytes_max = 1024;
inline constexpr std::size_t text_bytes_max = 4096;        ///< Slurm itself refuses from 1,024 on, arrays from 4,096
inline constexpr std::size_t long_text_bytes_max = 65536;  ///< node lists and comments have no limit in Slurm
inline constexpr std::size_t request_bytes_max = 262144;   ///< reached only by control characters, each six bytes of JSON

[[nodiscard]] Kind kind_of(const slurm_abi::JobFields& job, std::uint32_t submit_uid);

[[nodiscard]] std::variant<Request, LocalRefusal> make_request(const slurm_abi::JobFields& job, std::uint32_t submit_uid,
                                                               const std::optional<PluginReport>& report);

/// A change that has no price: nobody is asked.
struct NoQuestion {};

/// What sluiced is asked about a change.
struct Question {
  std::string body;  ///< the JSON text
};

[[nodiscard]] std::variant<NoQuestion, Question, LocalRefusal> make_question(const slurm_abi::JobChange& change, std::uint32_t submit_uid);

}  // namespace sluice::job_submit
