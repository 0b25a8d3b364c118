// SPDX-License-Identifier: Apache-2.0
//
// Money: a signed amount in 1e-6 of the currency, never a double. Pure; overflow
// is checked and reported, never wrapped.

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"

namespace sluice {

/// An amount in millionths of the currency (1 yuan = 1'000'000).
struct Money {
  std::int64_t micro = 0;

  friend auto operator<=>(const Money&, const Money&) = default;
  [[nodiscard]] bool is_zero() const { return micro == 0; }
  [[nodiscard]] bool is_negative() const { return micro < 0; }
};

/// Wider than any product of an amount, a count and seconds that a job can have.
__extension__ typedef __int128 Int128;

/// Adds, or nullopt on overflow.
[[nodiscard]] std::optional<Money> checked_add(Money a, Money b);
[[nodiscard]] std::optional<Money> checked_subtract(Money a, Money b);

/// Adds where the caller has shown that the sum is bounded by amounts that were
/// themselves checked; on overflow the process stops before a wrong balance exists.
[[nodiscard]] Money operator+(Money a, Money b);
[[nodiscard]] Money operator-(Money a, Money b);

/// Reads "12", "12.5" or "-0.000001": at most six decimals, no exponent, no sign
/// but '-', no spaces, digits required on both sides of the point.
[[nodiscard]] Result<Money> parse_money(std::string_view text);

/// Six decimals, "12.500000".
[[nodiscard]] std::string format_money(Money amount);

/// Rounded half-even to the fen, "12.50".
[[nodiscard]] std::string format_money_fen(Money amount);

/// Whole fen, at most or at least `amount`. What is there is rounded down and what is
/// needed up, so that an amount which is too small never reads as if it were enough.
[[nodiscard]] std::int64_t fen_at_most(Money amount);
[[nodiscard]] std::int64_t fen_at_least(Money amount);

/// Two decimals of a number of fen, "12.50".
[[nodiscard]] std::string format_fen(std::int64_t fen);
/// "12.35": the amount in whole fen, rounded down or up.
[[nodiscard]] std::string format_at_most(Money amount);
[[nodiscard]] std::string format_at_least(Money amount);

/// `amount` rounded half-even to whole fen.
[[nodiscard]] Money round_to_fen(Money amount);

/// numerator ÷ denominator rounded half-even. nullopt where it does not fit.
/// REQUIRES: denominator > 0.
[[nodiscard]] std::optional<Money> divide_half_even(Int128 numerator, Int128 denominator);

/// A part of a whole in millionths: "0.60" is 600'000.
struct Share {
  std::int64_t millionths = 0;
  friend auto operator<=>(const Share&, const Share&) = default;
};
inline constexpr std::int64_t share_whole = 1'000'000;

/// Reads "0.60"; 0 ≤ share ≤ 1.
[[nodiscard]] Result<Share> parse_share(std::string_view text);
[[nodiscard]] std::string format_share(Share share);

/// floor(amount × share). REQUIRES: amount ≥ 0.
[[nodiscard]] Money floor_share(Money amount, Share share);

/// floor(amount × part ÷ whole). REQUIRES: amount ≥ 0, 0 ≤ part ≤ whole, whole > 0.
[[nodiscard]] Money floor_fraction(Money amount, std::int64_t part, std::int64_t whole);

}  // namespace sluice
