// SPDX-License-Identifier: Apache-2.0
//
// Tally: what a simulation did, for people to see that it did something.

#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace sluice::simulation {

struct Tally {
  std::uint64_t operations = 0;
  std::uint64_t centres = 0;
  std::uint64_t process_crashes = 0;
  std::uint64_t machine_crashes = 0;
  std::uint64_t entries_lost = 0;  ///< in machine crashes
  std::uint64_t restarts = 0;
  std::uint64_t clock_jumps = 0;
  std::uint64_t storage_faults = 0;
  std::uint64_t admitted = 0;
  std::uint64_t records_charged = 0;
  std::map<std::string, std::uint64_t> calls;     ///< operations by kind
  std::map<std::string, std::uint64_t> refusals;  ///< by code
};

}  // namespace sluice::simulation
