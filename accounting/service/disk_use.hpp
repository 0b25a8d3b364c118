// SPDX-License-Identifier: Apache-2.0
//
// How fast the service's folder grows, and how long its disk will do. What was seen is
// kept in a small file of that folder, so that a restart doesn't begin anew.

#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice::service {

struct DiskSample {
  UnixTime at = 0;
  std::int64_t bytes = 0;
};

struct DiskForecast {
  std::int64_t bytes_per_day = 0;         ///< negative where it shrank
  std::optional<std::int64_t> days_left;  ///< none: it doesn't grow
};

/// From the oldest to the newest sample. None while they lie less than an hour apart. Pure.
[[nodiscard]] std::optional<DiskForecast> disk_forecast(const std::vector<DiskSample>& samples, std::int64_t free_bytes);

/// Free for those who aren't root; none where it can't be known.
struct DiskSpace {
  std::int64_t free_bytes = 0;
  std::int64_t total_bytes = 0;
  [[nodiscard]] std::int64_t free_percent() const { return total_bytes > 0 ? free_bytes * 100 / total_bytes : 0; }
};
[[nodiscard]] std::optional<DiskSpace> disk_space(const std::string& folder);

/// Any thread may call.
class DiskUse {
 public:
  static constexpr std::int64_t sample_seconds = 3600;
  static constexpr std::size_t samples_max = 24 * 14;

  explicit DiskUse(std::string folder);

  /// Once an hour measures the folder and keeps what it measured.
  Result<void> look(UnixTime now);
  [[nodiscard]] std::vector<DiskSample> samples() const;
  /// Of the regular files in the folder, now.
  [[nodiscard]] std::int64_t bytes() const;

 private:
  [[nodiscard]] std::string file() const { return folder_ + "/disk-use"; }

  const std::string folder_;
  mutable std::mutex mutex_;
  std::vector<DiskSample> samples_;  ///< guarded by mutex_, oldest first
};

}  // namespace sluice::service
