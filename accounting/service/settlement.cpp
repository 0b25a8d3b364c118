// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/settlement.hpp"

#include <algorithm>
#include <array>

#include "accounting/core/check.hpp"

namespace sluice::service {
namespace {

/// The part of the amount that was used while the voucher was valid.
Money covered(const SplitInput& input, const VoucherSide& voucher) {
  if (input.start < voucher.valid_from || input.start >= voucher.valid_to) return {};
  const std::int64_t wall = input.end - input.start;
  if (wall <= 0 || input.end <= voucher.valid_to) return input.amount;
  return floor_fraction(input.amount, voucher.valid_to - input.start, wall);
}

Money voucher_due(const SplitInput& input, const VoucherSide& voucher, std::vector<std::string>& reasons) {
  if (!voucher.state_eligible) {
    reasons.emplace_back("the programme does not pay for jobs that ended in this state");
    return {};
  }
  const Money base = covered(input, voucher);
  if (base < input.amount) {
    reasons.push_back("the voucher was valid for " + format_money(base) + " of " + format_money(input.amount));
  }
  return floor_share(base, voucher.share);
}

}  // namespace

Split split_charge(const SplitInput& input) {
  Split split;
  Money due;
  if (input.voucher) {
    due = voucher_due(input, *input.voucher, split.reasons);
    split.by_voucher = std::clamp(input.voucher->payable, Money{}, due);
    if (split.by_voucher < due) {
      split.overrun = due - split.by_voucher;
      split.reasons.push_back("the voucher should have paid " + format_money(due) + " and had " +
                              format_money(split.by_voucher) + ": " + format_money(split.overrun) + " is overrun");
    }
  }
  const Money rest = input.amount - due;
  split.by_self = input.self_max ? std::clamp(*input.self_max, Money{}, rest) : rest;
  if (split.by_self < rest) {
    const Money beyond = rest - split.by_self;
    split.overrun = split.overrun + beyond;
    split.reasons.push_back("the user's self-pay limit leaves " + format_money(beyond) + " as overrun");
  }
  return split;
}

Money refund_by_rule(const RefundRule& rule, std::string_view state, Money amount, std::int64_t elapsed_seconds) {
  constexpr std::int64_t hour = 3600;
  if (std::find(rule.states.begin(), rule.states.end(), state) == rule.states.end() || elapsed_seconds <= 0) return {};
  const std::int64_t seconds = std::min(elapsed_seconds, rule.hours_max ? *rule.hours_max * hour : elapsed_seconds);
  return floor_share(floor_fraction(amount, seconds, elapsed_seconds), rule.share);
}

Parts share_refund(const Parts& borne, const Parts& before, Money total) {
  Parts after = before;
  Money missing = total;
  const auto each = {&Parts::by_voucher, &Parts::by_self, &Parts::overrun};
  for (const auto part : each) {
    after.*part = std::max(before.*part, floor_fraction(borne.*part, total.micro, borne.sum().micro));
    missing = missing - after.*part;
  }
  // Rounding leaves some millionths over or short: they go to, or come from, who can bear them, the user first.
  for (const auto part : {&Parts::by_self, &Parts::by_voucher, &Parts::overrun}) {
    const Money step = std::clamp(missing, before.*part - after.*part, borne.*part - after.*part);
    after.*part = after.*part + step;
    missing = missing - step;
  }
  SLUICE_CHECK(missing.is_zero(), "the parts of a refund are its whole");
  return after;
}

}  // namespace sluice::service
