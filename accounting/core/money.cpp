// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/money.hpp"

#include <limits>

#include "accounting/core/check.hpp"

namespace sluice {
namespace {

constexpr std::int64_t micro_per_fen = 10'000;

std::string format_scaled(std::int64_t value, int decimals) {
  // Digits of |value| without ever negating the minimum.
  const bool negative = value < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits = std::to_string(magnitude);
  if (digits.size() <= static_cast<std::size_t>(decimals)) {
    digits.insert(0, static_cast<std::size_t>(decimals) + 1 - digits.size(), '0');
  }
  digits.insert(digits.size() - static_cast<std::size_t>(decimals), 1, '.');
  return negative ? "-" + digits : digits;
}

}  // namespace

std::optional<Money> checked_add(Money a, Money b) {
  Money sum;
  if (__builtin_add_overflow(a.micro, b.micro, &sum.micro)) return std::nullopt;
  return sum;
}

std::optional<Money> checked_subtract(Money a, Money b) {
  Money difference;
  if (__builtin_sub_overflow(a.micro, b.micro, &difference.micro)) return std::nullopt;
  return difference;
}

Money operator+(Money a, Money b) {
  const auto sum = checked_add(a, b);
  SLUICE_CHECK(sum.has_value(), "an amount overflowed");
  return *sum;
}

Money operator-(Money a, Money b) {
  const auto difference = checked_subtract(a, b);
  SLUICE_CHECK(difference.has_value(), "an amount overflowed");
  return *difference;
}

Result<Money> parse_money(std::string_view text) {
  const auto bad = [&](const char* why) {
    return refusal("bad_amount", "'" + std::string(text.substr(0, 40)) + "' is not an amount: " + why +
                                     "; write it like 12.50, with at most six decimals");
  };
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && rest.front() == '-') {
    negative = true;
    rest.remove_prefix(1);
  }
  std::int64_t micro = 0;
  std::size_t whole_digits = 0;
  int decimals = -1;
  for (const char c : rest) {
    if (c == '.') {
      if (decimals >= 0) return bad("it has two points");
      if (whole_digits == 0) return bad("digits are missing before the point");
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9') return bad("it holds something other than digits and one point");
    if (decimals >= 0) {
      if (++decimals > 6) return bad("it has more than six decimals");
    } else {
      ++whole_digits;
    }
    // Downwards, since the smallest amount has no positive counterpart.
    if (__builtin_mul_overflow(micro, 10, &micro) || __builtin_sub_overflow(micro, c - '0', &micro)) {
      return bad("it is too large");
    }
  }
  if (whole_digits == 0) return bad("it is empty");
  if (decimals == 0) return bad("digits are missing after the point");
  for (int i = decimals < 0 ? 0 : decimals; i < 6; ++i) {
    if (__builtin_mul_overflow(micro, 10, &micro)) return bad("it is too large");
  }
  if (!negative && __builtin_sub_overflow(std::int64_t{0}, micro, &micro)) return bad("it is too large");
  return Money{micro};
}

std::string format_money(Money amount) { return format_scaled(amount.micro, 6); }

Money round_to_fen(Money amount) {
  const auto fen = divide_half_even(amount.micro, micro_per_fen);
  Money rounded;
  SLUICE_CHECK(!__builtin_mul_overflow(fen->micro, micro_per_fen, &rounded.micro), "an amount overflowed");
  return rounded;
}

std::string format_money_fen(Money amount) {
  return format_scaled(divide_half_even(amount.micro, micro_per_fen)->micro, 2);
}

std::int64_t fen_at_most(Money amount) {
  const bool cut = amount.is_negative() && amount.micro % micro_per_fen != 0;
  return amount.micro / micro_per_fen - (cut ? 1 : 0);
}

std::int64_t fen_at_least(Money amount) {
  const bool cut = !amount.is_negative() && amount.micro % micro_per_fen != 0;
  return amount.micro / micro_per_fen + (cut ? 1 : 0);
}

std::string format_fen(std::int64_t fen) { return format_scaled(fen, 2); }

std::optional<Money> divide_half_even(Int128 numerator, Int128 denominator) {
  SLUICE_CHECK(denominator > 0, "division needs a positive denominator");
  Int128 quotient = numerator / denominator;
  Int128 remainder = numerator % denominator;
  const bool negative = numerator < 0;
  if (negative) remainder = -remainder;
  const Int128 rest = denominator - remainder;  // compared rather than doubled, which could overflow
  if (remainder > rest || (remainder == rest && quotient % 2 != 0)) quotient += negative ? -1 : 1;
  if (quotient > std::numeric_limits<std::int64_t>::max() || quotient < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return Money{static_cast<std::int64_t>(quotient)};
}

Result<Share> parse_share(std::string_view text) {
  const auto amount = parse_money(text);
  if (!amount.ok() || amount->micro < 0 || amount->micro > share_whole) {
    return refusal("bad_share", "'" + std::string(text.substr(0, 40)) +
                                    "' is not a share; write a part of one such as 0.60, from 0 to 1");
  }
  return Share{amount->micro};
}

std::string format_share(Share share) {
  std::string text = format_scaled(share.millionths, 6);
  while (text.back() == '0' && text[text.size() - 3] != '.') text.pop_back();
  return text;
}

Money floor_share(Money amount, Share share) { return floor_fraction(amount, share.millionths, share_whole); }

Money floor_fraction(Money amount, std::int64_t part, std::int64_t whole) {
  SLUICE_CHECK(amount.micro >= 0 && part >= 0 && whole > 0 && part <= whole, "a fraction is a part of a whole");
  return Money{static_cast<std::int64_t>(static_cast<Int128>(amount.micro) * part / whole)};
}

std::string format_at_most(Money amount) { return format_fen(fen_at_most(amount)); }

std::string format_at_least(Money amount) { return format_fen(fen_at_least(amount)); }

}  // namespace sluice
