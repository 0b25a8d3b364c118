// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/slurm_facts.hpp"

#include <pwd.h>

#include <array>

namespace sluice::service {
namespace {

constexpr UnixTime name_seconds_max = 600;

}  // namespace

std::optional<std::string> name_on_host(std::int64_t uid) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* result = nullptr;
  if (getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &result) != 0 || result == nullptr) return std::nullopt;
  return entry.pw_name;
}

void SlurmFacts::set(slurm::Inventory inventory) {
  const std::string name = inventory.cluster;
  auto facts = std::make_shared<const ClusterFacts>(std::move(inventory));
  const std::lock_guard lock(mutex_);
  clusters_[name] = std::move(facts);
}

std::shared_ptr<const ClusterFacts> SlurmFacts::cluster(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = clusters_.find(name);
  return found == clusters_.end() ? nullptr : found->second;
}

std::optional<std::string> SlurmFacts::user_name(std::int64_t uid, UnixTime now) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(uid);
    if (found != names_.end() && now - found->second.read_at < name_seconds_max) return found->second.name;
  }
  const Name name{name_of_uid_(uid), now};
  const std::lock_guard lock(mutex_);
  names_[uid] = name;
  return name.name;
}

void SlurmFacts::warm_users(UnixTime now) {
  std::vector<std::string> users;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, facts] : clusters_) {
      for (const auto& [user, account] : facts->inventory.default_accounts) users.push_back(user);
    }
  }
  std::array<char, 16384> buffer{};
  for (const std::string& user : users) {
    passwd entry{};
    passwd* result = nullptr;
    if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &result) != 0 || result == nullptr) continue;
    const std::lock_guard lock(mutex_);
    names_[entry.pw_uid] = {std::string(entry.pw_name), now};
  }
}

}  // namespace sluice::service
