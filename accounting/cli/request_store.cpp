// SPDX-License-Identifier: Apache-2.0
//
// See request_store.hpp.

#include "accounting/cli/request_store.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "accounting/core/digest.hpp"
#include "accounting/core/yaml_reader.hpp"

namespace sluice::cli {
namespace {

constexpr UnixTime kept_seconds = 24 * 3600;

std::optional<KeptRequest> read_kept(const std::string& file, UnixTime now) {
  const auto text = load_text(file, 4096);
  if (!text) return std::nullopt;
  const auto object = nlohmann::json::parse(*text, nullptr, false);
  if (!object.is_object() || !object.contains("request_id") || !object["request_id"].is_string() ||
      !object.contains("sent_at") || !object["sent_at"].is_number_integer()) {
    return std::nullopt;
  }
  const UnixTime sent_at = object["sent_at"].get<UnixTime>();
  if (sent_at > now || now - sent_at > kept_seconds) return std::nullopt;
  return KeptRequest{object["request_id"].get<std::string>(), sent_at};
}

bool write_all(int descriptor, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(descriptor, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return ::fsync(descriptor) == 0;
}

/// Replaces `file` as a whole, synced with its folder; 0 or the system's error.
int write_synced(const std::string& folder, const std::string& file, const std::string& text) {
  std::string temporary = file + ".XXXXXX";
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return errno;
  int error = write_all(descriptor, text) ? 0 : errno;
  ::close(descriptor);
  if (error == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return error;
  }
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return errno;
  // Some network file systems can't sync a folder; the file itself is synced.
  static_cast<void>(::fsync(directory));
  ::close(directory);
  return 0;
}

}  // namespace

std::string RequestStore::path(const std::string& content) const { return folder_ + "/" + sha256_hex(content); }

Result<KeptRequest> RequestStore::keep(const std::string& content, UnixTime now) {
  const std::string file = path(content);
  if (auto kept = read_kept(file, now)) return *kept;
  std::error_code problem;
  std::filesystem::create_directories(folder_, problem);
  int error = problem ? problem.value() : 0;
  const KeptRequest fresh{random_id("REQ-"), std::nullopt};
  if (error == 0) {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, problem);
    error = write_synced(folder_, file, nlohmann::json{{"request_id", fresh.id}, {"sent_at", now}}.dump() + "\n");
  }
  if (error != 0) return fault(folder_ + ": " + std::strerror(error));
  return fresh;
}

void RequestStore::forget(const std::string& content) { ::unlink(path(content).c_str()); }

std::string request_folder(const Environment& environment) {
  if (const auto state = environment("XDG_STATE_HOME"); state && state->front() == '/') {
    return *state + "/sluice/requests";
  }
  std::string home;
  if (const auto named = environment("HOME")) {
    home = *named;
  } else if (const passwd* entry = ::getpwuid(::getuid()); entry != nullptr) {
    home = entry->pw_dir;
  }
  return home + "/.local/state/sluice/requests";
}

}  // namespace sluice::cli
