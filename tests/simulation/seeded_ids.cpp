// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/seeded_ids.hpp"

#include <openssl/rand.h>

#include "tests/simulation/dice.hpp"

namespace sluice::simulation {
namespace {

Dice ids(0);

}  // namespace

void seed_ids(std::uint64_t seed) { ids = Dice(seed); }

}  // namespace sluice::simulation

/// Stands before libcrypto's function of that name, for this program alone.
int RAND_bytes(unsigned char* bytes, int size) {
  for (int i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(sluice::simulation::ids.next());
  return 1;
}
