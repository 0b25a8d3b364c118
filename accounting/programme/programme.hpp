// SPDX-License-Identifier: Apache-2.0
//
// Programmes (扶持计划): an issuer's rules for the vouchers it grants, in the
// simple form of PROGRAMME.md. Values only; pure.

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice {

/// How the support reaches the user. Only deduction at the charge so far.
enum class ProgrammeMode { deduct };

/// Where the unused part of an expired voucher goes.
enum class ExpiryTo { budget, lapsed };

struct Programme {
  std::string id;
  std::string name;
  std::string issuer;
  ProgrammeMode mode = ProgrammeMode::deduct;
  Share share;                               ///< part of a charge that a voucher pays
  UnixTime valid_from = 0;                   ///< inclusive
  UnixTime valid_to = time_forever;          ///< exclusive
  std::vector<std::string> clusters;         ///< empty or "*": all
  std::vector<std::string> partitions;       ///< empty or "*": all
  std::vector<std::string> eligible_states;  ///< Slurm's names of end states; empty: all
  ExpiryTo expiry_to = ExpiryTo::budget;

  friend bool operator==(const Programme&, const Programme&) = default;
};

/// Ids of programmes and vouchers: 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_id(std::string_view text);

/// Reads the YAML form; failures say FILE:LINE:COLUMN. `file` is used for messages only.
[[nodiscard]] Result<Programme> parse_programme(const std::string& file, const std::string& text);

/// As kept and sent: shares are texts, times ISO 8601 in `zone`.
[[nodiscard]] nlohmann::json to_json(const Programme& programme, const Zone& zone = {});
/// Refuses ("bad_programme") what the YAML form refuses, unknown members too. `zone` holds
/// for times without an offset.
[[nodiscard]] Result<Programme> programme_from_json(const nlohmann::json& json, const Zone& zone = {});

/// Whether a voucher of this programme may pay for a job that ended in `state`.
/// What is wrong with the first of `states` that no record of slurmdbd ends with; empty: nothing.
[[nodiscard]] std::string unknown_state(const std::vector<std::string>& states);

[[nodiscard]] bool is_state_eligible(const Programme& programme, std::string_view state);

}  // namespace sluice
