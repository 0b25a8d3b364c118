// SPDX-License-Identifier: Apache-2.0
//
// JSON for what Slurm knows: rows of the line protocol, and the usage record that
// is kept with each charge. Pure. What isn't set is left out, never a sentinel;
// keys are sorted, so equal values give equal text.

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::slurm {

/// The form that is kept with a charge; its members are listed in PROTOCOL.md.
[[nodiscard]] nlohmann::json to_json(const UsageRecord& record);
[[nodiscard]] Result<UsageRecord> usage_record_from_json(const nlohmann::json& json);

[[nodiscard]] nlohmann::json to_json(const LiveJob& job);
[[nodiscard]] Result<LiveJob> live_job_from_json(const nlohmann::json& json);

[[nodiscard]] nlohmann::json to_json(const Node& node);
[[nodiscard]] Result<Node> node_from_json(const nlohmann::json& json);

[[nodiscard]] nlohmann::json to_json(const Partition& partition);
[[nodiscard]] Result<Partition> partition_from_json(const nlohmann::json& json);

/// Everything of an inventory but its rows (nodes, partitions, associations, accounts).
[[nodiscard]] nlohmann::json inventory_summary(const Inventory& inventory);
[[nodiscard]] Result<Inventory> inventory_from_summary(const nlohmann::json& json);

[[nodiscard]] nlohmann::json to_json(const Diagnosis& diagnosis);
[[nodiscard]] Result<Diagnosis> diagnosis_from_json(const nlohmann::json& json);

/// Sets `key` to `text`, or `key` + "_hex" to its bytes in hexadecimal where it isn't
/// UTF-8, so that text of others survives every way through JSON.
void put_bytes(nlohmann::json& object, const char* key, const std::string& text);
/// What put_bytes set; nullopt where neither member is there or well formed.
[[nodiscard]] std::optional<std::string> get_bytes(const nlohmann::json& object, const char* key);

/// `text` with U+FFFD for what isn't UTF-8.
[[nodiscard]] std::string valid_text(std::string_view text);

/// One line of the protocol, its newline included.
[[nodiscard]] std::string to_line(const nlohmann::json& json);

}  // namespace sluice::slurm
