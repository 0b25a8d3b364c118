// SPDX-License-Identifier: Apache-2.0
//
// What people call a job: 123, or 123_4 for a task of an array. Pure.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"

namespace sluice::service {

struct JobName {
  std::uint32_t id = 0;  ///< with a task: of the array
  std::optional<std::uint32_t> task;

  JobName(std::uint32_t job_id, std::optional<std::uint32_t> array_task = std::nullopt) : id(job_id), task(array_task) {}
};

/// A refusal (usage) where it is neither.
[[nodiscard]] Result<JobName> parse_job_name(std::string_view text);
/// A number, or either form as a text.
[[nodiscard]] Result<JobName> job_name_from_json(const nlohmann::json& value);

[[nodiscard]] std::string to_text(const JobName& name);

/// The members job, job_id, array_job_id and array_task_id of every object that shows a job; an
/// array's id of 0 means none.
[[nodiscard]] nlohmann::json names_of(std::uint32_t job_id, std::uint32_t array_job_id, std::optional<std::uint32_t> task);
/// The task that a usage record, as it is kept with a charge, is of.
[[nodiscard]] std::optional<std::uint32_t> task_of(const nlohmann::json& record);

}  // namespace sluice::service
