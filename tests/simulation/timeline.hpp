// SPDX-License-Identifier: Apache-2.0
//
// Timeline: the model now, and as a machine that dies would leave it. Pure.

#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/model.hpp"

namespace sluice::simulation {

class Timeline {
 public:
  using Change = std::function<void(State&)>;

  [[nodiscard]] const State& now() const { return now_; }

  /// What entry `number` of the storage changes.
  void change(std::uint64_t number, Change change) {
    change(now_);
    unsynced_.emplace_back(number, std::move(change));
  }

  /// A machine's death can't take the entries up to `number` any more.
  void synced(std::uint64_t number) {
    for (; !unsynced_.empty() && unsynced_.front().first <= number; unsynced_.pop_front()) unsynced_.front().second(safe_);
  }

  /// Of the entries that were not synced only these are left, in ascending order. Returns how many are gone.
  std::size_t crash(const std::vector<std::uint64_t>& survivors) {
    std::set<std::uint64_t> lost;
    for (const auto& [number, change] : unsynced_) {
      if (std::binary_search(survivors.begin(), survivors.end(), number)) change(safe_);
      else lost.insert(number);
    }
    unsynced_.clear();
    now_ = safe_;
    return lost.size();
  }

 private:
  State now_;
  State safe_;
  std::deque<std::pair<std::uint64_t, Change>> unsynced_;
};

}  // namespace sluice::simulation
