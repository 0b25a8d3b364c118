// SPDX-License-Identifier: Apache-2.0
//
// What the code under test takes from the system, and what this program gives it
// instead. Random ids come out of the seed: without that the order of a hash table, and
// with it what one batch holds, would differ from run to run. Nobody sleeps.

#pragma once

#include <cstdint>

namespace sluice::simulation {

/// From here on the same ids come for the same seed.
void seed_ids(std::uint64_t seed);

}  // namespace sluice::simulation
