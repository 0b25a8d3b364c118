// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/codec.hpp"

#include "accounting/slurm/json_reading.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;

constexpr int usage_record_version = 1;

/// Bytes of the UTF-8 sequence that starts at `at`, or 0 where there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char second_min = 0x80, second_max = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) second_min = 0xa0;
    if (first == 0xed) second_max = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) second_min = 0x90;
    if (first == 0xf4) second_max = 0x8f;
  }
  if (length == 0 || at + length > text.size()) return 0;
  if (byte(at + 1) < second_min || byte(at + 1) > second_max) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(at + i) < 0x80 || byte(at + i) > 0xbf) return 0;
  }
  return length;
}

bool is_valid_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

template <typename T>
void put_if(json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}
void put_if(json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = valid_text(text);
}
template <typename T>
requires std::is_integral_v<T>
void put_if(json& object, const char* key, T number) {
  if (number != 0) object[key] = number;
}

json tres_json(const Tres& tres) {
  json object = json::object();
  for (const auto& [name, count] : tres) object[valid_text(name)] = count;
  return object;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Array, heterogeneous and AdminComment members read the same for records and live jobs.
void read_admin_comment(JsonReading& reading, const json& object, std::string& to) {
  if (!reading.ok() || (!object.contains("admin_comment") && !object.contains("admin_comment_hex"))) return;
  if (auto text = get_bytes(object, "admin_comment")) {
    to = std::move(*text);
  } else {
    reading.fail("member \"admin_comment\" is wrong");
  }
}

}  // namespace

std::string valid_text(std::string_view text) {
  if (is_valid_text(text)) return std::string(text);
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      ++at;
    } else {
      valid += text.substr(at, length);
      at += length;
    }
  }
  return valid;
}

void put_bytes(json& object, const char* key, const std::string& text) {
  if (is_valid_text(text)) {
    object[key] = text;
    return;
  }
  std::string hex;
  hex.reserve(text.size() * 2);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  object[std::string(key) + "_hex"] = std::move(hex);
}

std::optional<std::string> get_bytes(const json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  if (const auto member = object.find(key); member != object.end()) {
    if (!member->is_string()) return std::nullopt;
    return member->get<std::string>();
  }
  const auto member = object.find(std::string(key) + "_hex");
  if (member == object.end() || !member->is_string()) return std::nullopt;
  const auto& hex = member->get_ref<const std::string&>();
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string text;
  text.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
  }
  return text;
}

std::string to_line(const json& object) {
  std::string line = object.dump(-1, ' ', false, json::error_handler_t::replace);
  line += '\n';
  return line;
}

json to_json(const UsageRecord& record) {
  json object = {{"v", usage_record_version},
                 {"cluster", valid_text(record.cluster)},
                 {"db_index", record.db_index},
                 {"job_id", record.job_id},
                 {"user_id", record.user_id},
                 {"state", valid_text(record.state)},
                 {"state_number", record.state_number},
                 {"submit", record.submit},
                 {"elapsed_seconds", record.elapsed_seconds},
                 {"suspended_seconds", record.suspended_seconds},
                 {"exit_code", record.exit_code},
                 {"tres_alloc", tres_json(record.tres_alloc)},
                 {"tres_req", tres_json(record.tres_req)}};
  put_if(object, "array_job_id", record.array_job_id);
  put_if(object, "array_task_id", record.array_task_id);
  put_if(object, "array_tasks", record.array_tasks);
  put_if(object, "het_job_id", record.het_job_id);
  put_if(object, "het_job_offset", record.het_job_offset);
  put_if(object, "user", record.user);
  put_if(object, "account", record.account);
  put_if(object, "partition", record.partition);
  put_if(object, "qos", record.qos);
  put_if(object, "name", record.name);
  put_if(object, "nodes", record.nodes);
  put_if(object, "eligible", record.eligible);
  put_if(object, "start", record.start);
  put_if(object, "end", record.end);
  put_if(object, "time_limit_minutes", record.time_limit_minutes);
  put_if(object, "energy_joules", record.energy_joules);
  put_if(object, "restart_count", record.restart_count);
  if (!record.admin_comment.empty()) put_bytes(object, "admin_comment", record.admin_comment);
  return object;
}

Result<UsageRecord> usage_record_from_json(const json& object) {
  UsageRecord record;
  JsonReading reading(object, "a usage record");
  int version = usage_record_version;
  reading.may("v", version);
  if (version != usage_record_version) reading.fail("its version " + std::to_string(version) + " is unknown");
  reading.need("cluster", record.cluster)
      .need("job_id", record.job_id)
      .need("state", record.state)
      .need("state_number", record.state_number)
      .need("submit", record.submit)
      .need("elapsed_seconds", record.elapsed_seconds)
      .need("tres_alloc", record.tres_alloc)
      .may("tres_req", record.tres_req)
      .may("db_index", record.db_index)
      .may("user_id", record.user_id)
      .may("suspended_seconds", record.suspended_seconds)
      .may("exit_code", record.exit_code)
      .may("array_job_id", record.array_job_id)
      .may("array_task_id", record.array_task_id)
      .may("array_tasks", record.array_tasks)
      .may("het_job_id", record.het_job_id)
      .may("het_job_offset", record.het_job_offset)
      .may("user", record.user)
      .may("account", record.account)
      .may("partition", record.partition)
      .may("qos", record.qos)
      .may("name", record.name)
      .may("nodes", record.nodes)
      .may("eligible", record.eligible)
      .may("start", record.start)
      .may("end", record.end)
      .may("time_limit_minutes", record.time_limit_minutes)
      .may("energy_joules", record.energy_joules)
      .may("restart_count", record.restart_count);
  read_admin_comment(reading, object, record.admin_comment);
  if (!reading.ok()) return reading.failure();
  return record;
}

json to_json(const LiveJob& job) {
  json object = {{"cluster", valid_text(job.cluster)},
                 {"job_id", job.job_id},
                 {"user_id", job.user_id},
                 {"state", valid_text(job.state)},
                 {"submit", job.submit},
                 {"finished", job.finished},
                 {"revoked", job.revoked}};
  put_if(object, "array_job_id", job.array_job_id);
  put_if(object, "array_task_id", job.array_task_id);
  put_if(object, "array_tasks", job.array_tasks);
  put_if(object, "account", job.account);
  put_if(object, "partition", job.partition);
  put_if(object, "start", job.start);
  put_if(object, "het_job_id", job.het_job_id);
  put_if(object, "het_job_offset", job.het_job_offset);
  put_if(object, "time_limit_minutes", job.time_limit_minutes);
  put_if(object, "tres_req", job.tres_req);
  if (!job.admin_comment.empty()) put_bytes(object, "admin_comment", job.admin_comment);
  return object;
}

Result<LiveJob> live_job_from_json(const json& object) {
  LiveJob job;
  JsonReading reading(object, "a live job");
  reading.need("cluster", job.cluster)
      .need("job_id", job.job_id)
      .need("user_id", job.user_id)
      .need("state", job.state)
      .need("submit", job.submit)
      .need("finished", job.finished)
      .need("revoked", job.revoked)
      .may("array_job_id", job.array_job_id)
      .may("array_task_id", job.array_task_id)
      .may("array_tasks", job.array_tasks)
      .may("account", job.account)
      .may("partition", job.partition)
      .may("start", job.start)
      .may("het_job_id", job.het_job_id)
      .may("het_job_offset", job.het_job_offset)
      .may("time_limit_minutes", job.time_limit_minutes)
      .may("tres_req", job.tres_req);
  read_admin_comment(reading, object, job.admin_comment);
  if (!reading.ok()) return reading.failure();
  return job;
}

json to_json(const Node& node) {
  return {{"name", valid_text(node.name)},
          {"cpus", node.cpus},
          {"memory_mb", node.memory_mb},
          {"sockets", node.sockets},
          {"gres", tres_json(node.gres)}};
}

Result<Node> node_from_json(const json& object) {
  Node node;
  JsonReading reading(object, "a node");
  reading.need("name", node.name)
      .need("cpus", node.cpus)
      .need("memory_mb", node.memory_mb)
      .may("sockets", node.sockets)
      .may("gres", node.gres);
  if (!reading.ok()) return reading.failure();
  return node;
}

json to_json(const Partition& partition) {
  json nodes = json::array();
  for (const auto& node : partition.nodes) nodes.push_back(valid_text(node));
  json object = {{"name", valid_text(partition.name)},
                 {"is_default", partition.is_default},
                 {"def_mem_per_cpu_mb", partition.def_mem_per_cpu_mb},
                 {"def_mem_per_node_mb", partition.def_mem_per_node_mb},
                 {"exclusive", partition.exclusive},
                 {"nodes", std::move(nodes)}};
  put_if(object, "default_minutes", partition.default_minutes);
  put_if(object, "max_minutes", partition.max_minutes);
  return object;
}

Result<Partition> partition_from_json(const json& object) {
  Partition partition;
  JsonReading reading(object, "a partition");
  reading.need("name", partition.name)
      .may("is_default", partition.is_default)
      .may("default_minutes", partition.default_minutes)
      .may("max_minutes", partition.max_minutes)
      .may("def_mem_per_cpu_mb", partition.def_mem_per_cpu_mb)
      .may("def_mem_per_node_mb", partition.def_mem_per_node_mb)
      .may("exclusive", partition.exclusive)
      .need("nodes", partition.nodes);
  if (!reading.ok()) return reading.failure();
  return partition;
}

json inventory_summary(const Inventory& inventory) {
  return {{"cluster", valid_text(inventory.cluster)},
          {"as_of", inventory.as_of},
          {"memory_is_consumable", inventory.memory_is_consumable},
          {"private_jobs", inventory.private_jobs},
          {"control_hosts", inventory.control_hosts}};
}

Result<Inventory> inventory_from_summary(const json& object) {
  Inventory inventory;
  JsonReading reading(object, "an inventory");
  reading.need("cluster", inventory.cluster)
      .need("as_of", inventory.as_of)
      .need("memory_is_consumable", inventory.memory_is_consumable)
      .need("private_jobs", inventory.private_jobs)
      .need("control_hosts", inventory.control_hosts);
  if (!reading.ok()) return reading.failure();
  return inventory;
}

json to_json(const Diagnosis& diagnosis) {
  json object = {{"cluster", valid_text(diagnosis.cluster)},
                 {"slurm_version", valid_text(diagnosis.slurm_version)},
                 {"clock_ahead_seconds", diagnosis.clock_ahead_seconds},
                 {"job_submit_plugins", valid_text(diagnosis.job_submit_plugins)},
                 {"storage_type", valid_text(diagnosis.storage_type)},
                 {"storage_tres", valid_text(diagnosis.storage_tres)},
                 {"enforces_associations", diagnosis.enforces_associations},
                 {"state_folder", valid_text(diagnosis.state_folder)},
                 {"dbd_queue", diagnosis.dbd_queue},
                 {"dbd_queue_max", diagnosis.dbd_queue_max}};
  if (!diagnosis.dbd_problem.empty()) object["dbd_problem"] = valid_text(diagnosis.dbd_problem);
  if (diagnosis.purge_jobs_after) object["purge_jobs_after"] = valid_text(*diagnosis.purge_jobs_after);
  return object;
}

Result<Diagnosis> diagnosis_from_json(const json& object) {
  Diagnosis diagnosis;
  JsonReading reading(object, "a diagnosis");
  reading.need("cluster", diagnosis.cluster)
      .need("slurm_version", diagnosis.slurm_version)
      .need("clock_ahead_seconds", diagnosis.clock_ahead_seconds)
      .need("job_submit_plugins", diagnosis.job_submit_plugins)
      .need("storage_type", diagnosis.storage_type)
      .need("storage_tres", diagnosis.storage_tres)
      .need("enforces_associations", diagnosis.enforces_associations)
      .need("state_folder", diagnosis.state_folder)
      .need("dbd_queue", diagnosis.dbd_queue)
      .need("dbd_queue_max", diagnosis.dbd_queue_max)
      .may("dbd_problem", diagnosis.dbd_problem)
      .may("purge_jobs_after", diagnosis.purge_jobs_after);
  if (!reading.ok()) return reading.failure();
  return diagnosis;
}

}  // namespace sluice::slurm
