// SPDX-License-Identifier: Apache-2.0
//
// Functions of this program stand before those of shared libraries of the same name.

#include "tests/simulation/stand_ins.hpp"

#include <openssl/rand.h>
#include <time.h>

#include "tests/simulation/dice.hpp"

namespace sluice::simulation {
namespace {

Dice ids(0);

}  // namespace

void seed_ids(std::uint64_t seed) { ids = Dice(seed); }

}  // namespace sluice::simulation

int RAND_bytes(unsigned char* bytes, int size) {
  for (int i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(sluice::simulation::ids.next());
  return 1;
}

int nanosleep(const timespec*, timespec*) { return 0; }
