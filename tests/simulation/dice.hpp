// SPDX-License-Identifier: Apache-2.0
//
// Dice: all chance of a simulation, out of one number. The same on every machine, which
// the distributions of <random> are not. Pure.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sluice::simulation {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  /// SplitMix64.
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// 0 … count − 1. REQUIRES: count > 0.
  std::int64_t below(std::int64_t count) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(count)); }
  /// from … to, both included.
  std::int64_t between(std::int64_t from, std::int64_t to) { return from + below(to - from + 1); }
  /// True `permille` times in a thousand.
  bool chance(std::int64_t permille) { return below(1000) < permille; }

  template <typename List>
  auto& pick(List& list) {
    return list[static_cast<std::size_t>(below(static_cast<std::int64_t>(list.size())))];
  }
  /// One of the last `count`.
  template <typename List>
  auto& pick_newest(List& list, std::size_t count) {
    return list[list.size() - 1 - static_cast<std::size_t>(below(static_cast<std::int64_t>(std::min(count, list.size()))))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::simulation
