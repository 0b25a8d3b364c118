// SPDX-License-Identifier: Apache-2.0
//
// The request's JSON, and how options and the nonce are found in SPANK's environment.

#include "plugins/job_submit/request.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {

namespace {

using slurm_abi::JobFields;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Removes `prefix` from the front of `text` where it is there.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// "max-self" of "_SLURM_SPANK_OPTION_sluice_max_self": Slurm writes every character
/// of an option's name that is neither letter nor digit as '_'.
std::optional<std::string> option_name(std::string_view name) {
  if (!take_prefix(name, "_SLURM_SPANK_OPTION_sluice_")) return std::nullopt;
  constexpr std::size_t name_bytes_max = 32;
  if (name.empty() || name.size() > name_bytes_max) return std::nullopt;
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', '-');
  const bool clean = std::all_of(out.begin(), out.end(), [](char c) { return c == '-' || is_lower_alnum(c); });
  return clean ? std::optional(out) : std::nullopt;
}

std::optional<LocalRefusal> read_spank_environment(const JobFields& job, Request& request) {
  for (const std::string_view entry : job.spank_env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view name = entry.substr(0, equals);
    const std::string_view value = entry.substr(equals + 1);
    // srun hands on what an outer command left in the environment, with its prefix.
    take_prefix(name, "SLURM_SPANK_");
    take_prefix(name, "SPANK_");
    if (name == "SLUICE_NONCE") {
      constexpr std::size_t nonce_digits = 32;
      if (value.size() == nonce_digits && std::all_of(value.begin(), value.end(), is_hex)) request.nonce = value;
      continue;
    }
    const auto option = option_name(name);
    if (!option) continue;
    if (value.size() > option_bytes_max) {
      return LocalRefusal{"sluice: --" + *option + ": longer than " + std::to_string(option_bytes_max) +
                          " bytes; shorten it and submit again"};
    }
    const auto known = std::find_if(request.options.begin(), request.options.end(),
                                    [&](const auto& given) { return given.first == *option; });
    if (known != request.options.end()) {
      known->second = value;
    } else if (request.options.size() == options_max) {
      return LocalRefusal{"sluice: more than " + std::to_string(options_max) + " options; submit with fewer"};
    } else {
      request.options.emplace_back(*option, value);
    }
  }
  return std::nullopt;
}

struct NamedText {
  const char* name;
  JobFields::Text JobFields::*field;
  std::size_t bytes_max;
  bool is_asked = true;  ///< a change of it is sluiced's business: it has a price, or holds our tag
};

constexpr std::array named_texts{
    NamedText{"account", &JobFields::account, text_bytes_max},
    NamedText{"partition", &JobFields::partition, text_bytes_max},
    NamedText{"qos", &JobFields::qos, text_bytes_max, false},
    NamedText{"name", &JobFields::name, text_bytes_max, false},
    NamedText{"features", &JobFields::features, text_bytes_max, false},
    NamedText{"clusters", &JobFields::clusters, text_bytes_max},
    NamedText{"cluster_features", &JobFields::cluster_features, text_bytes_max},
    NamedText{"origin_cluster", &JobFields::origin_cluster, text_bytes_max, false},
    NamedText{"reservation", &JobFields::reservation, text_bytes_max, false},
    NamedText{"req_nodes", &JobFields::req_nodes, long_text_bytes_max},
    NamedText{"admin_comment", &JobFields::admin_comment, long_text_bytes_max},
    NamedText{"array", &JobFields::array, text_bytes_max},
    NamedText{"tres_per_job", &JobFields::tres_per_job, text_bytes_max},
    NamedText{"tres_per_node", &JobFields::tres_per_node, text_bytes_max},
    NamedText{"tres_per_socket", &JobFields::tres_per_socket, text_bytes_max},
    NamedText{"tres_per_task", &JobFields::tres_per_task, text_bytes_max},
    NamedText{"cpus_per_tres", &JobFields::cpus_per_tres, text_bytes_max},
    NamedText{"mem_per_tres", &JobFields::mem_per_tres, text_bytes_max},
};

struct NamedNumber {
  const char* name;
  JobFields::Number JobFields::*field;
};

constexpr std::array named_numbers{
    NamedNumber{"min_nodes", &JobFields::min_nodes},
    NamedNumber{"max_nodes", &JobFields::max_nodes},
    NamedNumber{"num_tasks", &JobFields::num_tasks},
    NamedNumber{"min_cpus", &JobFields::min_cpus},
    NamedNumber{"max_cpus", &JobFields::max_cpus},
    NamedNumber{"cpus_per_task", &JobFields::cpus_per_task},
    NamedNumber{"ntasks_per_node", &JobFields::ntasks_per_node},
    NamedNumber{"pn_min_cpus", &JobFields::pn_min_cpus},
    NamedNumber{"shared", &JobFields::shared},
};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::submit: return "submit";
    case Kind::test: return "test";
    case Kind::sibling: return "sibling";
  }
  return "submit";
}

void put_times_and_shape(const JobFields& job, Json& out) {
  if (job.time_limit_infinite) {
    out["time_limit"] = "infinite";
  } else if (job.time_limit_minutes) {
    out["time_limit"] = *job.time_limit_minutes;
  }
  if (job.begin_time) out["begin_time"] = *job.begin_time;
  if (job.deadline) out["deadline"] = *job.deadline;
  for (const NamedNumber& number : named_numbers) {
    if (const auto& value = job.*number.field) out[number.name] = *value;
  }
  if (job.mem_per_node_mb) out["mem_per_node"] = *job.mem_per_node_mb;
  if (job.mem_per_cpu_mb) out["mem_per_cpu"] = *job.mem_per_cpu_mb;
}

Json job_object(const JobFields& job, std::uint32_t submit_uid) {
  Json out = Json::object();
  out["user_id"] = job.user_id;
  out["group_id"] = job.group_id;
  out["submit_uid"] = submit_uid;
  if (job.job_id) out["job_id"] = *job.job_id;
  if (job.het_offset) out["het_offset"] = *job.het_offset;
  for (const NamedText& text : named_texts) {
    if (const auto& value = job.*text.field) out[text.name] = *value;
  }
  put_times_and_shape(job, out);
  out["interactive"] = job.interactive;
  if (job.cron) out["cron"] = true;
  return out;
}

/// What of a change is sluiced's business.
Json change_object(const slurm_abi::JobChange& change) {
  Json out = Json::object();
  for (const NamedText& text : named_texts) {
    if (const auto& value = change.fields.*text.field; value && text.is_asked) out[text.name] = *value;
  }
  put_times_and_shape(change.fields, out);
  if (change.end_time) out["end_time"] = *change.end_time;
  return out;
}

/// The first text that is longer than any of Slurm's own, refused.
std::optional<LocalRefusal> refuse_long_text(const JobFields& job) {
  for (const NamedText& text : named_texts) {
    const auto& value = job.*text.field;
    if (value && value->size() > text.bytes_max) {
      return LocalRefusal{std::string("sluice: the job's ") + text.name + " is longer than " +
                          std::to_string(text.bytes_max) + " bytes; shorten it and submit again"};
    }
  }
  return std::nullopt;
}

Json report_object(const PluginReport& report) {
  Json out = Json::object();
  out["version"] = report.version;
  out["slurm"] = report.slurm_version;
  out["loaded_at"] = report.loaded_at;
  out["without_answer"] = report.without_answer;
  return out;
}

}  // namespace

std::string Request::option(std::string_view name) const {
  for (const auto& [given, value] : options) {
    if (given == name) return value;
  }
  return {};
}

Kind kind_of(const JobFields& job, std::uint32_t submit_uid) {
  // Slurm alone may name a job's id. First: its caller holds write locks.
  const bool from_slurm = submit_uid == 0 || submit_uid == geteuid();
  if (job.job_id && from_slurm) return Kind::sibling;
  return job.test_only ? Kind::test : Kind::submit;
}

std::variant<Request, LocalRefusal> make_request(const JobFields& job, std::uint32_t submit_uid, const std::optional<PluginReport>& report) {
  Request request;
  request.kind = kind_of(job, submit_uid);
  if (auto refusal = read_spank_environment(job, request)) return *refusal;
  if (auto refusal = refuse_long_text(job)) return *refusal;
  Json options = Json::object();
  for (const auto& [name, value] : request.options) options[name] = value;
  Json body = Json::object();
  body["v"] = 1;
  body["kind"] = name_of(request.kind);
  if (!request.nonce.empty()) body["nonce"] = request.nonce;
  body["options"] = std::move(options);
  body["job"] = job_object(job, submit_uid);
  request.body = write_json(body);
  if (report) request.body += '\n' + write_json(report_object(*report));
  if (request.body.size() > request_bytes_max) {
    return LocalRefusal{"sluice: the job's texts are together longer than " + std::to_string(request_bytes_max) +
                        " bytes; shorten them and submit again"};
  }
  return request;
}

std::variant<NoQuestion, Question, LocalRefusal> make_question(const slurm_abi::JobChange& change, std::uint32_t submit_uid) {
  Json changes = change_object(change);
  if (changes.empty() || !change.job) return NoQuestion{};
  if (auto refusal = refuse_long_text(change.fields)) return *refusal;
  changes["user_id"] = change.fields.user_id;
  changes["submit_uid"] = submit_uid;
  Json body = Json::object();
  body["v"] = 1;
  body["kind"] = "modify";
  body["id"] = *change.job;
  body["job"] = std::move(changes);
  Question question{write_json(body)};
  if (question.body.size() > request_bytes_max) {
    return LocalRefusal{"sluice: what is to be changed is longer than " + std::to_string(request_bytes_max) + " bytes; shorten it"};
  }
  return question;
}

}  // namespace sluice::job_submit
