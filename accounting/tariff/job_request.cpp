// SPDX-License-Identifier: Apache-2.0

#include "accounting/tariff/job_request.hpp"

#include <simdjson.h>

namespace sluice::tariff {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t uint32_max = 4'294'967'293;  // what lies above are Slurm's sentinels
constexpr std::int64_t count_max = 1'000'000'000;
constexpr std::int64_t memory_mb_max = 1'000'000'000'000;
constexpr std::size_t text_bytes_max = 65'536;

/// Reads members of one object and keeps the first problem.
class Members {
 public:
  explicit Members(dom::object object) : object_(object) {}

  void text(const char* name, std::optional<std::string>& target) {
    const auto value = find(name);
    if (!value) return;
    std::string_view text;
    if (value->get(text) != simdjson::SUCCESS || text.size() > text_bytes_max) return fail(name, "a text of at most 65,536 bytes");
    target = text;
  }

  template <typename Integer>
  void integer(const char* name, std::optional<Integer>& target, std::int64_t max) {
    const auto value = find(name);
    if (!value) return;
    const auto number = number_to(*value, max);
    if (!number) return fail(name, "a whole number from 0 to " + std::to_string(max));
    target = static_cast<Integer>(*number);
  }

  void count(const char* name, std::optional<std::int64_t>& target) { integer(name, target, count_max); }

  void flag(const char* name, bool& target) {
    const auto value = find(name);
    if (value && value->get(target) != simdjson::SUCCESS) fail(name, "true or false");
  }

  void time_limit(JobRequest& job) {
    const auto value = find("time_limit");
    if (!value) return;
    std::string_view text;
    if (value->get(text) == simdjson::SUCCESS && text == "infinite") {
      job.time_limit_infinite = true;
    } else if (const auto minutes = number_to(*value, uint32_max)) {
      job.time_limit_minutes = *minutes;
    } else {
      fail("time_limit", "minutes or \"infinite\"");
    }
  }

  void fail(const char* name, const std::string& wanted) {
    if (failure_) return;
    failure_ = refusal("bad_request", "job." + std::string(name) + ": write " + wanted);
  }

  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

 private:
  static std::optional<std::int64_t> number_to(dom::element value, std::int64_t max) {
    std::int64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS || number < 0 || number > max) return std::nullopt;
    return number;
  }
  [[nodiscard]] std::optional<dom::element> find(const char* name) const {
    dom::element value;
    return object_.at_key(name).get(value) == simdjson::SUCCESS ? std::optional(value) : std::nullopt;
  }

  const dom::object object_;
  std::optional<Failure> failure_;
};

void read_texts(Members& members, JobRequest& job) {
  members.text("account", job.account);
  members.text("partition", job.partition);
  members.text("qos", job.qos);
  members.text("name", job.name);
  members.text("features", job.features);
  members.text("clusters", job.clusters);
  members.text("cluster_features", job.cluster_features);
  members.text("origin_cluster", job.origin_cluster);
  members.text("reservation", job.reservation);
  members.text("req_nodes", job.req_nodes);
  members.text("admin_comment", job.admin_comment);
  members.text("array", job.array);
  members.text("tres_per_job", job.tres_per_job);
  members.text("tres_per_node", job.tres_per_node);
  members.text("tres_per_socket", job.tres_per_socket);
  members.text("tres_per_task", job.tres_per_task);
  members.text("cpus_per_tres", job.cpus_per_tres);
  members.text("mem_per_tres", job.mem_per_tres);
}

void read_numbers(Members& members, JobRequest& job) {
  members.integer("group_id", job.group_id, uint32_max);
  members.integer("submit_uid", job.submit_uid, uint32_max);
  members.integer("job_id", job.job_id, uint32_max);
  members.integer("het_offset", job.het_offset, uint32_max);
  members.time_limit(job);
  members.integer("begin_time", job.begin_time, time_forever);
  members.integer("deadline", job.deadline, time_forever);
  members.count("min_nodes", job.min_nodes);
  members.count("max_nodes", job.max_nodes);
  members.count("num_tasks", job.num_tasks);
  members.count("min_cpus", job.min_cpus);
  members.count("max_cpus", job.max_cpus);
  members.count("cpus_per_task", job.cpus_per_task);
  members.count("ntasks_per_node", job.ntasks_per_node);
  members.count("pn_min_cpus", job.pn_min_cpus);
  members.integer("mem_per_node", job.mem_per_node_mb, memory_mb_max);
  members.integer("mem_per_cpu", job.mem_per_cpu_mb, memory_mb_max);
  members.count("shared", job.shared);
}

}  // namespace

Result<JobRequest> job_request_from_json(const dom::element& value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return refusal("bad_request", "job: write an object");
  JobRequest job;
  Members members(object);
  std::optional<std::uint32_t> user_id;
  members.integer("user_id", user_id, uint32_max);
  if (!user_id) members.fail("user_id", "the numeric id of the user who is charged");
  job.user_id = user_id.value_or(0);
  read_texts(members, job);
  read_numbers(members, job);
  members.flag("interactive", job.interactive);
  members.flag("cron", job.cron);
  if (job.mem_per_node_mb && job.mem_per_cpu_mb) members.fail("mem_per_cpu", "either this or mem_per_node, not both");
  if (members.failure()) return *members.failure();
  return job;
}

Result<JobRequest> job_request_from_text(std::string_view json) {
  dom::parser parser;
  dom::element job;
  if (parser.parse(json.data(), json.size()).get(job) != simdjson::SUCCESS) return refusal("bad_request", "job: is not JSON");
  return job_request_from_json(job);
}

}  // namespace sluice::tariff
