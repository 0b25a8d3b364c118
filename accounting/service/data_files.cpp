// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/data_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "accounting/core/digest.hpp"
#include "accounting/core/yaml_reader.hpp"

namespace sluice::service {
namespace {

constexpr std::size_t key_bytes_min = 32;

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0;
}

bool sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

std::string last_good_file(const std::string& folder) { return folder + "/sluice.yaml.last-good"; }

/// The first line of what is kept tells of which file it is.
std::string last_good_head(const std::string& config_file) {
  return "# last good text of " + std::filesystem::absolute(config_file).lexically_normal().string() + "\n";
}

}  // namespace

Result<void> write_durably(const std::string& file, const std::string& text) {
  const std::string fresh = file + ".new";
  const auto failed = [&] { return fault("couldn't write " + file + ": " + std::strerror(errno)); };
  ::unlink(fresh.c_str());  // of a run that was killed
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed();
  const bool whole = write_all(descriptor, text);
  const auto outcome = whole ? Result<void>{} : Result<void>{failed()};
  ::close(descriptor);
  if (!outcome.ok()) return outcome;
  if (::rename(fresh.c_str(), file.c_str()) != 0 || !sync_folder(std::filesystem::path(file).parent_path())) return failed();
  return {};
}

Result<std::string> tag_key(const std::string& data_dir) {
  const std::string file = data_dir + "/tag.key";
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
    const auto written = write_durably(file, random_id("") + random_id(""));
    if (!written.ok()) return written.failure();
  }
  auto key = load_text(file);
  if (key.ok() && key->size() < key_bytes_min) {
    return fault(file + " is damaged: it has " + std::to_string(key->size()) + " bytes and a key has " + std::to_string(key_bytes_min) +
                 " at least; restore it from the backup, or move it away for a new one, which makes the tags of running jobs unbelieved");
  }
  return key;
}

Result<void> keep_last_good(const std::string& folder, const std::string& config_file, const std::string& text) {
  return write_durably(last_good_file(folder), last_good_head(config_file) + text);
}

Result<std::string> last_good(const std::string& folder, const std::string& config_file) {
  auto kept = load_text(last_good_file(folder));
  if (!kept.ok()) return kept;
  const std::string head = last_good_head(config_file);
  if (!kept->starts_with(head)) return fault(last_good_file(folder) + " is of another configuration than " + config_file);
  return kept->substr(head.size());
}

}  // namespace sluice::service
