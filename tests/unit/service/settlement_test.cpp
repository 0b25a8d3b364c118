// SPDX-License-Identifier: Apache-2.0
//
// Goal: a charge is borne by voucher, user and centre as the rules say, to the last
// millionth. Method: rows for each rule; random facts for what must hold for all.

#include "accounting/service/settlement.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::service {
namespace {

TEST(Settlement, WhoBearsWhat) {
  const std::optional<Money> no_limit;
  const auto voucher = [](std::int64_t share, std::int64_t payable, UnixTime from = 0, UnixTime to = time_forever, bool eligible = true) {
    return std::optional(VoucherSide{Share{share}, Money{payable}, from, to, eligible});
  };
  const struct {
    const char* what;
    std::int64_t amount;
    std::optional<VoucherSide> voucher;
    std::optional<Money> self_max;
    std::int64_t by_voucher, by_self, overrun;
  } rows[] = {
      // The job runs from 1000 to 2000.
      {"no voucher", 100, std::nullopt, no_limit, 0, 100, 0},
      {"no voucher, a limit", 100, std::nullopt, Money{30}, 0, 30, 70},
      {"its share", 100, voucher(600'000, 1000), no_limit, 60, 40, 0},
      {"floor of the share, the user bears the rest", 101, voucher(600'000, 1000), no_limit, 60, 41, 0},
      {"a share of nothing", 100, voucher(0, 1000), no_limit, 0, 100, 0},
      {"all of it", 100, voucher(1'000'000, 1000), Money{0}, 100, 0, 0},
      {"too little on the voucher is not the user's", 100, voucher(600'000, 50), no_limit, 50, 40, 10},
      {"nothing on the voucher", 100, voucher(600'000, 0), no_limit, 0, 40, 60},
      {"less than nothing on the voucher", 100, voucher(600'000, -5), no_limit, 0, 40, 60},
      {"voucher and user both at their end", 100, voucher(600'000, 50), Money{10}, 50, 10, 40},
      {"a negative limit is none at all", 100, voucher(600'000, 60), Money{-3}, 60, 0, 40},
      {"state not eligible: the user's", 100, voucher(600'000, 1000, 0, time_forever, false), no_limit, 0, 100, 0},
      {"started before it was valid", 100, voucher(600'000, 1000, 1001), no_limit, 0, 100, 0},
      {"started the second it became valid", 100, voucher(600'000, 1000, 1000), no_limit, 60, 40, 0},
      {"started the second it expired", 100, voucher(600'000, 1000, 0, 1000), no_limit, 0, 100, 0},
      {"valid for a quarter of it", 100, voucher(600'000, 1000, 0, 1250), no_limit, 15, 85, 0},
      {"ended the second it expired", 100, voucher(600'000, 1000, 0, 2000), no_limit, 60, 40, 0},
      {"valid for a third of a millionth", 1, voucher(1'000'000, 1000, 0, 1333), no_limit, 0, 1, 0},
      {"a job for nothing", 0, voucher(600'000, 1000), no_limit, 0, 0, 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const Split split = split_charge({Money{row.amount}, 1000, 2000, row.voucher, row.self_max});
    EXPECT_EQ(split.by_voucher.micro, row.by_voucher);
    EXPECT_EQ(split.by_self.micro, row.by_self);
    EXPECT_EQ(split.overrun.micro, row.overrun);
    EXPECT_TRUE(row.overrun == 0 || !split.reasons.empty());
  }
}

TEST(Settlement, ReasonsSayWhatIsMissing) {
  const Split split = split_charge({Money{100'000'000}, 1000, 2000, VoucherSide{Share{600'000}, Money{50'000'000}, 0, 1500, true}, Money{1'000'000}});
  EXPECT_EQ(split.reasons, (std::vector<std::string>{"the voucher was valid for 50.000000 of 100.000000",
                                                     "the user's self-pay limit leaves 69.000000 as overrun"}));
  const Split short_of = split_charge({Money{100'000'000}, 1000, 2000, VoucherSide{Share{600'000}, Money{50'000'000}, 0, 3000, true}, {}});
  EXPECT_EQ(short_of.reasons, (std::vector<std::string>{"the voucher should have paid 60.000000 and had 50.000000: 10.000000 is overrun"}));
}

TEST(RefundByRule, Table) {
  const RefundRule all{{"NODE_FAIL", "BOOT_FAIL"}, Share{share_whole}, std::nullopt};
  const RefundRule some{{"NODE_FAIL"}, Share{500'000}, 2};
  constexpr std::int64_t hour = 3600;
  const struct {
    const char* what;
    const RefundRule& rule;
    const char* state;
    std::int64_t amount, elapsed, back;
  } rows[] = {
      {"all of it", all, "NODE_FAIL", 100, 3 * hour, 100},
      {"the other state", all, "BOOT_FAIL", 100, 3 * hour, 100},
      {"a state that the rule doesn't name", all, "FAILED", 100, 3 * hour, 0},
      {"half of a short run", some, "NODE_FAIL", 100, hour, 50},
      {"half of what two of three hours cost, rounded down twice", some, "NODE_FAIL", 100, 3 * hour, 33},
      {"what cost nothing", some, "NODE_FAIL", 0, hour, 0},
      {"what never ran", some, "NODE_FAIL", 0, 0, 0},
  };
  for (const auto& row : rows) EXPECT_EQ(refund_by_rule(row.rule, row.state, Money{row.amount}, row.elapsed).micro, row.back) << row.what;
}

RC_GTEST_PROP(RefundProperty, PartialRefundsEndWhereAWholeOneDoes, ()) {
  const auto part = [] { return Money{*rc::gen::inRange<std::int64_t>(0, 1'000'000)}; };
  const Parts borne{part(), part(), part()};
  Parts before;
  for (int i = 0; i < 3 && before.sum() < borne.sum(); ++i) {
    const Money total{*rc::gen::inRange<std::int64_t>(before.sum().micro, borne.sum().micro + 1)};
    const Parts after = share_refund(borne, before, total);
    RC_ASSERT(after.sum() == total);
    for (const auto one : {&Parts::by_voucher, &Parts::by_self, &Parts::overrun}) {
      RC_ASSERT((before.*one <= after.*one) && (after.*one <= borne.*one));
    }
    before = after;
  }
  if (before.sum() == borne.sum()) return;
  const Parts whole = share_refund(borne, before, borne.sum());
  RC_ASSERT(whole.by_voucher == borne.by_voucher && whole.by_self == borne.by_self && whole.overrun == borne.overrun);
}

RC_GTEST_PROP(SettlementProperty, PartsAreTheWholeAndNobodyPaysTooMuch, ()) {
  const auto amount = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000);
  const auto start = *rc::gen::inRange<UnixTime>(0, 100'000);
  SplitInput input{Money{amount}, start, start + *rc::gen::inRange<UnixTime>(0, 100'000), std::nullopt, std::nullopt};
  if (*rc::gen::arbitrary<bool>()) {
    const auto from = *rc::gen::inRange<UnixTime>(0, 200'000);
    input.voucher = VoucherSide{Share{*rc::gen::inRange<std::int64_t>(0, share_whole + 1)}, Money{*rc::gen::inRange<std::int64_t>(0, amount + 2)},
                                from, from + *rc::gen::inRange<UnixTime>(1, 200'000), *rc::gen::arbitrary<bool>()};
  }
  if (*rc::gen::arbitrary<bool>()) input.self_max = Money{*rc::gen::inRange<std::int64_t>(0, amount + 2)};
  const Split split = split_charge(input);
  RC_ASSERT(split.by_voucher + split.by_self + split.overrun == input.amount);
  RC_ASSERT(split.by_voucher.micro >= 0 && split.by_self.micro >= 0 && split.overrun.micro >= 0);
  RC_ASSERT(input.voucher || split.by_voucher.is_zero());
  if (input.voucher) {
    RC_ASSERT(split.by_voucher <= input.voucher->payable);
    RC_ASSERT(split.by_voucher <= floor_share(input.amount, input.voucher->share));
  }
  RC_ASSERT(!input.self_max || split.by_self <= *input.self_max);
}

}  // namespace
}  // namespace sluice::service
