// SPDX-License-Identifier: Apache-2.0
//
// The work of others between two things that are timed.

#pragma once

#include <cstddef>
#include <vector>

namespace sluice::bench {

/// What a busy daemon does in between: as much of ours leaves the caches as `bytes` take.
class Elsewhere {
 public:
  explicit Elsewhere(std::size_t bytes) : memory_(bytes, 1) {}
  void work() {
    for (std::size_t i = 0; i < memory_.size(); i += 64) ++memory_[i];
  }

 private:
  std::vector<unsigned char> memory_;
};

}  // namespace sluice::bench
