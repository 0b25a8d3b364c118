// SPDX-License-Identifier: Apache-2.0
//
// The options that users type, and what each may look like. Pure syntax: whether a
// voucher exists, or pays, is for sluiced to say.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::spank {

struct OptionRule {
  const char* name;         ///< as typed, without "--"
  const char* argument;     ///< as --help shows it
  const char* usage;        ///< one line of --help
  const char* environment;  ///< its default, and how a job sees what was chosen
  /// What is wrong and what would be right, or nothing.
  std::optional<std::string> (*check)(std::string_view value);
};

/// In the order of --help.
[[nodiscard]] std::span<const OptionRule> option_rules();

/// job_submit refuses longer ones too, for submissions that pass round the commands.
inline constexpr std::size_t value_bytes_max = 1024;

/// The rule's own check after those that hold for every option.
[[nodiscard]] std::optional<std::string> check_option(const OptionRule& rule, std::string_view value);

/// "json" or "text", in SLUICE_QUOTE: how `sluice quote` wants the lines of a quote.
[[nodiscard]] std::optional<std::string> check_quote_format(std::string_view value);

/// How an option travels: "_SLURM_SPANK_OPTION_sluice_max_self" for "max-self".
[[nodiscard]] std::string travel_name(std::string_view option);

}  // namespace sluice::spank
