// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on counts that users send: it stops at a bound far above any
// cluster instead of overflowing, and the caller refuses what reached it. Pure.

#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::tariff {

inline constexpr std::int64_t count_bound = 1'000'000'000'000'000;

/// REQUIRES: both ≥ 0.
[[nodiscard]] inline std::int64_t bounded_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? count_bound : std::min(product, count_bound);
}

[[nodiscard]] inline std::int64_t bounded_add(std::int64_t a, std::int64_t b) {
  return std::min(std::min(a, count_bound) + std::min(b, count_bound), count_bound);
}

/// REQUIRES: count ≥ 0, per > 0.
[[nodiscard]] inline std::int64_t divide_up(std::int64_t count, std::int64_t per) {
  return count / per + (count % per != 0 ? 1 : 0);
}

}  // namespace sluice::tariff
