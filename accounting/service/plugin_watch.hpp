// SPDX-License-Identifier: Apache-2.0
//
// What job_submit_sluice.so says of itself with its requests (plugins/job_submit/PROTOCOL.md).
// Nobody can ask a plugin inside slurmctld anything, so the last word counts. Any thread may call.

#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "accounting/core/mutex.hpp"
#include "accounting/core/time.hpp"

namespace sluice::service {

struct PluginReport {
  std::string version;
  std::string slurm;                ///< whose headers it was built with
  UnixTime loaded_at = 0;           ///< when this slurmctld loaded it
  std::int64_t without_answer = 0;  ///< calls since then that went by its policy
};

/// Nothing where it isn't well formed: no job hangs on it.
[[nodiscard]] std::optional<PluginReport> plugin_report_from_json(const nlohmann::json& object);

/// What is known of the plugin since this service started.
struct PluginSeen {
  UnixTime first_asked_at = 0;         ///< 0: nothing was asked yet
  UnixTime asked_at = 0;               ///< the last time
  std::optional<PluginReport> report;  ///< the last one: it comes with some requests only
  UnixTime unanswered_at = 0;          ///< when its count was last seen to grow; 0: never
};

class PluginWatch {
 public:
  void asked(const std::optional<PluginReport>& report, UnixTime now) {
    const std::lock_guard lock(mutex_);
    if (seen_.first_asked_at == 0) seen_.first_asked_at = now;
    seen_.asked_at = now;
    if (!report) return;
    const bool same_life = seen_.report && seen_.report->loaded_at == report->loaded_at;
    const std::int64_t before = same_life ? seen_.report->without_answer : 0;
    if (report->without_answer > before) seen_.unanswered_at = now;
    seen_.report = report;
  }
  [[nodiscard]] PluginSeen seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable Mutex mutex_;
  PluginSeen seen_;
};

}  // namespace sluice::service
