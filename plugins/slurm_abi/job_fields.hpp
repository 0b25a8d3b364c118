// SPDX-License-Identifier: Apache-2.0
//
// What a submission asks for, as plain values: read from Slurm's descriptor by
// JobDesc, or filled in by a test. No Slurm header is needed here.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::slurm_abi {

/// A field that the submission leaves unset is absent, never a sentinel. The views
/// point into the descriptor: they hold until it is changed or freed.
struct JobFields {
  using Text = std::optional<std::string_view>;
  using Number = std::optional<std::uint32_t>;

  std::uint32_t user_id = 0;   ///< whom the job runs as, and whom it is charged to
  std::uint32_t group_id = 0;
  Number job_id;               ///< set only in a federation sibling's call
  Number het_offset;           ///< set only for a component of a heterogeneous job
  bool test_only = false;      ///< `--test-only`
  bool interactive = false;    ///< srun or salloc: there is no script
  bool cron = false;           ///< a line of a scrontab: it runs again and again under one id

  Text account;
  Text partition;
  Text qos;
  Text name;
  Text features;
  Text clusters;
  Text cluster_features;
  Text origin_cluster;
  Text reservation;
  Text req_nodes;
  Text admin_comment;
  Text array;
  Text tres_per_job;
  Text tres_per_node;
  Text tres_per_socket;
  Text tres_per_task;
  Text cpus_per_tres;
  Text mem_per_tres;

  Number time_limit_minutes;
  bool time_limit_infinite = false;
  std::optional<std::int64_t> begin_time;
  std::optional<std::int64_t> deadline;

  Number min_nodes;
  Number max_nodes;
  Number num_tasks;
  Number min_cpus;
  Number max_cpus;
  Number cpus_per_task;
  Number ntasks_per_node;
  Number pn_min_cpus;
  std::optional<std::uint64_t> mem_per_node_mb;  ///< 0: all of the node
  std::optional<std::uint64_t> mem_per_cpu_mb;
  Number shared;                                 ///< 0: `--exclusive`

  /// "NAME=value" as SPANK plugins and options left them, all of them.
  std::vector<std::string_view> spank_env;
};

/// What `scontrol update` asks for: only what changes is set. An empty text takes away what was asked
/// for before, and `array` is the number of tasks that may run at once.
struct JobChange {
  JobFields fields;
  JobFields::Text job;  ///< as typed: 123, 123_4-6 or 123+1
  std::optional<std::int64_t> end_time;
};

}  // namespace sluice::slurm_abi
