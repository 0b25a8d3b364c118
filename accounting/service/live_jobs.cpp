// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/live_jobs.hpp"

#include <charconv>

namespace sluice::service {
namespace {

/// Takes a number off `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// Smaller is the better answer.
int rank(const slurm::LiveJob& job) { return job.revoked ? 2 : job.finished ? 1 : 0; }

}  // namespace

bool may_hold_task(std::string_view tasks, std::uint32_t task) {
  tasks = tasks.substr(0, tasks.find('%'));
  do {
    const auto first = take_number(tasks);
    if (!first) return true;
    std::uint32_t last = *first;
    std::uint32_t step = 1;
    if (take(tasks, '-')) {
      const auto to = take_number(tasks);
      const auto by = take(tasks, ':') ? take_number(tasks) : std::optional<std::uint32_t>(1);
      if (!to || !by || *by == 0) return true;
      last = *to;
      step = *by;
    }
    if (task >= *first && task <= last && (task - *first) % step == 0) return true;
  } while (take(tasks, ','));
  return !tasks.empty();
}

void LiveJobs::replace(const std::string& cluster, std::vector<slurm::LiveJob> jobs) {
  auto held = std::make_shared<Held>();
  held->jobs = std::move(jobs);
  held->by_id.reserve(held->jobs.size());
  for (std::size_t i = 0; i < held->jobs.size(); ++i) {
    auto& job = held->jobs[i];
    job.admin_comment.clear();
    job.admin_comment.shrink_to_fit();
    held->by_id.emplace(job.job_id, i);
    if (job.array_job_id != 0) held->by_array_id.emplace(job.array_job_id, i);
    if (job.het_job_id != 0) held->by_het_id.emplace(job.het_job_id, i);
  }
  const std::lock_guard lock(mutex_);
  held_of_cluster_[cluster] = std::move(held);
}

std::optional<slurm::LiveJob> LiveJobs::find(const JobName& name, const std::optional<std::string>& cluster) const {
  const slurm::LiveJob* best = nullptr;
  const auto consider = [&](const slurm::LiveJob& job) {
    if (best == nullptr || rank(job) < rank(*best)) best = &job;
  };
  const std::lock_guard lock(mutex_);
  for (const auto& [where, held] : held_of_cluster_) {
    if (cluster && where != *cluster) continue;
    const auto [first, last] = name.task ? held->by_array_id.equal_range(name.id) : held->by_id.equal_range(name.id);
    for (auto it = first; it != last; ++it) {
      const auto& job = held->jobs[it->second];
      const bool is_rest = !job.array_task_id && may_hold_task(job.array_tasks, name.task.value_or(0));
      if (!name.task || job.array_task_id == name.task || is_rest) consider(job);
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::vector<slurm::LiveJob> LiveJobs::components(const std::string& cluster, std::uint32_t het_job_id) const {
  std::vector<slurm::LiveJob> jobs;
  const std::lock_guard lock(mutex_);
  const auto held = held_of_cluster_.find(cluster);
  if (held == held_of_cluster_.end()) return jobs;
  const auto [first, last] = held->second->by_het_id.equal_range(het_job_id);
  for (auto it = first; it != last; ++it) jobs.push_back(held->second->jobs[it->second]);
  return jobs;
}

}  // namespace sluice::service
