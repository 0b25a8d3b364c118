// SPDX-License-Identifier: Apache-2.0
//
// The random ids of the code under test, out of the seed as well: without that the order
// of a hash table, and with it what one batch holds, would differ from run to run.

#pragma once

#include <cstdint>

namespace sluice::simulation {

/// From here on the same ids come for the same seed.
void seed_ids(std::uint64_t seed);

}  // namespace sluice::simulation
