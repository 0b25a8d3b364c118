// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/controller.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <set>

#include "accounting/slurm/child/slurm_headers.hpp"
#include "accounting/slurm/slurm_text.hpp"

namespace sluice::slurm {
namespace {

template <auto Release>
struct Releaser {
  template <typename T>
  void operator()(T* message) const {
    Release(message);
  }
};
template <typename T, auto Release>
using Owned = std::unique_ptr<T, Releaser<Release>>;

using OwnedJobs = Owned<job_info_msg_t, slurm_free_job_info_msg>;
using OwnedNodes = Owned<node_info_msg_t, slurm_free_node_info_msg>;
using OwnedPartitions = Owned<partition_info_msg_t, slurm_free_partition_info_msg>;
using OwnedConfig = Owned<slurm_conf_t, free_config>;
using OwnedStatistics = Owned<stats_info_response_msg_t, slurm_free_stats_response_msg>;

// A bit of AccountingStorageEnforce, since 1.3 the same; no public header names it.
constexpr std::uint16_t enforce_associations = 1;

/// The controllers' records in slurmdbd, by which libslurm finds another cluster's slurmctld.
void bind_to_cluster(const std::string& cluster) {
  std::string name = cluster;
  errno = 0;
  const ListPointer clusters = slurmdb_get_info_cluster(name.data());
  if (!clusters && errno != 0) throw fault_from_errno("find cluster " + cluster + " in slurmdbd");
  // Kept for the life of the process: libslurm holds on to it.
  working_cluster_rec = clusters ? static_cast<slurmdb_cluster_rec_t*>(slurm_list_pop(clusters)) : nullptr;
  if (!working_cluster_rec) throw HelperFault{"slurmdbd knows no running cluster \"" + cluster + '"', 0, false};
}

OwnedConfig load_config() {
  slurm_conf_t* config = nullptr;
  errno = 0;
  if (slurm_load_ctl_conf(0, &config) != SLURM_SUCCESS) throw fault_from_errno("read slurmctld's configuration");
  return OwnedConfig(config);
}

LiveJob live_job(const slurm_job_info_t& raw, const std::string& cluster) {
  LiveJob job;
  job.cluster = cluster;
  job.job_id = job_id_of(raw);
  job.array_job_id = raw.array_job_id;
  if (raw.array_job_id != 0 && raw.array_task_id != NO_VAL) job.array_task_id = raw.array_task_id;
  job.array_tasks = text_of(raw.array_task_str);
  job.user_id = raw.user_id;
  job.account = text_of(raw.account);
  job.partition = text_of(raw.partition);
  job.state = base_state_name(raw.job_state);
  job.finished = is_end_state(raw.job_state);
  job.revoked = (raw.job_state & state_revoked) != 0;
  job.submit = raw.submit_time;
  // For a pending job start_time is a guess.
  if (raw.nodes && *raw.nodes && raw.start_time > 0) job.start = raw.start_time;
  if (raw.het_job_id != 0 && raw.het_job_id != NO_VAL) {
    job.het_job_id = raw.het_job_id;
    job.het_job_offset = raw.het_job_offset;
  }
  if (raw.time_limit != NO_VAL && raw.time_limit != INFINITE) job.time_limit_minutes = raw.time_limit;
  job.tres_req = text_of(raw.tres_req_str);
  job.admin_comment = text_of(raw.admin_comment);
  return job;
}

Node node_from(const node_info_t& raw) {
  Node node;
  node.name = text_of(raw.name);
  node.cpus = raw.cpus_efctv != 0 ? raw.cpus_efctv : raw.cpus;
  const bool has_own_share = raw.mem_spec_limit != NO_VAL64 && raw.mem_spec_limit < raw.real_memory;
  node.memory_mb = static_cast<std::int64_t>(raw.real_memory - (has_own_share ? raw.mem_spec_limit : 0));
  node.sockets = raw.sockets;
  node.gres = parse_gres(text_of(raw.gres));
  return node;
}

struct DefaultMemory {
  std::int64_t per_cpu_mb = 0;
  std::int64_t per_node_mb = 0;
  [[nodiscard]] bool is_set() const { return per_cpu_mb != 0 || per_node_mb != 0; }
};

DefaultMemory default_memory(std::uint64_t raw) {
  DefaultMemory memory;
  if (raw == 0 || raw >= NO_VAL64 - 3) return memory;
  if (raw & MEM_PER_CPU) {
    memory.per_cpu_mb = static_cast<std::int64_t>(raw & ~MEM_PER_CPU);
  } else {
    memory.per_node_mb = static_cast<std::int64_t>(raw);
  }
  return memory;
}

std::vector<std::string> expand_hosts(const char* hosts) {
  std::vector<std::string> names;
  const auto list = slurm_hostlist_create(hosts ? hosts : "");
  if (!list) return names;
  while (char* name = slurm_hostlist_shift(list)) {
    names.emplace_back(name);
    std::free(name);
  }
  slurm_hostlist_destroy(list);
  return names;
}

/// The nodes of a partition: by name, or by index where names aren't nodes ("ALL", a node set).
std::vector<std::string> partition_nodes(const partition_info_t& raw, const node_info_msg_t& nodes,
                                         const std::set<std::string>& known) {
  auto names = expand_hosts(raw.nodes);
  bool all_known = true;
  for (const auto& name : names) all_known = all_known && known.contains(name);
  if (all_known) return names;
  names.clear();
  for (const std::int32_t* range = raw.node_inx; range && range[0] >= 0; range += 2) {
    for (std::int32_t i = range[0]; i <= range[1] && i < static_cast<std::int32_t>(nodes.record_count); ++i) {
      if (nodes.node_array[i].name) names.emplace_back(nodes.node_array[i].name);
    }
  }
  return names;
}

Partition partition_from(const partition_info_t& raw, const DefaultMemory& site_memory) {
  Partition partition;
  partition.name = text_of(raw.name);
  partition.is_default = (raw.flags & PART_FLAG_DEFAULT) != 0;
  if (raw.default_time != NO_VAL && raw.default_time != INFINITE) partition.default_minutes = raw.default_time;
  if (raw.max_time != NO_VAL && raw.max_time != INFINITE) partition.max_minutes = raw.max_time;
  auto memory = default_memory(raw.def_mem_per_cpu);
  if (!memory.is_set()) memory = site_memory;
  partition.def_mem_per_cpu_mb = memory.per_cpu_mb;
  partition.def_mem_per_node_mb = memory.per_node_mb;
  partition.exclusive = (raw.max_share & ~SHARED_FORCE) == 0;
  return partition;
}

}  // namespace

std::string local_cluster() {
  // libslurm has read slurm.conf into a variable that it exports and doesn't declare.
  const auto* config = static_cast<const slurm_conf_t*>(dlsym(RTLD_DEFAULT, "slurm_conf"));
  if (config && config->cluster_name && *config->cluster_name) return config->cluster_name;
  return text_of(load_config()->cluster_name);
}

UnixTime load_live_jobs(const std::string& cluster, const std::function<void(LiveJob job)>& on_job) {
  if (cluster != local_cluster()) bind_to_cluster(cluster);
  job_info_msg_t* message = nullptr;
  errno = 0;
  // SHOW_ALL: hidden partitions too, and jobs that a federation sibling runs.
  if (slurm_load_jobs(0, &message, SHOW_ALL | SHOW_LOCAL) != SLURM_SUCCESS) {
    throw fault_from_errno("read the jobs of cluster " + cluster);
  }
  const OwnedJobs jobs(message);
  for (std::uint32_t i = 0; i < jobs->record_count; ++i) {
    const auto& raw = jobs->job_array[i];
    // What is left of a federation sibling's copy has no id of its own for a while.
    if (job_id_of(raw) != 0 && job_id_of(raw) != NO_VAL) on_job(live_job(raw, cluster));
  }
  return jobs->last_update;
}

Inventory load_local_inventory() {
  const OwnedConfig config = load_config();
  node_info_msg_t* node_message = nullptr;
  errno = 0;
  if (slurm_load_node(0, &node_message, SHOW_ALL | SHOW_LOCAL) != SLURM_SUCCESS) {
    throw fault_from_errno("read nodes from slurmctld");
  }
  const OwnedNodes nodes(node_message);
  partition_info_msg_t* partition_message = nullptr;
  errno = 0;
  if (slurm_load_partitions(0, &partition_message, SHOW_ALL | SHOW_LOCAL) != SLURM_SUCCESS) {
    throw fault_from_errno("read partitions from slurmctld");
  }
  const OwnedPartitions partitions(partition_message);

  Inventory inventory;
  inventory.cluster = text_of(config->cluster_name);
  inventory.as_of = std::time(nullptr);
  inventory.memory_is_consumable = memory_is_consumable(*config);
  for (std::uint32_t i = 0; i < config->control_cnt; ++i) {
    inventory.control_hosts.push_back(text_of(config->control_machine[i]));
  }
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < nodes->record_count; ++i) {
    if (!nodes->node_array[i].name) continue;  // a place in the table that is free
    inventory.nodes.push_back(node_from(nodes->node_array[i]));
    names.insert(inventory.nodes.back().name);
  }
  const auto site_memory = default_memory(config->def_mem_per_cpu);
  for (std::uint32_t i = 0; i < partitions->record_count; ++i) {
    const auto& raw = partitions->partition_array[i];
    auto partition = partition_from(raw, site_memory);
    partition.nodes = partition_nodes(raw, *nodes, names);
    inventory.partitions.push_back(std::move(partition));
  }
  return inventory;
}

Diagnosis diagnose_local_controller() {
  const OwnedConfig config = load_config();
  stats_info_request_msg_t request{};
  request.command_id = STAT_COMMAND_GET;
  stats_info_response_msg_t* message = nullptr;
  const UnixTime asked_at = std::time(nullptr);
  errno = 0;
  if (slurm_get_statistics(&message, &request) != SLURM_SUCCESS) throw fault_from_errno("read slurmctld's statistics");
  const OwnedStatistics statistics(message);
  const UnixTime answered_at = std::time(nullptr);

  Diagnosis diagnosis;
  diagnosis.cluster = text_of(config->cluster_name);
  diagnosis.slurm_version = text_of(config->version);
  // Its clock was read between the two; what lies between them is no difference.
  const UnixTime there = statistics->req_time;
  diagnosis.clock_ahead_seconds = there - std::clamp<UnixTime>(there, asked_at, answered_at);
  diagnosis.job_submit_plugins = text_of(config->job_submit_plugins);
  diagnosis.storage_type = text_of(config->accounting_storage_type);
  diagnosis.storage_tres = text_of(config->accounting_storage_tres);
  diagnosis.enforces_associations = (config->accounting_storage_enforce & enforce_associations) != 0;
  diagnosis.state_folder = text_of(config->state_save_location);
  diagnosis.dbd_queue = statistics->dbd_agent_queue_size;
  diagnosis.dbd_queue_max = config->max_dbd_msgs;
  return diagnosis;
}

}  // namespace sluice::slurm
