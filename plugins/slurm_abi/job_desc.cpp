// SPDX-License-Identifier: Apache-2.0
//
// The descriptor's fields, with Slurm's sentinels turned into absence.

#include "plugins/slurm_abi/job_desc.hpp"

#include <new>

#include "plugins/slurm_abi/slurm_headers.h"

namespace sluice::slurm_abi {

namespace {

JobFields::Text text_of(const char* text) {
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::string_view(text);
}

/// Of a change, where an empty text says something.
JobFields::Text change_of(const char* text) {
  if (text == nullptr) return std::nullopt;
  return std::string_view(text);
}

JobFields::Number number_of(std::uint32_t value) {
  if (value == NO_VAL || value == INFINITE) return std::nullopt;
  return value;
}

JobFields::Number number_of(std::uint16_t value) {
  if (value == NO_VAL16 || value == INFINITE16) return std::nullopt;
  return value;
}

std::optional<std::int64_t> time_of(time_t value) {
  if (value <= 0 || value == static_cast<time_t>(NO_VAL) || value == static_cast<time_t>(INFINITE)) return std::nullopt;
  return value;
}

std::uint32_t job_id_of(const job_desc_msg_t& job) {
#if SLUICE_JOB_DESC_HAS_STEP_ID
  return job.step_id.job_id;
#else
  return job.job_id;
#endif
}

void replace(char*& field, const std::string& text) {
  char* copy = slurm_xstrdup(text.c_str());
  if (copy == nullptr) throw std::bad_alloc();
  slurm_xfree(reinterpret_cast<void**>(&field));
  field = copy;
}

void read_shape(const job_desc_msg_t& job, JobFields& fields) {
  fields.min_nodes = number_of(job.min_nodes);
  fields.max_nodes = number_of(job.max_nodes);
  fields.num_tasks = number_of(job.num_tasks);
  fields.min_cpus = number_of(job.min_cpus);
  fields.max_cpus = number_of(job.max_cpus);
  fields.cpus_per_task = number_of(job.cpus_per_task);
  fields.ntasks_per_node = number_of(job.ntasks_per_node);
  fields.pn_min_cpus = number_of(job.pn_min_cpus);
  fields.shared = number_of(job.shared);
  if (job.pn_min_memory != NO_VAL64 && job.pn_min_memory != INFINITE64) {
    if ((job.pn_min_memory & MEM_PER_CPU) != 0) {
      fields.mem_per_cpu_mb = job.pn_min_memory & ~static_cast<std::uint64_t>(MEM_PER_CPU);
    } else {
      fields.mem_per_node_mb = job.pn_min_memory;
    }
  }
}

void read_texts(const job_desc_msg_t& job, JobFields& fields) {
  fields.account = text_of(job.account);
  fields.partition = text_of(job.partition);
  fields.qos = text_of(job.qos);
  fields.name = text_of(job.name);
  fields.features = text_of(job.features);
  fields.clusters = text_of(job.clusters);
  fields.cluster_features = text_of(job.cluster_features);
  fields.origin_cluster = text_of(job.origin_cluster);
  fields.reservation = text_of(job.reservation);
  fields.req_nodes = text_of(job.req_nodes);
  fields.admin_comment = text_of(job.admin_comment);
  fields.array = text_of(job.array_inx);
  fields.tres_per_job = text_of(job.tres_per_job);
  fields.tres_per_node = text_of(job.tres_per_node);
  fields.tres_per_socket = text_of(job.tres_per_socket);
  fields.tres_per_task = text_of(job.tres_per_task);
  fields.cpus_per_tres = text_of(job.cpus_per_tres);
  fields.mem_per_tres = text_of(job.mem_per_tres);
}

}  // namespace

JobFields JobDesc::read() const {
  const auto& job = *static_cast<const job_desc_msg_t*>(message_);
  JobFields fields;
  fields.user_id = job.user_id;
  fields.group_id = job.group_id;
  fields.job_id = number_of(job_id_of(job));
  if (fields.job_id == 0U) fields.job_id.reset();
  // scrontab's jobs have neither of the next two marks set, yet are plain submissions.
  fields.cron = (job.bitflags & CRON_JOB) != 0;
  if (!fields.cron) fields.het_offset = number_of(job.het_job_offset);
  // Submitting and allocating set alloc_sid in the client, asking "would it run" doesn't.
  fields.test_only = !fields.cron && job.alloc_sid == NO_VAL;
  // The second and later components of a batch het job carry no script, but an environment.
  fields.interactive = job.script == nullptr && job.script_buf == nullptr && job.env_size == 0;

  read_texts(job, fields);
  fields.time_limit_minutes = number_of(job.time_limit);
  fields.time_limit_infinite = job.time_limit == INFINITE;
  fields.begin_time = time_of(job.begin_time);
  fields.deadline = time_of(job.deadline);
  read_shape(job, fields);

  if (job.spank_job_env != nullptr) {
    for (std::uint32_t i = 0; i < job.spank_job_env_size; ++i) {
      if (job.spank_job_env[i] != nullptr) fields.spank_env.emplace_back(job.spank_job_env[i]);
    }
  }
  return fields;
}

JobChange JobDesc::read_change() const {
  const auto& job = *static_cast<const job_desc_msg_t*>(message_);
  JobChange change;
  JobFields& fields = change.fields;
  fields.user_id = job.user_id;
  read_texts(job, fields);
  fields.clusters = change_of(job.clusters);
  fields.cluster_features = change_of(job.cluster_features);
  fields.req_nodes = change_of(job.req_nodes);
  fields.admin_comment = change_of(job.admin_comment);
  fields.tres_per_job = change_of(job.tres_per_job);
  fields.tres_per_node = change_of(job.tres_per_node);
  fields.tres_per_socket = change_of(job.tres_per_socket);
  fields.tres_per_task = change_of(job.tres_per_task);
  fields.cpus_per_tres = change_of(job.cpus_per_tres);
  fields.mem_per_tres = change_of(job.mem_per_tres);
  fields.time_limit_minutes = number_of(job.time_limit);
  fields.time_limit_infinite = job.time_limit == INFINITE;
  read_shape(job, fields);
  change.job = text_of(job.job_id_str);
  change.end_time = time_of(job.end_time);
  return change;
}

void JobDesc::set_partition(const std::string& text) { replace(static_cast<job_desc_msg_t*>(message_)->partition, text); }

void JobDesc::set_cluster_features(const std::string& text) {
  replace(static_cast<job_desc_msg_t*>(message_)->cluster_features, text);
}

void JobDesc::set_admin_comment(const std::string& text) {
  replace(static_cast<job_desc_msg_t*>(message_)->admin_comment, text);
}

void JobDesc::set_begin_time(std::int64_t unix_seconds) {
  static_cast<job_desc_msg_t*>(message_)->begin_time = static_cast<time_t>(unix_seconds);
}

void append_user_lines(char** err_msg, const std::vector<std::string>& lines) {
  if (err_msg == nullptr || lines.empty()) return;
  std::string text;
  if (*err_msg != nullptr) text = *err_msg;
  for (const std::string& line : lines) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += line;
  }
  replace(*err_msg, text);
}

}  // namespace sluice::slurm_abi
