// SPDX-License-Identifier: Apache-2.0
//
// What `sluice doctor` says of what the service knows: one row per thing that can be wrong, each
// with what to do. Pure: whoever calls has looked already (doctor.hpp).

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/service/config.hpp"
#include "accounting/service/disk_use.hpp"
#include "accounting/service/plugin_watch.hpp"
#include "accounting/service/slurm_facts.hpp"
#include "accounting/slurm/record.hpp"
#include "plugins/job_submit/settings.hpp"

namespace sluice::service {

/// `warn` can be what a site has chosen; `fail` is something that doesn't work.
enum class CheckState { ok, warn, fail };
[[nodiscard]] const char* name_of(CheckState state);

struct Check {
  std::string name;
  CheckState state = CheckState::ok;
  std::string text;
};

struct SlurmStanding {
  const Config& config;
  const slurm::Diagnosis& diagnosis;
  const ClusterFacts* facts = nullptr;  ///< null: never read
  UnixTime oldest_open = 0;             ///< admission; 0: none is open
  UnixTime now = 0;
};

/// JobSubmitPlugins, what is recorded, the queue to slurmdbd, the clock, purges, PrivateData.
[[nodiscard]] std::vector<Check> check_slurm(const SlurmStanding& standing);

struct PluginStanding {
  const Config& config;
  PluginSeen seen;
  UnixTime unanswered_submit = 0;  ///< of the newest job that has the tag of no answer; 0: none
  std::string service_version;
  UnixTime started_at = 0;  ///< of this service
  UnixTime now = 0;
};
/// The plugin's version, and its breaker as far as it can be known from outside.
[[nodiscard]] std::vector<Check> check_plugin(const PluginStanding& standing);

/// plugin.conf against sluice.yaml.
[[nodiscard]] std::vector<Check> check_plugin_settings(const Config& config, const job_submit::ParsedSettings& parsed);

/// `what` is the row's name, such as "disk".
[[nodiscard]] Check check_space(const std::string& what, const std::string& folder, const DiskSpace& space);
[[nodiscard]] Check check_growth(const std::vector<DiskSample>& samples, const DiskSpace& space);

/// "12 months", "90 days", "36 hours", each also with "*"; none for "NONE" and what can't be read.
[[nodiscard]] std::optional<std::int64_t> purge_seconds(const std::string& text);

/// "1.5 GiB".
[[nodiscard]] std::string format_bytes(std::int64_t bytes);

}  // namespace sluice::service
