// SPDX-License-Identifier: Apache-2.0
//
// Who talks to whom, and in which order. Pure.

#pragma once

#include <vector>

namespace sluice::linkbench {

struct Pair {
  int source = 0;
  int target = 0;

  friend bool operator==(const Pair&, const Pair&) = default;
};

/// Rank 0 with every other rank, one after the other, so that no pair disturbs another.
[[nodiscard]] std::vector<Pair> star_schedule(int ranks);

}  // namespace sluice::linkbench
