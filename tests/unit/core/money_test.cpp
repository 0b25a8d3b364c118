// SPDX-License-Identifier: Apache-2.0
//
// Goal: an amount is never wrapped, never rounded twice, never read as something
// else. Method: rows for the forms; random amounts against slow references.

#include "accounting/core/money.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>

namespace sluice {
namespace {

constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t int64_min = std::numeric_limits<std::int64_t>::min();

TEST(Money, ReadsRows) {
  struct Row {
    const char* text;
    std::optional<std::int64_t> micro;
  };
  const Row rows[] = {
      {"0", 0},
      {"12", 12'000'000},
      {"12.5", 12'500'000},
      {"-0.000001", -1},
      {"-0", 0},
      {"007.10", 7'100'000},
      {"9223372036854.775807", int64_max},
      {"-9223372036854.775808", int64_min},
      {"9223372036854.775808", std::nullopt},
      {"-9223372036854.775809", std::nullopt},
      {"99999999999999999999", std::nullopt},
      {"9223372036855", std::nullopt},
      {"", std::nullopt},
      {"-", std::nullopt},
      {".", std::nullopt},
      {".5", std::nullopt},
      {"5.", std::nullopt},
      {"1.2.3", std::nullopt},
      {"0.1234567", std::nullopt},
      {"+1", std::nullopt},
      {"1e3", std::nullopt},
      {" 1", std::nullopt},
      {"1,000", std::nullopt},
      {"--1", std::nullopt},
      {"\xEF\xBC\x91", std::nullopt},  // a full-width digit
  };
  for (const Row& row : rows) {
    const auto amount = parse_money(row.text);
    ASSERT_EQ(amount.ok(), row.micro.has_value()) << row.text;
    if (row.micro) {
      EXPECT_EQ(amount->micro, *row.micro) << row.text;
    } else {
      EXPECT_EQ(amount.failure().code, "bad_amount") << row.text;
      EXPECT_NE(amount.failure().text.find("write it like 12.50"), std::string::npos);
    }
  }
}

TEST(Money, WritesRows) {
  struct Row {
    std::int64_t micro;
    const char* full;
    const char* fen;
  };
  const Row rows[] = {
      {0, "0.000000", "0.00"},
      {12'500'000, "12.500000", "12.50"},
      {-1, "-0.000001", "0.00"},
      {5'000, "0.005000", "0.00"},    // half to even: down
      {15'000, "0.015000", "0.02"},   // half to even: up
      {-5'000, "-0.005000", "0.00"},
      {-15'000, "-0.015000", "-0.02"},
      {5'001, "0.005001", "0.01"},
      {int64_max, "9223372036854.775807", "9223372036854.78"},
      {int64_min, "-9223372036854.775808", "-9223372036854.78"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(format_money(Money{row.micro}), row.full);
    EXPECT_EQ(format_money_fen(Money{row.micro}), row.fen);
  }
}

TEST(Money, ReportsOverflowInsteadOfWrapping) {
  EXPECT_FALSE(checked_add(Money{int64_max}, Money{1}));
  EXPECT_FALSE(checked_subtract(Money{int64_min}, Money{1}));
  EXPECT_EQ(checked_add(Money{int64_max}, Money{-1}), Money{int64_max - 1});
  EXPECT_EQ(Money{3} - Money{5}, Money{-2});
}

TEST(MoneyDeathTest, StopsBeforeAWrongBalance) {
  EXPECT_DEATH((void)(Money{int64_max} + Money{1}), "an amount overflowed");
  EXPECT_DEATH((void)round_to_fen(Money{int64_max}), "an amount overflowed");
  EXPECT_DEATH((void)floor_share(Money{-1}, Share{share_whole}), "a fraction is a part of a whole");
}

TEST(Money, DividesHalfEvenWhereDoublingWouldOverflow) {
  const Int128 huge = static_cast<Int128>(1) << 126;
  EXPECT_EQ(divide_half_even(huge + huge / 2, huge + (huge - 1)), Money{1});
  EXPECT_FALSE(divide_half_even(huge, 1));
}

RC_GTEST_PROP(Money, ReadsWhatItWrites, (std::int64_t micro)) {
  const auto read = parse_money(format_money(Money{micro}));
  RC_ASSERT(read.ok());
  RC_ASSERT(read->micro == micro);
}

/// Half-even by the definition: the nearest of the two neighbours, the even one where both are as near.
std::int64_t slow_half_even(std::int64_t numerator, std::int64_t denominator) {
  Int128 below = numerator / denominator;
  if (below * denominator > numerator) --below;
  const Int128 to_below = numerator - below * denominator;
  const Int128 to_above = denominator - to_below;
  if (to_below < to_above) return static_cast<std::int64_t>(below);
  if (to_below > to_above) return static_cast<std::int64_t>(below + 1);
  return static_cast<std::int64_t>(below % 2 == 0 ? below : below + 1);
}

RC_GTEST_PROP(Money, DividesLikeTheSlowReference, ()) {
  const auto numerator = *rc::gen::inRange<std::int64_t>(-1'000'000, 1'000'000);
  const auto denominator = *rc::gen::inRange<std::int64_t>(1, 64);
  const auto fast = divide_half_even(numerator, denominator);
  RC_ASSERT(fast.has_value());
  RC_ASSERT(fast->micro == slow_half_even(numerator, denominator));
}

RC_GTEST_PROP(Money, DividesLargeAmountsLikeTheSlowReference, (std::int64_t numerator)) {
  const auto denominator = *rc::gen::inRange<std::int64_t>(1, int64_max);
  RC_ASSERT(divide_half_even(numerator, denominator)->micro == slow_half_even(numerator, denominator));
}

RC_GTEST_PROP(Money, RoundsToTheNearestFen, ()) {
  const auto micro = *rc::gen::inRange<std::int64_t>(-1'000'000'000'000, 1'000'000'000'000);
  const auto fen = round_to_fen(Money{micro});
  RC_ASSERT(fen.micro % 10'000 == 0);
  RC_ASSERT(std::abs(fen.micro - micro) <= 5'000);
  RC_ASSERT(format_money(fen) == (format_money_fen(Money{micro}) + "0000"));
}

TEST(Money, RoundsWhatIsThereDownAndWhatIsNeededUp) {
  EXPECT_EQ(fen_at_most(Money{37'758}), 3);
  EXPECT_EQ(fen_at_least(Money{37'758}), 4);
  EXPECT_EQ(fen_at_most(Money{-1}), -1);
  EXPECT_EQ(fen_at_least(Money{-1}), 0);
  EXPECT_EQ(format_fen(fen_at_least(Money{int64_max})), "9223372036854.78");
  EXPECT_EQ(format_fen(fen_at_most(Money{int64_min})), "-9223372036854.78");
}

RC_GTEST_PROP(Money, AnAmountThatIsTooSmallReadsSmaller, ()) {
  const Money there{*rc::gen::arbitrary<std::int64_t>()};
  const Money needed{*rc::gen::arbitrary<std::int64_t>()};
  RC_PRE(there < needed);
  RC_ASSERT(fen_at_most(there) < fen_at_least(needed));
}

RC_GTEST_PROP(Money, SharesNeverExceedTheWhole, ()) {
  const Money amount{*rc::gen::inRange<std::int64_t>(0, int64_max)};
  const Share share{*rc::gen::inRange<std::int64_t>(0, share_whole + 1)};
  const Money part = floor_share(amount, share);
  const Money rest = amount - part;
  RC_ASSERT(part + rest == amount);
  RC_ASSERT(!part.is_negative() && !rest.is_negative());
  // The floor: one millionth more would be above the exact share.
  const Int128 exact = static_cast<Int128>(amount.micro) * share.millionths;
  RC_ASSERT(static_cast<Int128>(part.micro) * share_whole <= exact);
  RC_ASSERT(static_cast<Int128>(part.micro + 1) * share_whole > exact);
}

RC_GTEST_PROP(Money, PartsOfAWholeLeaveLessThanOneUnitEach, ()) {
  const Money amount{*rc::gen::inRange<std::int64_t>(0, int64_max)};
  const auto parts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 1'000'000)));
  std::int64_t whole = 0;
  for (const auto part : parts) whole += part;
  Int128 sum = 0;
  for (const auto part : parts) sum += floor_fraction(amount, part, whole).micro;
  RC_ASSERT(sum <= amount.micro);
  RC_ASSERT(amount.micro - sum < static_cast<Int128>(parts.size()));
}

TEST(Share, ReadsAndWritesRows) {
  struct Row {
    const char* text;
    const char* written;  // nullptr: refused
  };
  const Row rows[] = {{"0.60", "0.60"},   {"0.6", "0.60"},      {"1", "1.00"},    {"0", "0.00"},     {"0.333333", "0.333333"},
                      {"0.125", "0.125"}, {"0.100000", "0.10"}, {"1.000001", nullptr}, {"-0.1", nullptr}, {"60%", nullptr},
                      {"", nullptr}};
  for (const Row& row : rows) {
    const auto share = parse_share(row.text);
    ASSERT_EQ(share.ok(), row.written != nullptr) << row.text;
    if (row.written != nullptr) {
      EXPECT_EQ(format_share(*share), row.written);
    } else {
      EXPECT_EQ(share.failure().code, "bad_share");
    }
  }
}

}  // namespace
}  // namespace sluice
