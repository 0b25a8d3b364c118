// SPDX-License-Identifier: Apache-2.0
//
// plugin.conf: `name = value` lines. A line that can't be read costs its own setting only.

#include "plugins/job_submit/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace sluice::job_submit {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::size_t socket_path_bytes_max = 107;  // sun_path
constexpr std::size_t feature_bytes_max = 128;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<long> number_within(std::string_view text, long min, long max) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

/// Neither a list nor a negation, which Slurm would take as well.
bool is_one_feature(std::string_view text) {
  return !text.empty() && text.size() <= feature_bytes_max && std::none_of(text.begin(), text.end(), [](char c) {
    return c == ',' || c == '!' || c == 0x7F || (c >= 0 && c <= ' ');
  });
}

/// Sets `field` from `value`, or says what would be right.
template <typename Duration>
std::string set_duration(Duration& field, std::string_view value, long min, long max) {
  const auto number = number_within(value, min, max);
  if (!number) return "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  field = Duration(*number);
  return {};
}

std::string set(Settings& settings, std::string_view name, std::string_view value) {
  constexpr long deadline_ms_max = 1000;
  constexpr long backoff_seconds_max = 3600;
  if (name == "socket") {
    if (value.empty() || value.front() != '/' || value.size() > socket_path_bytes_max) {
      return "must be an absolute path of at most " + std::to_string(socket_path_bytes_max) + " bytes";
    }
    settings.socket = value;
    return {};
  }
  if (name == "deadline_ms") return set_duration(settings.deadline, value, 1, deadline_ms_max);
  if (name == "sibling_deadline_ms") return set_duration(settings.sibling_deadline, value, 1, deadline_ms_max);
  if (name == "probe_ms") return set_duration(settings.probe, value, 1, deadline_ms_max);
  if (name == "backoff_seconds_min") return set_duration(settings.backoff_min, value, 1, backoff_seconds_max);
  if (name == "backoff_seconds_max") return set_duration(settings.backoff_max, value, 1, backoff_seconds_max);
  if (name == "when_unreachable") {
    if (value != "admit" && value != "refuse") return "must be admit or refuse";
    settings.when_unreachable = value == "admit" ? Settings::WhenUnreachable::admit : Settings::WhenUnreachable::refuse;
    return {};
  }
  if (name == "local_feature") {
    if (!is_one_feature(value)) {
      return "must be one feature of at most " + std::to_string(feature_bytes_max) + " bytes, without ',', '!' and blanks";
    }
    settings.local_feature = value;
    return {};
  }
  return "is no setting of this plugin";
}

/// The file's text, or nothing with errno set.
std::optional<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: a FIFO at this path must not stop slurmctld.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  std::string text(file_bytes_max, '\0');
  std::size_t bytes = 0;
  ssize_t got = 0;
  while (bytes < text.size() && (got = read(descriptor, text.data() + bytes, text.size() - bytes)) > 0) {
    bytes += static_cast<std::size_t>(got);
  }
  const int error = errno;
  close(descriptor);
  if (got < 0) {
    errno = error;
    return std::nullopt;
  }
  text.resize(bytes);
  return text;
}

}  // namespace

ParsedSettings parse_settings(std::string_view text, const std::string& file) {
  ParsedSettings parsed;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = trim(line.substr(0, std::min(line.find('#'), line.size())));
    if (line.empty()) continue;
    const auto equals = line.find('=');
    std::string problem;
    std::string_view name = line;
    if (equals == std::string_view::npos) {
      problem = "has no '='";
    } else {
      name = trim(line.substr(0, equals));
      problem = set(parsed.settings, name, trim(line.substr(equals + 1)));
    }
    if (problem.empty()) continue;
    std::string shown(name.substr(0, 64));
    std::replace_if(shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    parsed.problems.push_back(file + ":" + std::to_string(number) + ": \"" + shown + "\" " + problem +
                              "; the line is left out");
  }
  if (parsed.settings.backoff_max < parsed.settings.backoff_min) {
    parsed.problems.push_back(file + ": backoff_seconds_max is less than backoff_seconds_min; the latter holds for both");
    parsed.settings.backoff_max = parsed.settings.backoff_min;
  }
  return parsed;
}

SettingsFile::SettingsFile(std::string path, Log log)
    : path_(std::move(path)), log_(log), settings_(std::make_shared<const Settings>()) {}

SettingsFile::Stamp SettingsFile::look(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return {};
  constexpr std::int64_t ns_per_second = 1'000'000'000;
  return {true, status.st_mtim.tv_sec * ns_per_second + status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

std::shared_ptr<const Settings> SettingsFile::current(Time now) {
  std::unique_lock lock(mutex_);
  if (looked_ && now < look_at_) return settings_;
  const bool first = !looked_;
  const Stamp before = stamp_;
  looked_ = true;
  look_at_ = now + look_every;
  lock.unlock();  // whoever comes meanwhile goes on with what holds, even if the disk hangs

  const Stamp stamp = look(path_);
  std::shared_ptr<const Settings> changed;
  if (first || stamp != before) changed = read(stamp);

  lock.lock();
  stamp_ = stamp;
  if (changed) settings_ = std::move(changed);
  return settings_;
}

std::shared_ptr<const Settings> SettingsFile::read(const Stamp& stamp) const {
  ParsedSettings parsed;
  if (stamp.present) {
    const auto text = read_file(path_);
    if (!text) {
      log_(("couldn't read " + path_ + ": " + std::strerror(errno) + "; the settings stay as they were").c_str());
      return nullptr;
    }
    parsed = parse_settings(*text, path_);
  }
  for (const std::string& problem : parsed.problems) log_(problem.c_str());
  return std::make_shared<const Settings>(std::move(parsed.settings));
}

std::string settings_path() {
  const char* path = std::getenv("SLUICE_PLUGIN_CONF");
  return path != nullptr && *path != '\0' ? path : "/etc/sluice/plugin.conf";
}

}  // namespace sluice::job_submit
