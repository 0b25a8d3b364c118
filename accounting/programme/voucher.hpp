// SPDX-License-Identifier: Apache-2.0
//
// Vouchers (券): what was granted to whom under a programme. The balance is the
// ledger's, not kept here. Values only; pure.

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/programme/programme.hpp"

namespace sluice {

enum class VoucherState { active, suspended, expired, revoked };

[[nodiscard]] const char* name_of(VoucherState state);

struct Voucher {
  std::string id;
  std::string programme;
  Money face;
  UnixTime valid_from = 0;               ///< inclusive
  UnixTime valid_to = time_forever;      ///< exclusive
  std::vector<std::string> accounts;     ///< Slurm accounts; where users are listed too, both must match
  std::vector<std::string> users;        ///< user names; never both lists empty
  std::vector<std::string> clusters;     ///< empty or "*": what the programme allows
  std::vector<std::string> partitions;   ///< empty or "*": what the programme allows
  std::optional<Share> share;            ///< instead of the programme's
  VoucherState state = VoucherState::active;

  friend bool operator==(const Voucher&, const Voucher&) = default;
};

/// The part of a charge that it pays.
[[nodiscard]] Share share_of(const Voucher& voucher, const Programme& programme);

/// As kept and sent: amounts and shares are texts, times ISO 8601 in `zone`.
[[nodiscard]] nlohmann::json to_json(const Voucher& voucher, const Zone& zone = {});
/// Refuses ("bad_voucher") wrong types and values, unknown members, and a voucher that
/// belongs to nobody. `zone` holds for times without an offset.
[[nodiscard]] Result<Voucher> voucher_from_json(const nlohmann::json& json, const Zone& zone = {});

}  // namespace sluice
