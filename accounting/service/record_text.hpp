// SPDX-License-Identifier: Apache-2.0
//
// The text of a usage record that is kept with its charge: letter by letter what
// slurm::to_json(record) dumps, made without a tree, as a hundred thousand of them may come
// at once. Pure.

#pragma once

#include <string>

#include "accounting/slurm/record.hpp"

namespace sluice::service {

[[nodiscard]] std::string record_text(const slurm::UsageRecord& record);

}  // namespace sluice::service
