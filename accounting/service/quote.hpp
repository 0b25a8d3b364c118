// SPDX-License-Identifier: Apache-2.0
//
// A quote: one cluster's answer to `sluice quote`, as the JSON object Q of API.md
// in one line of the answer to slurmctld. Pure.

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "accounting/service/appraisal.hpp"

namespace sluice::service {

/// The plugin cuts a longer line, and JSON that was cut is worth nothing.
inline constexpr std::size_t quote_line_bytes_max = 4096;

/// Whether `sluice quote` asks, and not somebody who reads what sbatch says.
[[nodiscard]] bool asks_for_quote(const AdmissionRequest& request);

/// What home and site have in common: all of Q but its amounts.
[[nodiscard]] nlohmann::json quote_object(const Config& config, const Appraisal& appraisal,
                                          const std::vector<Failure>& refusals);

/// The line that carries `quote`. Where that is too long its texts are shortened, the longest first.
[[nodiscard]] std::string quote_line(nlohmann::json quote);

}  // namespace sluice::service
