// SPDX-License-Identifier: Apache-2.0

#include "accounting/tariff/cluster_shape.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "accounting/tariff/bounded.hpp"

namespace sluice::tariff {

void NodeSizes::add(const slurm::Node& node) {
  ++node_count_;
  sockets_largest_ = std::max(sockets_largest_, node.sockets);
  slurm::Tres all = {{"cpu", node.cpus}, {"mem", node.memory_mb}};
  slurm::Tres of_types;
  for (const auto& [name, count] : node.gres) {
    if (count <= 0) continue;
    all[name] = count;
    const auto colon = name.find(':');
    if (colon == std::string::npos) continue;
    of_types[name.substr(0, colon)] += count;
    device_types_[name.substr(0, colon)].insert(name);
  }
  // Some inventories name only the types, some only the total.
  for (const auto& [kind, count] : of_types) all[kind] = std::max(all[kind], count);
  for (const auto& [name, count] : all) {
    if (count <= 0) continue;
    ++sizes_[name][count];
    if (!name.starts_with("gres/") || name.find(':') != std::string::npos) continue;
    const auto typed = of_types.find(name);
    if (typed == of_types.end() || typed->second < count) device_types_[name].insert("");
  }
}

std::int64_t NodeSizes::largest(const std::string& tres) const {
  const auto sizes = sizes_.find(tres);
  return sizes == sizes_.end() ? 0 : sizes->second.begin()->first;
}

std::int64_t NodeSizes::sum_of_largest(const std::string& tres, std::int64_t nodes) const {
  const auto sizes = sizes_.find(tres);
  if (sizes == sizes_.end()) return 0;
  std::int64_t left = nodes;
  std::int64_t sum = 0;
  for (const auto& [size, count] : sizes->second) {
    const std::int64_t taken = std::min(left, count);
    sum = bounded_add(sum, bounded_multiply(taken, size));
    left -= taken;
  }
  if (nodes > node_count_) {
    sum = bounded_add(sum, bounded_multiply(nodes - node_count_, largest(tres)));
  }
  return sum;
}

ClusterShape::ClusterShape(const slurm::Inventory& inventory)
    : cluster(inventory.cluster), memory_is_consumable(inventory.memory_is_consumable) {
  std::unordered_map<std::string_view, const slurm::Node*> nodes;
  NodeSizes whole_cluster;
  for (const auto& node : inventory.nodes) {
    nodes.emplace(node.name, &node);
    whole_cluster.add(node);
  }
  for (const auto& partition : inventory.partitions) {
    if (partition.is_default && default_partition.empty()) default_partition = partition.name;
    PartitionShape shape{partition.name,
                         partition.default_minutes,
                         partition.max_minutes,
                         partition.def_mem_per_cpu_mb,
                         partition.def_mem_per_node_mb,
                         partition.exclusive,
                         {}};
    for (const auto& name : partition.nodes) {
      const auto node = nodes.find(name);
      if (node != nodes.end()) shape.sizes.add(*node->second);
    }
    if (shape.sizes.node_count() == 0) shape.sizes = whole_cluster;
    partitions.push_back(std::move(shape));
  }
}

const PartitionShape* ClusterShape::find(const std::string& partition) const {
  const auto found = std::find_if(partitions.begin(), partitions.end(),
                                  [&](const PartitionShape& shape) { return shape.name == partition; });
  return found == partitions.end() ? nullptr : &*found;
}

}  // namespace sluice::tariff
