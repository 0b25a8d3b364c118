// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/database.hpp"

#include <malloc.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace sluice::slurm {
namespace {

// Without every one of them: newest record per id only, no REVOKED ones, steps at
// 25 times the cost, times cut to the window.
constexpr std::uint32_t job_flags = JOBCOND_FLAG_DUP | JOBCOND_FLAG_NO_STEP | JOBCOND_FLAG_NO_TRUNC;
constexpr std::size_t ids_per_call = 1'000;
constexpr int records_worth_trimming = 10'000;
constexpr UnixTime day_seconds = 86'400;
constexpr UnixTime half_written_seconds_max = 60;  // shorter than any overlap with which readers ask again

/// Every state in which a record ends, as slurmdbd wants them: decimal texts.
/// RESIZING ends the part of a job before its size changed; that part was used too.
const std::vector<std::string>& end_states() {
  static const std::vector<std::string> states = [] {
    std::vector<std::string> texts;
    for (int base = JOB_COMPLETE; base <= JOB_OOM; ++base) texts.push_back(std::to_string(base));
    for (const auto flag : {state_requeued, state_resizing, state_revoked}) texts.push_back(std::to_string(flag));
    return texts;
  }();
  return states;
}

slurmdb_job_cond_t job_condition() {
  slurmdb_job_cond_t condition{};
  condition.db_flags = SLURMDB_JOB_FLAG_NOTSET;
  condition.flags = job_flags;
  return condition;
}

slurm_selected_step_t selected_job(std::uint32_t job_id) {
  slurm_selected_step_t selected{};
  selected.array_task_id = NO_VAL;
  selected.het_job_offset = NO_VAL;
  selected.step_id.job_id = job_id;
  selected.step_id.step_id = NO_VAL;
  selected.step_id.step_het_comp = NO_VAL;
  return selected;
}

/// 0 and the values just under 2^32 mean "not set", in fields that are 32 bits wide in the database.
std::optional<UnixTime> real_time(time_t value) {
  if (value <= 0 || value >= static_cast<time_t>(0xfffffff0u)) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> real_number(std::uint32_t value) {
  if (value == NO_VAL || value == INFINITE) return std::nullopt;
  return value;
}

std::string real_nodes(const char* nodes) {
  const std::string text = text_of(nodes);
  return text == "None assigned" || text == "(unknown)" || text == "(null)" ? "" : text;
}

}  // namespace

void Database::open() {
  if (connection_) return;
  const PromptSockets::Hurry hurry(sockets_);
  std::uint16_t flags = 0;
  errno = 0;
  // With slurmdbd down this gives a handle all the same, and the first call fails.
  connection_ = slurmdb_connection_get(&flags);
  if (!connection_) throw fault_from_errno("connect to slurmdbd");
}

void Database::close() {
  if (connection_) (void)slurmdb_connection_close(&connection_);
  connection_ = nullptr;
}

template <typename Ask>
ListPointer Database::ask_list(const std::string& what, Ask&& ask) {
  for (int attempt = 0;; ++attempt) {
    const bool is_kept = connection_ != nullptr;
    open();
    HelperFault fault;
    {
      const PromptSockets::Hurry hurry(sockets_);
      errno = 0;
      if (const ListPointer list = ask(connection_)) return list;
      fault = fault_from_errno(what);
    }
    // A lost connection opens itself again inside the same handle, and closing such a
    // handle leaks it; anything else starts anew.
    if (!fault.is_unreachable) close();
    if (attempt > 0 || !is_kept || !fault.is_unreachable) throw fault;
  }
}

// slurmdbd keeps one database transaction open per connection. MariaDB shows it the tables
// as they were at its first read, so that a kept connection never sees a job that ended
// since; and nobody can drop or alter a table that was read in it: "sacctmgr delete cluster"
// would wait for ever, and all of slurmdbd's other users with it.
void Database::end_transaction() {
  if (!connection_) return;
  const PromptSockets::Hurry hurry(sockets_);
  if (slurmdb_connection_commit(connection_, false) != SLURM_SUCCESS) close();
}

void Database::jobs(slurmdb_job_cond_t& condition, const OnRecord& on_record) {
  tres_are_fresh_ = qos_are_fresh_ = false;
  if (tres_names_.empty()) load_tres_names();
  if (qos_names_.empty()) load_qos_names();
  int count = 0;
  {
    const OwnedList records(ask_list("read job records from slurmdbd",
                                     [&](void* connection) { return slurmdb_jobs_get(connection, &condition); }));
    count = records.count();
    records.for_each<slurmdb_job_rec_t>([&](const slurmdb_job_rec_t& raw) {
      UsageRecord record = record_from(raw);
      if (!is_half_written(record)) on_record(std::move(record));
    });
  }
  if (count >= records_worth_trimming) malloc_trim(0);
}

// slurmctld tells of starts every five seconds and of ends at once. A job that was shorter has a
// record without user, partition and limits until its start is told.
bool Database::is_half_written(const UsageRecord& record) {
  const std::pair key(record.cluster, record.db_index);
  if (!record.end || !record.partition.empty()) {
    half_written_.erase(key);
    return false;
  }
  const UnixTime now = std::time(nullptr);
  return now - half_written_.try_emplace(key, now).first->second < half_written_seconds_max;
}

void Database::finished(const FinishedRequest& request, const OnRecord& on_record) {
  if (request.clusters.empty() || request.to < request.from) return;
  check_clusters(request.clusters);
  const TextList clusters(request.clusters);
  const TextList states(end_states());
  auto condition = job_condition();
  condition.cluster_list = clusters.get();
  condition.state_list = states.get();
  // A start or end of 0 means something else to slurmdbd.
  condition.usage_start = std::max<UnixTime>(request.from, 1);
  condition.usage_end = std::max<UnixTime>(request.to, 1);
  jobs(condition, [&](UsageRecord record) {
    // A window of one second, or one that ends now, is made longer by one.
    if (record.end && *record.end >= request.from && *record.end <= request.to) on_record(std::move(record));
  });
}

void Database::by_id(const ByIdRequest& request, const OnRecord& on_record) {
  check_clusters({request.cluster});
  const TextList clusters({request.cluster});
  std::set<std::uint64_t> seen;
  for (std::size_t begin = 0; begin < request.job_ids.size(); begin += ids_per_call) {
    std::vector<slurm_selected_step_t> selected;
    for (std::size_t i = begin; i < std::min(begin + ids_per_call, request.job_ids.size()); ++i) {
      selected.push_back(selected_job(request.job_ids[i]));
    }
    const OwnedList steps(slurm_list_create(nullptr));
    for (auto& step : selected) slurm_list_append(steps.get(), &step);
    auto condition = job_condition();
    condition.cluster_list = clusters.get();
    condition.step_list = steps.get();
    // Submitted before tomorrow: 0 would mean slurmdbd's now, and slurmctld's clock may be ahead of it.
    condition.usage_end = std::time(nullptr) + day_seconds;
    jobs(condition, [&](UsageRecord record) {
      if (seen.insert(record.db_index).second) on_record(std::move(record));
    });
  }
}

UsageRecord Database::record_from(const slurmdb_job_rec_t& raw) {
  UsageRecord record;
  record.cluster = text_of(raw.cluster);
  record.db_index = raw.db_index;
  record.job_id = raw.jobid;
  record.array_job_id = raw.array_job_id;
  if (raw.array_job_id != 0) record.array_task_id = real_number(raw.array_task_id);
  record.array_tasks = text_of(raw.array_task_str);
  record.het_job_id = raw.het_job_id;
  if (raw.het_job_id != 0) record.het_job_offset = real_number(raw.het_job_offset);
  record.user_id = raw.uid;
  record.user = user_name(raw);
  record.account = text_of(raw.account);
  record.partition = text_of(raw.partition);
  record.qos = qos_name(raw.qosid);
  record.name = text_of(raw.jobname);
  record.nodes = real_nodes(raw.nodes);
  record.state_number = raw.state;
  record.state = state_name(raw.state);
  record.submit = raw.submit;
  record.eligible = real_time(raw.eligible);
  record.start = real_time(raw.start);
  record.end = real_time(raw.end);
  record.elapsed_seconds = raw.elapsed;
  record.suspended_seconds = raw.suspended;
  if (raw.timelimit != 0) record.time_limit_minutes = real_number(raw.timelimit);
  record.exit_code = static_cast<std::int32_t>(raw.exitcode);
  record.restart_count = restart_count_of(raw);
  record.admin_comment = text_of(raw.admin_comment);

  auto allocated = parse_tres(text_of(raw.tres_alloc_str), tres_names_);
  auto requested = parse_tres(text_of(raw.tres_req_str), tres_names_);
  if ((allocated.unknown_id || requested.unknown_id) && !tres_are_fresh_) {
    load_tres_names();
    allocated = parse_tres(text_of(raw.tres_alloc_str), tres_names_);
    requested = parse_tres(text_of(raw.tres_req_str), tres_names_);
  }
  record.tres_alloc = std::move(allocated.tres);
  record.tres_req = std::move(requested.tres);
  record.energy_joules = allocated.energy_joules;
  // After a change of size a new record goes on, submitted at that moment, but with the
  // job's first start: the time before it is in the RESIZING record already.
  if (record.start && record.submit > *record.start) {
    record.elapsed_seconds = std::max<std::int64_t>(0, record.elapsed_seconds - (record.submit - *record.start));
    record.start = record.submit;
  }
  if (begins_as_resized(raw)) record.end.reset();
  // Held and then cancelled: slurmdbd says that it started when it ended.
  if (record.elapsed_seconds == 0 && record.tres_alloc.empty() && record.nodes.empty()) record.start.reset();
  return record;
}

std::string Database::user_name(const slurmdb_job_rec_t& raw) {
  if (raw.user && *raw.user) return raw.user;
  const auto known = user_names_.find(raw.uid);
  if (known != user_names_.end()) return known->second;
  std::vector<char> buffer(16'384);
  passwd entry{};
  passwd* found = nullptr;
  const int problem = getpwuid_r(raw.uid, &entry, buffer.data(), buffer.size(), &found);
  if (problem != 0) return "";
  return user_names_[raw.uid] = found ? found->pw_name : "";
}

std::string Database::qos_name(std::uint32_t id) {
  if (id == 0) return "";
  auto known = qos_names_.find(id);
  if (known == qos_names_.end() && !qos_are_fresh_) {
    load_qos_names();
    known = qos_names_.find(id);
  }
  return known == qos_names_.end() ? "" : known->second;
}

void Database::load_clusters() {
  slurmdb_cluster_cond_t condition;
  slurmdb_init_cluster_cond(&condition, false);
  const OwnedList clusters(ask_list("read clusters from slurmdbd",
                                    [&](void* connection) { return slurmdb_clusters_get(connection, &condition); }));
  clusters_.clear();
  clusters.for_each<slurmdb_cluster_rec_t>(
      [&](const slurmdb_cluster_rec_t& raw) { clusters_.insert(text_of(raw.name)); });
}

void Database::check_clusters(const std::vector<std::string>& clusters) {
  // slurmdbd answers a misspelt cluster with no rows, which would read as "nothing to charge".
  const auto is_unknown = [&](const std::string& cluster) { return !clusters_.contains(cluster); };
  if (std::none_of(clusters.begin(), clusters.end(), is_unknown)) return;
  load_clusters();
  const auto unknown = std::find_if(clusters.begin(), clusters.end(), is_unknown);
  if (unknown != clusters.end()) throw HelperFault{"slurmdbd knows no cluster \"" + *unknown + "\"", 0, false};
}

void Database::load_tres_names() {
  slurmdb_tres_cond_t condition;
  slurmdb_init_tres_cond(&condition, false);
  const OwnedList list(
      ask_list("read TRES from slurmdbd", [&](void* connection) { return slurmdb_tres_get(connection, &condition); }));
  tres_names_.clear();
  list.for_each<slurmdb_tres_rec_t>([&](const slurmdb_tres_rec_t& raw) {
    const std::string name = text_of(raw.name);
    tres_names_[raw.id] = text_of(raw.type) + (name.empty() ? "" : "/" + name);
  });
  tres_are_fresh_ = true;
}

void Database::load_qos_names() {
  slurmdb_qos_cond_t condition{};
  const OwnedList list(
      ask_list("read QOS from slurmdbd", [&](void* connection) { return slurmdb_qos_get(connection, &condition); }));
  qos_names_.clear();
  list.for_each<slurmdb_qos_rec_t>([&](const slurmdb_qos_rec_t& raw) { qos_names_[raw.id] = text_of(raw.name); });
  qos_are_fresh_ = true;
}

int Database::modify(slurmdb_job_cond_t& condition, const TagRequest& request) {
  slurmdb_job_rec_t change{};
  change.derived_ec = NO_VAL;  // 0 would overwrite the record's
  std::string text = request.text;
  change.admin_comment = text.data();
  ListPointer changed_list = nullptr;
  try {
    changed_list = ask_list("tag a job record in slurmdbd",
                            [&](void* connection) { return slurmdb_job_modify(connection, &condition, &change); });
  } catch (const HelperFault& fault) {
    if (fault.number != SLURM_NO_CHANGE_IN_DATA) throw;
    return 0;
  }
  const OwnedList changed(changed_list);
  // "123 submitted at …": the id of an array's last task is the array's own, and would match a sibling.
  const std::string own = std::to_string(request.job_id) + " ";
  bool is_own = true;
  changed.for_each<char>(
      [&](const char& first) { is_own = is_own && std::strncmp(&first, own.c_str(), own.size()) == 0; });
  const int count = changed.count();
  const bool is_right = count == 1 && is_own;

  const PromptSockets::Hurry hurry(sockets_);
  errno = 0;
  if (slurmdb_connection_commit(connection_, is_right) != SLURM_SUCCESS) {
    auto fault = fault_from_errno(is_right ? "commit a tag to slurmdbd" : "undo a tag in slurmdbd");
    // Whatever of this transaction is left must not be committed by the next one.
    close();
    throw fault;
  }
  return is_right ? 1 : std::max(count, 2);
}

int Database::modify_selected(const slurm_selected_step_t& selected, const TagRequest& request) {
  const TextList clusters({request.cluster});
  const TextList states({std::to_string(request.state_number)});
  slurm_selected_step_t step = selected;
  const OwnedList steps(slurm_list_create(nullptr));
  slurm_list_append(steps.get(), &step);
  auto condition = job_condition();
  // Components of a heterogeneous job end together; only the one that is named is meant.
  condition.flags |= JOBCOND_FLAG_NO_WHOLE_HETJOB;
  condition.cluster_list = clusters.get();
  condition.state_list = states.get();
  condition.step_list = steps.get();
  condition.usage_start = request.end;
  condition.usage_end = request.end;
  return modify(condition, request);
}

bool Database::tag(const TagRequest& request) {
  check_clusters({request.cluster});
  const int count = modify_selected(selected_job(request.job_id), request);
  if (count <= 1) return count == 1;
  // The last task of an array has the array's id, which stands for all tasks: name it by its task number.
  std::vector<UsageRecord> same;
  by_id({request.cluster, {request.job_id}}, [&](UsageRecord record) {
    if (record.job_id == request.job_id && record.submit == request.submit && record.end == request.end &&
        record.state_number == request.state_number) {
      same.push_back(std::move(record));
    }
  });
  if (same.size() != 1 || !same.front().array_task_id) return false;
  auto selected = selected_job(same.front().array_job_id);
  selected.array_task_id = *same.front().array_task_id;
  return modify_selected(selected, request) == 1;
}

void Database::complete(Inventory& inventory) {
  check_clusters({inventory.cluster});
  const TextList clusters({inventory.cluster});
  slurmdb_assoc_cond_t condition{};
  condition.cluster_list = clusters.get();
  leave_out_limits(condition);
  std::map<std::string, std::set<std::string>> accounts_of_user;
  {
    const OwnedList list(ask_list("read associations from slurmdbd",
                                  [&](void* connection) { return slurmdb_associations_get(connection, &condition); }));
    list.for_each<slurmdb_assoc_rec_t>([&](const slurmdb_assoc_rec_t& raw) {
      if (!raw.user || !*raw.user || !raw.acct) return;
      accounts_of_user[raw.user].insert(raw.acct);
      if (raw.is_def == 1) inventory.default_accounts[raw.user] = raw.acct;
    });
  }
  for (const auto& [user, accounts] : accounts_of_user) {
    inventory.accounts_of_user[user].assign(accounts.begin(), accounts.end());
  }
  slurmdb_account_cond_t every_account{};
  const OwnedList accounts(ask_list("read accounts from slurmdbd", [&](void* connection) {
    return slurmdb_accounts_get(connection, &every_account);
  }));
  accounts.for_each<slurmdb_account_rec_t>(
      [&](const slurmdb_account_rec_t& raw) { inventory.accounts.push_back(text_of(raw.name)); });
  std::sort(inventory.accounts.begin(), inventory.accounts.end());
  slurmdb_user_cond_t every_user{};
  try {
    const OwnedList users(ask_list("read users from slurmdbd", [&](void* connection) {
      return slurmdb_users_get(connection, &every_user);
    }));
    users.for_each<slurmdb_user_rec_t>([&](const slurmdb_user_rec_t& raw) {
      if (raw.name && raw.admin_level >= SLURMDB_ADMIN_OPERATOR) inventory.operators.insert(raw.name);
    });
  } catch (const HelperFault& fault) {
    // With PrivateData=users they may be none of our business: nobody counts as an operator then.
    if (fault.is_unreachable) throw;
  }

  // Who isn't sure must not publish.
  inventory.private_jobs = setting("PrivateData").value_or("").find("jobs") != std::string::npos;
}

void Database::complete(Diagnosis& diagnosis) { diagnosis.purge_jobs_after = setting("PurgeJobAfter"); }

std::optional<std::string> Database::setting([[maybe_unused]] const char* name) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
  return std::nullopt;
#else
  // Slurm's config_key_pair_t, which its public headers name but don't define.
  struct KeyPair {
    const char* name;
    const char* value;
  };
  std::optional<std::string> value;
  const OwnedList config(
      ask_list("read slurmdbd's configuration", [&](void* connection) { return slurmdb_config_get(connection); }));
  config.for_each<KeyPair>([&](const KeyPair& pair) {
    if (text_of(pair.name) == name) value = text_of(pair.value);
  });
  return value;
#endif
}

}  // namespace sluice::slurm
