// SPDX-License-Identifier: Apache-2.0
//
// Who bears a charge: the voucher's part, the user's, and what neither may be
// made to pay. Pure: the same facts always give the same split.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/time.hpp"

namespace sluice::service {

/// What a voucher may pay, as it stands inside the settling transaction.
struct VoucherSide {
  Share share;
  Money payable;  ///< the job's own lien plus what is available besides
  UnixTime valid_from = 0;
  UnixTime valid_to = time_forever;
  bool state_eligible = true;  ///< the programme pays for this end state
};

struct SplitInput {
  Money amount;  ///< ≥ 0
  UnixTime start = 0;
  UnixTime end = 0;
  std::optional<VoucherSide> voucher;
  std::optional<Money> self_max;  ///< what the user may be made to pay; none: no limit
};

/// by_voucher + by_self + overrun = amount, each ≥ 0.
struct Split {
  Money by_voucher;
  Money by_self;
  Money overrun;
  std::vector<std::string> reasons;
};

/// The voucher pays floor(amount × share) of the part used while it was valid, if
/// it was valid when the job started, and never more than it has: what is missing is overrun,
/// not the user's. The user pays the rest up to `self_max`; beyond is overrun.
[[nodiscard]] Split split_charge(const SplitInput& input);

}  // namespace sluice::service
