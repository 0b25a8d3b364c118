// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/slurm_facts.hpp"

#include <pwd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "accounting/slurm/tag.hpp"

namespace sluice::service {
namespace {

constexpr UnixTime name_seconds_max = 600;
/// Without a name a user has no account: what may be over in a moment is asked again soon.
constexpr UnixTime doubt_seconds_max = 10;

}  // namespace

Result<std::optional<std::string>> name_on_host(std::int64_t uid) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* result = nullptr;
  const int problem = getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &result);
  if (result != nullptr) return std::optional<std::string>(entry.pw_name);
  // Some directories say so with a number.
  if (problem == 0 || problem == ENOENT || problem == ESRCH) return std::optional<std::string>{};
  return fault("couldn't look up uid " + std::to_string(uid) + ": " + std::strerror(problem));
}

UnixTime newest_unanswered(const std::vector<slurm::LiveJob>& jobs, UnixTime since) {
  UnixTime newest = 0;
  for (const auto& job : jobs) {
    if (job.revoked || job.submit < since || job.submit <= newest) continue;
    // An answer's tag has an id; what the plugin writes itself has none.
    if (job.admin_comment.find("unpriced") == std::string::npos) continue;  // few need a parser
    const auto tag = slurm::find_tag(job.admin_comment);
    if (tag && !tag->id && tag->unpriced) newest = job.submit;
  }
  return newest;
}

void SlurmFacts::set(slurm::Inventory inventory) {
  const std::string name = inventory.cluster;
  auto facts = std::make_shared<const ClusterFacts>(std::move(inventory));
  const std::lock_guard lock(mutex_);
  clusters_[name] = std::move(facts);
}

void SlurmFacts::set(slurm::Diagnosis diagnosis) {
  auto fresh = std::make_shared<const slurm::Diagnosis>(std::move(diagnosis));
  const std::lock_guard lock(mutex_);
  diagnosis_ = std::move(fresh);
}

std::shared_ptr<const slurm::Diagnosis> SlurmFacts::diagnosis() const {
  const std::lock_guard lock(mutex_);
  return diagnosis_;
}

void SlurmFacts::set_unanswered_submit(UnixTime submit) {
  const std::lock_guard lock(mutex_);
  unanswered_submit_ = submit;
}

UnixTime SlurmFacts::unanswered_submit() const {
  const std::lock_guard lock(mutex_);
  return unanswered_submit_;
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
    if (found != names_.end() && now < found->second.kept_until) return found->second.name;
  }
  const auto read = name_of_uid_(uid);
  const std::lock_guard lock(mutex_);
  if (read.ok()) {
    names_[uid] = {*read, now + (*read ? name_seconds_max : doubt_seconds_max)};
    return *read;
  }
  const auto old = names_.find(uid);
  if (old == names_.end()) return std::nullopt;
  old->second.kept_until = now + doubt_seconds_max;
  return old->second.name;
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
    names_[entry.pw_uid] = {std::string(entry.pw_name), now + name_seconds_max};
  }
}

}  // namespace sluice::service
