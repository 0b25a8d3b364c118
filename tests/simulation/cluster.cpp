// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/cluster.hpp"

#include <algorithm>

namespace sluice::simulation {
namespace {

constexpr std::size_t live_max = 40;  // more end than start beyond it

}  // namespace

void Cluster::submit(const Submission& asked, const Usage& submitted, const std::string& comment, Second now) {
  Job job{submitted, asked, comment};
  Usage& u = job.usage;
  u.job_id = next_id_++;
  u.user = asked.user;
  u.uid = asked.uid;
  u.account = asked.account;
  // An administrator may move a job, and a job may get more than it asked for.
  u.partition = dice_.chance(30) ? "fast" : asked.partition;
  u.cpus = dice_.chance(50) ? asked.cpus + dice_.between(1, 8) : asked.cpus;
  u.submit = now;
  if (asked.tasks > 1) {
    u.array_id = u.job_id;
    job.pending_tasks = asked.tasks;
  }
  spoil_tag(job, 15);
  jobs_.push_back(std::move(job));
}

void Cluster::spoil_tag(Job& job, int permille) {
  if (dice_.chance(permille)) {
    job.usage.tag = Usage::Tag::none;
    job.comment = dice_.chance(500) ? "" : "somebody's own text";
  } else if (dice_.chance(permille / 5) && !records.empty()) {
    job.usage.tag = Usage::Tag::forged;
    job.comment = R"({"sluice":{"v":1,"id":")" + dice_.pick(records).usage.admission + R"(","mac":"00000000000000000000000000000000"}})";
  }
}

void Cluster::advance(Second now) {
  if (jobs_.empty()) return;
  const bool crowded = jobs_.size() > live_max;
  for (std::int64_t i = dice_.between(crowded ? 1 : 0, crowded ? 4 : 2); i > 0 && !jobs_.empty(); --i) {
    const auto index = static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(jobs_.size())));
    const Job& job = jobs_[index];
    if (!job.usage.start && (job.pending_tasks > 0 || !crowded || dice_.chance(500)) && !dice_.chance(40)) {
      start(index, now);
    } else {
      end(index, now);
    }
  }
}

void Cluster::finish(Second now) {
  while (!jobs_.empty()) end(jobs_.size() - 1, now);
}

void Cluster::start(std::size_t index, Second now) {
  Job& job = jobs_[index];
  if (job.pending_tasks == 0) {
    job.usage.start = now;
    return;
  }
  if (job.running_tasks >= job.asked.at_once) return;
  ++job.running_tasks;
  Job task = job;
  task.pending_tasks = 0;
  task.usage.job_id = next_id_++;
  task.usage.task = job.next_task++;
  task.usage.start = now;
  if (--job.pending_tasks == 0) remove(index);
  jobs_.push_back(std::move(task));
}

void Cluster::end(std::size_t index, Second now) {
  Job& job = jobs_[index];
  if (job.pending_tasks > 0) {
    // Tasks that were cancelled while pending leave no record.
    remove(index);
    return;
  }
  spoil_tag(job, 20);
  if (!job.usage.start) {
    record(job, "CANCELLED", now);
    remove(index);
    return;
  }
  if (now > job.usage.submit && dice_.chance(40)) {
    static const std::vector<std::string> again = {"REQUEUED", "NODE_FAIL", "PREEMPTED"};
    record(job, dice_.pick(again), now);
    job.usage.submit = now;
    job.usage.start.reset();
    return;
  }
  static const std::vector<std::string> states = {"COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL"};
  record(job, dice_.pick(states), now);
  for (Job& array : jobs_) {
    if (array.pending_tasks > 0 && array.usage.job_id == job.usage.array_id) --array.running_tasks;
  }
  remove(index);
}

void Cluster::remove(std::size_t index) { jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index)); }

void Cluster::record(const Job& job, const std::string& state, Second now) {
  Record made{job.usage, {}};
  Usage& u = made.usage;
  u.state = state;
  u.end = now;
  u.elapsed = u.start ? std::max<std::int64_t>(0, now - *u.start) : 0;
  // Jobs run on their own time: most end within their limit, whatever our clock did.
  if (u.start) u.elapsed = std::min(u.elapsed, job.asked.minutes * 60 + 30);
  if (u.start && dice_.chance(900)) u.end = *u.start + u.elapsed;
  u.key = std::string(cluster_name) + "/" + std::to_string(u.job_id) + "/" + std::to_string(u.submit);
  slurm::UsageRecord& r = made.record;
  r.cluster = cluster_name;
  r.job_id = u.job_id;
  r.array_job_id = u.array_id;
  r.array_task_id = u.task;
  r.user_id = static_cast<std::uint32_t>(u.uid);
  r.user = u.user;
  r.account = u.account;
  r.partition = u.partition;
  r.state = u.state;
  r.submit = u.submit;
  r.start = u.start;
  r.end = u.end;
  r.elapsed_seconds = u.elapsed;
  if (u.start) r.tres_alloc = {{"cpu", u.cpus}, {"node", 1}};
  r.admin_comment = job.comment;
  made.half_written = u.start && u.elapsed > 0 && dice_.chance(20);
  records.push_back(std::move(made));
}

slurm::LiveCluster Cluster::live(Second now) const {
  slurm::LiveCluster all;
  all.cluster = cluster_name;
  all.ok = true;
  all.as_of = now;
  for (const Job& job : jobs_) {
    slurm::LiveJob live;
    live.cluster = cluster_name;
    live.job_id = job.usage.job_id;
    live.array_job_id = job.usage.array_id;
    live.array_task_id = job.usage.task;
    live.user_id = static_cast<std::uint32_t>(job.usage.uid);
    live.account = job.usage.account;
    live.partition = job.usage.partition;
    live.state = job.usage.start ? "RUNNING" : "PENDING";
    live.submit = job.usage.submit;
    live.start = job.usage.start.value_or(0);
    live.admin_comment = job.comment;
    all.jobs.push_back(std::move(live));
  }
  return all;
}

std::set<std::string> Cluster::admissions_alive() const {
  std::set<std::string> ids;
  for (const Job& job : jobs_) {
    if (job.usage.tag == Usage::Tag::ours) ids.insert(job.usage.admission);
  }
  return ids;
}

}  // namespace sluice::simulation
