// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/schedule.hpp"

namespace sluice::linkbench {

std::vector<Pair> star_schedule(int ranks) {
  std::vector<Pair> pairs;
  for (int target = 1; target < ranks; ++target) pairs.push_back({0, target});
  return pairs;
}

}  // namespace sluice::linkbench
