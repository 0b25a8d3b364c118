// SPDX-License-Identifier: Apache-2.0
//
// From request to worst case, in the order nodes, tasks, devices, CPUs, memory, time.

#include "accounting/tariff/estimate.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "accounting/tariff/bounded.hpp"
#include "accounting/tariff/index_list.hpp"
#include "accounting/tariff/tres_request.hpp"

namespace sluice::tariff {
namespace {

/// The request's TRES texts, read.
struct AskedTres {
  slurm::Tres per_job, per_node, per_socket, per_task, cpus_per, mem_per;
};

Result<AskedTres> read_tres(const JobRequest& job) {
  AskedTres asked;
  const std::pair<const std::optional<std::string>*, slurm::Tres*> texts[] = {
      {&job.tres_per_job, &asked.per_job},       {&job.tres_per_node, &asked.per_node},
      {&job.tres_per_socket, &asked.per_socket}, {&job.tres_per_task, &asked.per_task},
      {&job.cpus_per_tres, &asked.cpus_per},     {&job.mem_per_tres, &asked.mem_per}};
  for (const auto& [text, target] : texts) {
    if (!*text) continue;
    auto tres = parse_tres_request(**text);
    if (!tres.ok()) return tres.failure();
    *target = std::move(*tres);
  }
  return asked;
}

/// What one partition's estimate is made from.
struct Inputs {
  const JobRequest& job;
  const AskedTres& asked;
  const PartitionShape& partition;
  bool memory_is_consumable;

  [[nodiscard]] const NodeSizes& sizes() const { return partition.sizes; }
  [[nodiscard]] bool whole_nodes() const { return partition.exclusive || job.shared == 0; }
  [[nodiscard]] std::int64_t cpus_per_task() const {
    const auto of_tres = asked.per_task.find("cpu");  // newer sbatch sends -c as "cpu=4" per task
    const std::int64_t by_tres = of_tres == asked.per_task.end() ? 1 : of_tres->second;
    return std::max({std::int64_t{1}, job.cpus_per_task.value_or(1), by_tres});
  }
};

/// Raises `target` to `count`: several options that speak of one device don't add up.
void raise(slurm::Tres& target, const std::string& name, std::int64_t count) {
  auto& entry = target[name];
  entry = std::max(entry, count);
}

void raise_by(slurm::Tres& target, const slurm::Tres& each, std::int64_t times) {
  for (const auto& [name, count] : each) {
    if (name != "cpu") raise(target, name, bounded_multiply(count, times));
  }
}

bool is_type_of(const std::string& name, const std::string& kind) {
  return name.size() > kind.size() + 1 && name.starts_with(kind) && name[kind.size()] == ':';
}

/// The devices of `kind` ("gres/gpu"), typed or not; of a type ("gres/gpu:a100"), only those.
std::int64_t devices_of(const slurm::Tres& devices, const std::string& kind) {
  std::int64_t total = 0;
  std::int64_t of_types = 0;
  for (const auto& [name, count] : devices) {
    if (name == kind) total = count;
    if (is_type_of(name, kind)) of_types = bounded_add(of_types, count);
  }
  return std::max(total, of_types);
}

std::int64_t cpus_for(const slurm::Tres& devices, const slurm::Tres& cpus_per) {
  std::int64_t cpus = 0;
  for (const auto& [kind, each] : cpus_per) {
    cpus = bounded_add(cpus, bounded_multiply(each, devices_of(devices, kind)));
  }
  return cpus;
}

/// Nodes that the job can't do without.
std::int64_t nodes_required(const JobRequest& job) {
  const std::int64_t named = job.req_nodes ? count_hosts(*job.req_nodes) : 0;
  return std::max({std::int64_t{1}, job.min_nodes.value_or(1), named});
}

/// Nodes needed to hold the CPUs, tasks, devices and memory that are asked for whatever the nodes.
std::int64_t nodes_needed(const Inputs& in) {
  const std::int64_t tasks = std::max<std::int64_t>(1, in.job.num_tasks.value_or(1));
  slurm::Tres devices;
  raise_by(devices, in.asked.per_job, 1);
  raise_by(devices, in.asked.per_task, tasks);
  const std::int64_t cpus = std::max({in.job.min_cpus.value_or(1), bounded_multiply(tasks, in.cpus_per_task()),
                                      cpus_for(devices, in.asked.cpus_per)});
  std::int64_t nodes = nodes_required(in.job);
  const auto hold = [&](std::int64_t count, std::int64_t per_node) {
    if (per_node > 0) nodes = std::max(nodes, divide_up(count, per_node));
  };
  hold(cpus, in.sizes().largest("cpu"));
  hold(tasks, in.job.ntasks_per_node.value_or(0));
  for (const auto& [name, count] : devices) hold(count, in.sizes().largest(name));
  if (in.memory_is_consumable && in.job.mem_per_cpu_mb) {
    hold(bounded_multiply(cpus, *in.job.mem_per_cpu_mb), in.sizes().largest("mem"));
  }
  return nodes;
}

/// The upper end of a range; where none is given, as many nodes as are needed.
/// The partition's size bounds both, but never below what is required.
std::int64_t nodes_of(const Inputs& in, Estimate& out) {
  const std::int64_t required = nodes_required(in.job);
  std::int64_t nodes = in.job.max_nodes.value_or(0) > 0 ? *in.job.max_nodes : nodes_needed(in);
  if (in.sizes().node_count() > 0) nodes = std::min(nodes, in.sizes().node_count());
  nodes = std::max(nodes, required);
  if (nodes > required) out.notes.push_back("priced for " + std::to_string(nodes) + " nodes, the most it may get");
  return nodes;
}

std::int64_t tasks_of(const Inputs& in, std::int64_t nodes) {
  if (in.job.num_tasks) return std::max<std::int64_t>(1, *in.job.num_tasks);
  return bounded_multiply(std::max<std::int64_t>(1, in.job.ntasks_per_node.value_or(1)), nodes);
}

/// Shared devices (shards, MPS) are not given out with whole nodes, only the devices they are parts of.
bool comes_with_whole_nodes(const std::string& kind) { return kind != "gres/mps" && kind != "gres/shard"; }

slurm::Tres asked_devices(const Inputs& in, std::int64_t nodes, std::int64_t tasks) {
  slurm::Tres devices;
  raise_by(devices, in.asked.per_job, 1);
  raise_by(devices, in.asked.per_node, nodes);
  raise_by(devices, in.asked.per_task, tasks);
  raise_by(devices, in.asked.per_socket, bounded_multiply(in.sizes().sockets_largest(), nodes));
  if (!in.whole_nodes()) return devices;
  for (const auto& [kind, types] : in.sizes().device_types()) {
    if (comes_with_whole_nodes(kind)) raise(devices, kind, in.sizes().sum_of_largest(kind, nodes));
  }
  return devices;
}

/// Writes each kind beside its types, as slurmdbd does, and finds out which types are open.
void fill_types(const Inputs& in, slurm::Tres devices, Estimate& out) {
  slurm::Tres kinds;
  for (const auto& [name, count] : devices) {
    if (count == 0) continue;
    out.tres[name] = count;
    if (!name.starts_with("gres/")) continue;
    const std::string kind = name.substr(0, name.find(':'));
    kinds[kind] = devices_of(devices, kind);
  }
  for (const auto& [kind, total] : kinds) {
    std::int64_t open = total;
    for (const auto& [name, count] : devices) {
      if (is_type_of(name, kind)) open -= std::min(open, count);
    }
    out.tres[kind] = total;
    const auto types = in.sizes().device_types().find(kind);
    if (open == 0 || types == in.sizes().device_types().end()) continue;
    if (types->second.size() == 1) {
      const std::string& only = *types->second.begin();
      if (!only.empty()) out.tres[only] += open;
      continue;
    }
    auto& possible = out.possible_types[kind];
    std::copy_if(types->second.begin(), types->second.end(), std::back_inserter(possible),
                 [](const std::string& type) { return !type.empty(); });
    out.notes.push_back("no type of " + kind.substr(5) + " was given; the dearest type of partition " +
                        in.partition.name + " is assumed");
  }
}

std::int64_t cpus_of(const Inputs& in, const Estimate& out, const slurm::Tres& devices) {
  std::int64_t cpus = std::max({in.job.min_cpus.value_or(1), bounded_multiply(out.tasks, in.cpus_per_task()),
                                bounded_multiply(in.job.pn_min_cpus.value_or(0), out.nodes), out.nodes,
                                cpus_for(devices, in.asked.cpus_per)});
  const std::int64_t of_nodes = in.sizes().sum_of_largest("cpu", out.nodes);
  if (in.whole_nodes()) cpus = std::max(cpus, of_nodes);
  if (in.job.max_cpus) cpus = std::max(cpus, std::min(*in.job.max_cpus, of_nodes));
  return cpus;
}

std::int64_t default_memory(const Inputs& in, Estimate& out, std::int64_t cpus) {
  const PartitionShape& partition = in.partition;
  if (partition.def_mem_per_cpu_mb > 0) {
    out.notes.push_back("no memory was asked for; the default of " + std::to_string(partition.def_mem_per_cpu_mb) +
                        " MB per CPU is assumed");
    return bounded_multiply(partition.def_mem_per_cpu_mb, cpus);
  }
  if (partition.def_mem_per_node_mb > 0) {
    out.notes.push_back("no memory was asked for; the default of " + std::to_string(partition.def_mem_per_node_mb) +
                        " MB per node is assumed");
    return bounded_multiply(partition.def_mem_per_node_mb, out.nodes);
  }
  out.notes.push_back("no memory was asked for; all memory of " + std::to_string(out.nodes) +
                      (out.nodes == 1 ? " node is assumed" : " nodes is assumed"));
  return in.sizes().sum_of_largest("mem", out.nodes);
}

/// Whole nodes give their CPUs and devices, but only the memory that was asked for (sbatch(1), --exclusive).
std::int64_t memory_of(const Inputs& in, Estimate& out, std::int64_t cpus, const slurm::Tres& devices) {
  const JobRequest& job = in.job;
  if (job.mem_per_node_mb == 0 || job.mem_per_cpu_mb == 0) return in.sizes().sum_of_largest("mem", out.nodes);
  if (job.mem_per_node_mb) return bounded_multiply(*job.mem_per_node_mb, out.nodes);
  if (job.mem_per_cpu_mb) return bounded_multiply(*job.mem_per_cpu_mb, cpus);
  std::int64_t of_devices = 0;
  for (const auto& [kind, each] : in.asked.mem_per) {
    of_devices = bounded_add(of_devices, bounded_multiply(each, devices_of(devices, kind)));
  }
  return of_devices > 0 ? of_devices : default_memory(in, out, cpus);
}

std::optional<std::int64_t> limit_minutes(const Inputs& in, Estimate& out) {
  // Slurm takes a limit of 0 as none.
  if (in.job.time_limit_infinite || in.job.time_limit_minutes == 0) return std::nullopt;
  if (in.job.time_limit_minutes) return in.job.time_limit_minutes;
  const auto assumed = in.partition.default_minutes ? in.partition.default_minutes : in.partition.max_minutes;
  if (assumed) {
    out.notes.push_back("no --time was given; " + std::to_string(*assumed) + " minutes are assumed, the " +
                        (in.partition.default_minutes ? "default" : "maximum") + " of partition " + in.partition.name);
  }
  return assumed;
}

void estimate_time(const Inputs& in, const EstimateLimits& limits, Estimate& out) {
  const auto minutes = limit_minutes(in, out);
  if (!minutes) {
    out.notes.push_back("it has no finite time limit; give --time");
    return;
  }
  out.time_limit_seconds = bounded_multiply(*minutes, 60);
  out.priced_seconds = out.time_limit_seconds;
  if (!limits.lien_hours_max) return;
  const std::int64_t most = bounded_multiply(*limits.lien_hours_max, 3600);
  if (most >= *out.time_limit_seconds) return;
  out.priced_seconds = most;
  out.notes.push_back("priced for its first " + std::to_string(*limits.lien_hours_max) + " hours");
}

Result<Estimate> estimate_one(const Inputs& in, const ArraySize& array, const EstimateLimits& limits) {
  Estimate out;
  out.partition = in.partition.name;
  out.tasks_total = array.tasks_total;
  out.tasks_at_once = array.tasks_at_once;
  out.nodes = nodes_of(in, out);
  out.tasks = tasks_of(in, out.nodes);
  if (in.whole_nodes()) out.notes.push_back("whole nodes: all their CPUs and devices are priced");
  const slurm::Tres devices = asked_devices(in, out.nodes, out.tasks);
  fill_types(in, devices, out);
  out.tres["node"] = out.nodes;
  out.tres["cpu"] = cpus_of(in, out, devices);
  if (in.memory_is_consumable) out.tres["mem"] = memory_of(in, out, out.tres["cpu"], devices);
  for (const auto& [name, count] : out.tres) {
    if (count >= count_bound) {
      return refusal("request_too_large", "it asks for more " + name +
                                              " than any cluster has; check --nodes, --ntasks, --mem and --gres");
    }
  }
  estimate_time(in, limits, out);
  return out;
}

Result<std::vector<const PartitionShape*>> partitions_of(const JobRequest& job, const ClusterShape& cluster) {
  std::string known;
  for (const auto& one : cluster.partitions) known += (known.empty() ? "" : ", ") + one.name;
  const bool is_named = job.partition && !job.partition->empty();
  if (!is_named && cluster.default_partition.empty()) {
    return refusal("partition_not_found", "cluster " + cluster.cluster +
                                              " has no default partition; name one with --partition: " + known);
  }
  std::vector<const PartitionShape*> found;
  std::string_view rest = is_named ? *job.partition : cluster.default_partition;
  while (true) {
    const auto comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    const PartitionShape* shape = cluster.find(name);
    if (shape == nullptr) {
      return refusal("partition_not_found", "cluster " + cluster.cluster + " has no partition '" + name.substr(0, 40) +
                                                "'; choose one of: " + known);
    }
    if (std::find(found.begin(), found.end(), shape) == found.end()) found.push_back(shape);
    if (comma == std::string_view::npos) return found;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<std::vector<Estimate>> estimate(const JobRequest& job, const ClusterShape& cluster,
                                       const EstimateLimits& limits) {
  const auto partitions = partitions_of(job, cluster);
  if (!partitions.ok()) return partitions.failure();
  const auto asked = read_tres(job);
  if (!asked.ok()) return asked.failure();
  ArraySize array;
  if (job.array && !job.array->empty()) {
    const auto size = parse_array(*job.array);
    if (!size.ok()) return size.failure();
    array = *size;
  }
  std::vector<Estimate> estimates;
  for (const PartitionShape* partition : *partitions) {
    auto one = estimate_one({job, *asked, *partition, cluster.memory_is_consumable}, array, limits);
    if (!one.ok()) return one.failure();
    if (!job.partition || job.partition->empty()) {
      one->notes.insert(one->notes.begin(), "no --partition was given; the default " + partition->name + " is assumed");
    }
    estimates.push_back(std::move(*one));
  }
  return estimates;
}

Result<std::vector<Estimate>> estimate(const JobRequest& job, const slurm::Inventory& inventory,
                                       const EstimateLimits& limits) {
  return estimate(job, ClusterShape(inventory), limits);
}

slurm::Tres dearest(const PriceRow& row, const Estimate& estimate) {
  slurm::Tres tres = estimate.tres;
  for (const auto& [kind, types] : estimate.possible_types) {
    std::int64_t open = tres[kind];
    for (const auto& [name, count] : estimate.tres) {
      if (is_type_of(name, kind)) open -= std::min(open, count);
    }
    const auto kind_price = row.per_hour.find(kind);
    const std::string* dearest_type = nullptr;
    Money highest = kind_price == row.per_hour.end() ? Money{-1} : kind_price->second;
    for (const auto& type : types) {
      const auto price = row.per_hour.find(type);
      if (price == row.per_hour.end() || price->second <= highest) continue;
      highest = price->second;
      dearest_type = &type;
    }
    if (dearest_type != nullptr) tres[*dearest_type] += open;
  }
  return tres;
}

}  // namespace sluice::tariff
