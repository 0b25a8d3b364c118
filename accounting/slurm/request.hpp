// SPDX-License-Identifier: Apache-2.0
//
// The requests of the line protocol (PROTOCOL.md) as values, and their JSON. Pure.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/slurm/reader.hpp"

namespace sluice::slurm {

/// A longer line of the protocol, either way, ends the exchange.
inline constexpr std::size_t line_bytes_max = 1u << 20;
/// The AdminComment column of slurmdbd; what is longer would be cut without a word.
inline constexpr std::size_t admin_comment_bytes_max = 65'535;

struct FinishedRequest {
  std::vector<std::string> clusters;
  UnixTime from = 0;
  UnixTime to = 0;
};
struct ByIdRequest {
  std::string cluster;
  std::vector<std::uint32_t> job_ids;
};
struct LiveRequest {
  std::vector<std::string> clusters;
  std::int64_t timeout_ms = 5000;  ///< for each cluster; all are asked at the same time
};
struct InventoryRequest {
  std::string cluster;
};

struct DiagnosisRequest {
  std::string cluster;
};

struct Request {
  std::uint64_t id = 0;
  std::variant<FinishedRequest, ByIdRequest, LiveRequest, InventoryRequest, DiagnosisRequest, TagRequest> body;
};

[[nodiscard]] nlohmann::json to_json(const Request& request);
[[nodiscard]] Result<Request> request_from_json(const nlohmann::json& json);

}  // namespace sluice::slurm
