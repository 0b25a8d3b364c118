// SPDX-License-Identifier: Apache-2.0
//
// The plugin's own settings (PROTOCOL.md, "The plugin's own settings"): parsing is
// pure; SettingsFile reads the file again when it changes. Any thread may call
// SettingsFile::current(), which costs one stat every few seconds.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::job_submit {

struct Settings {
  enum class WhenUnreachable { admit, refuse };

  std::string socket = "/run/sluice/control.sock";
  std::chrono::milliseconds deadline{10};
  std::chrono::milliseconds sibling_deadline{2};
  std::chrono::milliseconds probe{2};
  std::chrono::seconds backoff_min{1};
  std::chrono::seconds backoff_max{60};
  WhenUnreachable when_unreachable = WhenUnreachable::admit;
  std::string local_feature;  ///< this cluster's own federation feature; empty: never pinned

  bool operator==(const Settings&) const = default;
};

struct ParsedSettings {
  Settings settings;
  std::vector<std::string> problems;  ///< "FILE:LINE: what is wrong; what holds instead"
};

[[nodiscard]] ParsedSettings parse_settings(std::string_view text, const std::string& file);

class SettingsFile {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Log = void (*)(const char* line) noexcept;

  /// slurmctld tells plugins nothing of `scontrol reconfigure`, hence the looking.
  static constexpr std::chrono::seconds look_every{3};

  SettingsFile(std::string path, Log log);

  /// Reads the file on the first call, and when it has changed since.
  [[nodiscard]] std::shared_ptr<const Settings> current(Time now);

 private:
  struct Stamp {
    bool present = false;
    std::int64_t modified_ns = 0;
    std::int64_t bytes = 0;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };

  [[nodiscard]] static Stamp look(const std::string& path);
  /// Nothing where the file can't be read.
  [[nodiscard]] std::shared_ptr<const Settings> read(const Stamp& stamp) const;

  const std::string path_;
  const Log log_;
  std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;  // GUARDED_BY(mutex_), as all below
  bool looked_ = false;
  Time look_at_{};
  Stamp stamp_;
};

/// SLUICE_PLUGIN_CONF, or /etc/sluice/plugin.conf.
[[nodiscard]] std::string settings_path();

}  // namespace sluice::job_submit
