// SPDX-License-Identifier: Apache-2.0
//
// The jobs that each slurmctld held when it was last read, by what people call
// them. Kept in memory only. Any thread may call.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/service/job_name.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::service {

class LiveJobs {
 public:
  /// What `cluster` holds now, in place of what it held before.
  void replace(const std::string& cluster, std::vector<slurm::LiveJob> jobs);

  /// The job, where it runs rather than where a federation only tracks it. Of an array's task that
  /// is still pending: the record that stands for all such.
  [[nodiscard]] std::optional<slurm::LiveJob> find(const JobName& name, const std::optional<std::string>& cluster) const;

  /// The components of a heterogeneous job that `cluster` holds.
  [[nodiscard]] std::vector<slurm::LiveJob> components(const std::string& cluster, std::uint32_t het_job_id) const;

 private:
  struct Held {
    std::vector<slurm::LiveJob> jobs;
    std::unordered_multimap<std::uint32_t, std::size_t> by_id;        ///< places in `jobs`
    std::unordered_multimap<std::uint32_t, std::size_t> by_array_id;
    std::unordered_multimap<std::uint32_t, std::size_t> by_het_id;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Held>> held_of_cluster_;  ///< guarded by mutex_
};

/// Whether "0-9%5", "1-6:2" or "1,3,5-7" holds `task`; true also where that can't be read.
[[nodiscard]] bool may_hold_task(std::string_view tasks, std::uint32_t task);

}  // namespace sluice::service
