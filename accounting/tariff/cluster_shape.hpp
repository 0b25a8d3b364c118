// SPDX-License-Identifier: Apache-2.0
//
// A cluster's inventory, summed up per partition so that estimating a submission
// doesn't walk thousands of nodes. Built once per inventory, read by any thread. Pure.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accounting/slurm/record.hpp"

namespace sluice::tariff {

/// Sizes of the nodes of one partition, or of a whole cluster.
class NodeSizes {
 public:
  void add(const slurm::Node& node);

  [[nodiscard]] std::int64_t node_count() const { return node_count_; }
  [[nodiscard]] std::int64_t sockets_largest() const { return sockets_largest_; }
  /// Of "cpu", "mem" (MB), "gres/NAME" or "gres/NAME:TYPE": the most that one node has.
  [[nodiscard]] std::int64_t largest(const std::string& tres) const;
  /// The sum over the `nodes` nodes that have most; nodes beyond those there are count as the largest.
  [[nodiscard]] std::int64_t sum_of_largest(const std::string& tres, std::int64_t nodes) const;
  /// "gres/gpu" → the types there are; "" among them where some device has none.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& device_types() const { return device_types_; }

 private:
  using NodesBySize = std::map<std::int64_t, std::int64_t, std::greater<>>;

  std::int64_t node_count_ = 0;
  std::int64_t sockets_largest_ = 1;
  std::map<std::string, NodesBySize> sizes_;
  std::map<std::string, std::set<std::string>> device_types_;
};

struct PartitionShape {
  std::string name;
  std::optional<std::int64_t> default_minutes;
  std::optional<std::int64_t> max_minutes;
  std::int64_t def_mem_per_cpu_mb = 0;
  std::int64_t def_mem_per_node_mb = 0;
  bool exclusive = false;
  /// Of its nodes; of the whole cluster where it has none now, so that nothing is priced as zero.
  NodeSizes sizes;
};

struct ClusterShape {
  explicit ClusterShape(const slurm::Inventory& inventory);

  [[nodiscard]] const PartitionShape* find(const std::string& partition) const;

  std::string cluster;
  bool memory_is_consumable = false;
  std::string default_partition;           ///< empty: none
  std::vector<PartitionShape> partitions;
};

}  // namespace sluice::tariff
