// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/plugin_watch.hpp"

#include "accounting/slurm/json_reading.hpp"

namespace sluice::service {
namespace {
constexpr std::size_t version_bytes_max = 32;
}  // namespace

std::optional<PluginReport> plugin_report_from_json(const nlohmann::json& object) {
  PluginReport report;
  slurm::JsonReading reading(object, "the plugin's report");
  reading.need("version", report.version)
      .need("slurm", report.slurm)
      .need("loaded_at", report.loaded_at)
      .need("without_answer", report.without_answer);
  const bool short_texts = report.version.size() <= version_bytes_max && report.slurm.size() <= version_bytes_max;
  if (!reading.ok() || !short_texts) return std::nullopt;
  return report;
}

}  // namespace sluice::service
