// SPDX-License-Identifier: Apache-2.0
//
// Slurm's lists of numbers: the tasks of a job array and the hosts of a hostlist.
// Both come from users, so work and memory are bounded. Pure.

#pragma once

#include <cstdint>
#include <string_view>

#include "accounting/core/result.hpp"

namespace sluice::tariff {

/// Slurm's own bound: MaxArraySize can't be more.
inline constexpr std::int64_t array_tasks_max = 4'000'001;

struct ArraySize {
  std::int64_t tasks_total = 1;
  std::int64_t tasks_at_once = 1;  ///< the number after '%', or all
};

/// "1-100%5", "0-15:4" or "1,3,5-7"; an index that stands twice counts once.
[[nodiscard]] Result<ArraySize> parse_array(std::string_view text);

/// How many hosts "n1,gpu[01-04,7],r[0-1]c[0-2]" names; 0 where it can't be read.
[[nodiscard]] std::int64_t count_hosts(std::string_view hostlist);

}  // namespace sluice::tariff
