// SPDX-License-Identifier: Apache-2.0
//
// What is told of a set of measurements. A mean is not: one hiccup moves it, and
// nobody sees that it did. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::linkbench {

struct Summary {
  std::size_t n = 0;
  std::int64_t min = 0;
  std::int64_t p50 = 0;
  std::int64_t p99 = 0;
  std::int64_t max = 0;
};

/// Percentiles are measured values, by nearest rank: the smallest that at least that
/// part of all don't exceed. Of no samples everything is 0, with n = 0.
[[nodiscard]] Summary summarize(std::vector<std::int64_t> samples);

}  // namespace sluice::linkbench
