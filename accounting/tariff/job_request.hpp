// SPDX-License-Identifier: Apache-2.0
//
// The job of a submission as the job_submit plugin sends it: the job object of
// plugins/job_submit/PROTOCOL.md, field by field. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace simdjson::dom {
class element;
}

namespace sluice::tariff {

/// What is unset is nullopt, never a sentinel.
struct JobRequest {
  std::uint32_t user_id = 0;  ///< who is charged; the submitter can be another (submit_uid)
  std::optional<std::uint32_t> group_id, submit_uid, job_id, het_offset;

  std::optional<std::string> account, partition, qos, name, features, clusters, cluster_features, origin_cluster,
      reservation, req_nodes, admin_comment;
  std::optional<std::string> array;  ///< as typed, "1-100%5"

  std::optional<std::int64_t> time_limit_minutes;
  bool time_limit_infinite = false;  ///< "infinite": asked for, unlike unset
  std::optional<UnixTime> begin_time, deadline;

  std::optional<std::int64_t> min_nodes, max_nodes, num_tasks, min_cpus, max_cpus, cpus_per_task, ntasks_per_node,
      pn_min_cpus;
  std::optional<std::int64_t> mem_per_node_mb, mem_per_cpu_mb;  ///< at most one; 0 = all of the node
  std::optional<std::int64_t> shared;                           ///< 0 = --exclusive

  std::optional<std::string> tres_per_job, tres_per_node, tres_per_socket, tres_per_task, cpus_per_tres, mem_per_tres;

  bool interactive = false;
  bool cron = false;  ///< a line of a scrontab: one job id, many runs
};

/// Refuses ("bad_request") a wrong type, a value out of range and a missing
/// user_id; members it doesn't know are left alone.
[[nodiscard]] Result<JobRequest> job_request_from_json(const simdjson::dom::element& job);

[[nodiscard]] Result<JobRequest> job_request_from_text(std::string_view json);

}  // namespace sluice::tariff
