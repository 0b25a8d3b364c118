// SPDX-License-Identifier: Apache-2.0
//
// Who bears a charge: the voucher's part, the user's, and what neither may be
// made to pay; and who gets what of a refund. Pure: the same facts always give the same split.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/time.hpp"
#include "accounting/service/config.hpp"

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

/// What a site's rule gives back of a charge of `amount` for a run of `elapsed_seconds`; zero where
/// the rule says nothing of `state`.
[[nodiscard]] Money refund_by_rule(const RefundRule& rule, std::string_view state, Money amount, std::int64_t elapsed_seconds);

/// A charge's three parts, or what was or is to be given back of each.
struct Parts {
  Money by_voucher;
  Money by_self;
  Money overrun;
  [[nodiscard]] Money sum() const { return by_voucher + by_self + overrun; }
};

/// What `total` given back of `borne` takes from each part in proportion, where `before` is given
/// back already: several partial refunds end exactly where one whole refund does.
/// REQUIRES: before.sum() <= total <= borne.sum().
[[nodiscard]] Parts share_refund(const Parts& borne, const Parts& before, Money total);

}  // namespace sluice::service
