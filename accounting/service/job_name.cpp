// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/job_name.hpp"

#include <charconv>

namespace sluice::service {
namespace {

Failure not_a_job(std::string_view text) {
  return {Failure::Kind::refusal, "usage", "job id: '" + std::string(text.substr(0, 40)) + "' is not a job's; write it like 123, or 123_4 for a task of an array"};
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<JobName> parse_job_name(std::string_view text) {
  const std::size_t underscore = text.find('_');
  const auto id = number(text.substr(0, underscore));
  if (!id || *id == 0) return not_a_job(text);
  if (underscore == std::string_view::npos) return JobName(*id);
  const auto task = number(text.substr(underscore + 1));
  if (!task) return not_a_job(text);
  return JobName(*id, task);
}

Result<JobName> job_name_from_json(const nlohmann::json& value) {
  if (value.is_string()) return parse_job_name(value.get_ref<const std::string&>());
  return parse_job_name(value.is_number_integer() ? value.dump() : "");
}

std::string to_text(const JobName& name) {
  return std::to_string(name.id) + (name.task ? "_" + std::to_string(*name.task) : "");
}

nlohmann::json names_of(std::uint32_t job_id, std::uint32_t array_job_id, std::optional<std::uint32_t> task) {
  const bool is_task = array_job_id != 0 && task;
  return {{"job", to_text(is_task ? JobName(array_job_id, task) : JobName(job_id))},
          {"job_id", job_id},
          {"array_job_id", array_job_id != 0 ? nlohmann::json(array_job_id) : nlohmann::json(nullptr)},
          {"array_task_id", is_task ? nlohmann::json(*task) : nlohmann::json(nullptr)}};
}

std::optional<std::uint32_t> task_of(const nlohmann::json& record) {
  const auto task = record.find("array_task_id");
  if (task == record.end() || !task->is_number_unsigned()) return std::nullopt;
  return task->get<std::uint32_t>();
}

}  // namespace sluice::service
