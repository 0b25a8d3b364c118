// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/disk_use.hpp"

#include <sys/statvfs.h>

#include <filesystem>
#include <sstream>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/service/data_files.hpp"

namespace sluice::service {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t span_seconds_min = 3600;

/// "TIME BYTES" in each line, in order; what isn't so is left out.
std::vector<DiskSample> samples_of(const std::string& text) {
  std::vector<DiskSample> samples;
  std::istringstream lines(text);
  for (DiskSample sample; lines >> sample.at >> sample.bytes;) {
    if (samples.empty() || sample.at > samples.back().at) samples.push_back(sample);
  }
  return samples;
}

std::string text_of(const std::vector<DiskSample>& samples) {
  std::string text;
  for (const auto& one : samples) text += std::to_string(one.at) + " " + std::to_string(one.bytes) + "\n";
  return text;
}

}  // namespace

std::optional<DiskForecast> disk_forecast(const std::vector<DiskSample>& samples, std::int64_t free_bytes) {
  if (samples.size() < 2) return std::nullopt;
  const std::int64_t seconds = samples.back().at - samples.front().at;
  if (seconds < span_seconds_min) return std::nullopt;
  DiskForecast forecast;
  const double per_day = static_cast<double>(samples.back().bytes - samples.front().bytes) * day_seconds / static_cast<double>(seconds);
  forecast.bytes_per_day = static_cast<std::int64_t>(per_day);
  if (forecast.bytes_per_day > 0) forecast.days_left = free_bytes / forecast.bytes_per_day;
  return forecast;
}

std::optional<DiskSpace> disk_space(const std::string& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return std::nullopt;
  const auto bytes = [&](fsblkcnt_t blocks) { return static_cast<std::int64_t>(blocks * disk.f_frsize); };
  return DiskSpace{bytes(disk.f_bavail), bytes(disk.f_blocks)};
}

DiskUse::DiskUse(std::string folder) : folder_(std::move(folder)) {
  if (const auto kept = load_text(file()); kept.ok()) samples_ = samples_of(*kept);
}

std::int64_t DiskUse::bytes() const {
  std::int64_t sum = 0;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, problem)) {
    // A file may go while it is looked at; what is gone takes no room.
    const auto size = entry.is_regular_file(problem) ? entry.file_size(problem) : 0;
    if (!problem) sum += static_cast<std::int64_t>(size);
  }
  return sum;
}

Result<void> DiskUse::look(UnixTime now) {
  const std::lock_guard lock(mutex_);
  // A clock that was set back begins the history anew.
  if (!samples_.empty() && now < samples_.back().at) samples_.clear();
  if (!samples_.empty() && now - samples_.back().at < sample_seconds) return {};
  samples_.push_back({now, bytes()});
  if (samples_.size() > samples_max) samples_.erase(samples_.begin());
  return write_durably(file(), text_of(samples_));
}

std::vector<DiskSample> DiskUse::samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

}  // namespace sluice::service
