// SPDX-License-Identifier: Apache-2.0
//
// What the admission path needs to know of Slurm and of the host's users, kept
// in memory so that an answer never waits for slurmctld, slurmdbd or a directory service.
// Any thread may call; readers get a snapshot that doesn't change under them.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/mutex.hpp"
#include "accounting/core/result.hpp"
#include "accounting/slurm/record.hpp"
#include "accounting/tariff/cluster_shape.hpp"

namespace sluice::service {

/// One cluster as read last.
struct ClusterFacts {
  explicit ClusterFacts(slurm::Inventory read) : inventory(std::move(read)), shape(inventory) {}
  slurm::Inventory inventory;
  tariff::ClusterShape shape;
};

/// The name of a uid; nullopt: there is no such user; a fault: it couldn't be known.
using NameOfUid = std::function<Result<std::optional<std::string>>(std::int64_t)>;
/// Asks this host.
[[nodiscard]] Result<std::optional<std::string>> name_on_host(std::int64_t uid);

/// Of those submitted from `since` on. Pure.
[[nodiscard]] UnixTime newest_unanswered(const std::vector<slurm::LiveJob>& jobs, UnixTime since);

class SlurmFacts {
 public:
  explicit SlurmFacts(NameOfUid name_of_uid = name_on_host) : name_of_uid_(std::move(name_of_uid)) {}

  void set(slurm::Inventory inventory);
  /// Of this host's cluster, as asked for last.
  void set(slurm::Diagnosis diagnosis);
  [[nodiscard]] std::shared_ptr<const slurm::Diagnosis> diagnosis() const;
  /// When the newest live job of this host's cluster that was let in without an answer was
  /// submitted, as far as it was lately; 0: there is none.
  void set_unanswered_submit(UnixTime submit);
  [[nodiscard]] UnixTime unanswered_submit() const;
  /// nullptr: that cluster was never read.
  [[nodiscard]] std::shared_ptr<const ClusterFacts> cluster(const std::string& name) const;

  /// The name of a uid on this host; looked up once, then kept for ten minutes, and
  /// longer while it can't be looked up again.
  [[nodiscard]] std::optional<std::string> user_name(std::int64_t uid, UnixTime now);
  /// Looks the users of the last inventory up, so that the admission path finds them in memory.
  void warm_users(UnixTime now);

 private:
  struct Name {
    std::optional<std::string> name;
    UnixTime kept_until = 0;
  };
  const NameOfUid name_of_uid_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ClusterFacts>> clusters_;
  std::shared_ptr<const slurm::Diagnosis> diagnosis_;
  UnixTime unanswered_submit_ = 0;
  std::map<std::int64_t, Name> names_;
};

}  // namespace sluice::service
