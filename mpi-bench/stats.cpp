// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/stats.hpp"

#include <algorithm>

namespace sluice::linkbench {

Summary summarize(std::vector<std::int64_t> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  const auto percentile = [&](std::size_t percent) {
    const std::size_t rank = (n * percent + 99) / 100;  // rounded up, from 1
    return samples[rank - 1];
  };
  return {n, samples.front(), percentile(50), percentile(99), samples.back()};
}

}  // namespace sluice::linkbench
