// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/doctor.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/service/version.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr int probe_milliseconds = 1000;
constexpr std::int64_t tags_shown_max = 10'000;
constexpr std::size_t plugin_conf_bytes_max = 1u << 20;

/// A descriptor that is closed whatever happens.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// What a doing's failure means: charges wait, or only something that a person has to decide.
CheckState state_of_failure(const std::string& doing) {
  return doing == "prices" || doing == "configuration" || doing == "price book" ? CheckState::warn : CheckState::fail;
}

}  // namespace

Result<void> probe_control_socket(const std::string& path) {
  const auto wrong = [&] { return fault(path + ": " + std::strerror(errno)); };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0 || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return wrong();
  ucred listener{};
  socklen_t size = sizeof listener;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) != 0) return wrong();
  if (listener.pid != ::getpid()) return fault(path + ": process " + std::to_string(listener.pid) + " listens there instead of sluiced");
  // Whoever isn't slurmctld is told so and closed, and whoever may ask and ends is closed: either shows that it serves.
  ::shutdown(socket.get(), SHUT_WR);
  pollfd ready{socket.get(), POLLIN, 0};
  if (::poll(&ready, 1, probe_milliseconds) != 1) return fault(path + ": connections are not taken");
  return {};
}

void Doctor::add_sockets(Checks& checks, const Config& config) const {
  const auto control = probe_control_socket(config.control_socket);
  checks.push_back(control.ok() ? Check{"control socket", CheckState::ok, config.control_socket + " takes questions of slurmctld"}
                                : Check{"control socket", CheckState::fail, control.failure().text + "; restart sluiced"});
  checks.push_back({"public socket", CheckState::ok,
                    config.listen + (config.metrics_listen.empty() ? "" : ", metrics at " + config.metrics_listen)});
}

void Doctor::add_plugin(Checks& checks, const Config& config, UnixTime now) const {
  const UnixTime unanswered = watched_.facts.unanswered_submit();
  for (auto& check : check_plugin({config, watched_.plugin.seen(), unanswered, version, watched_.started_at, now})) {
    checks.push_back(std::move(check));
  }
  const std::string file = job_submit::settings_path();
  job_submit::ParsedSettings parsed;
  if (::access(file.c_str(), F_OK) == 0) {
    const auto text = load_text(file, plugin_conf_bytes_max);
    if (text.ok()) {
      parsed = job_submit::parse_settings(*text, file);
    } else {
      parsed.problems.push_back(text.failure().text);
    }
  }
  for (auto& check : check_plugin_settings(config, parsed)) checks.push_back(std::move(check));
}

void Doctor::add_slurm(Checks& checks, const Config& config, UnixTime now) const {
  const auto diagnosis = watched_.facts.diagnosis();
  if (diagnosis == nullptr) {
    checks.push_back({"Slurm", CheckState::warn, "slurmctld has not been asked yet; look again in a few seconds"});
    return;
  }
  const auto facts = watched_.facts.cluster(config.cluster);
  const UnixTime oldest = watched_.books != nullptr ? watched_.books->oldest_open_admission() : 0;
  for (auto& check : check_slurm({config, *diagnosis, facts.get(), oldest, now})) checks.push_back(std::move(check));
  if (const auto space = disk_space(diagnosis->state_folder)) checks.push_back(check_space("StateSaveLocation", diagnosis->state_folder, *space));
}

void Doctor::add_doings(Checks& checks, const Config& config) const {
  for (const auto& [name, doing] : watched_.health.all()) {
    if (doing.ok()) {
      checks.push_back({name, CheckState::ok, "last at " + format_time(doing.succeeded_at, config.zone)});
      continue;
    }
    const std::string since = doing.succeeded_at > 0 ? "worked last at " + format_time(doing.succeeded_at, config.zone) : "never worked yet";
    checks.push_back({name, state_of_failure(name), doing.problem + "; " + since});
  }
}

void Doctor::add_disks(Checks& checks, const Config& config) const {
  const auto space = disk_space(config.data_dir);
  if (!space) {
    checks.push_back({"disk", CheckState::fail, config.data_dir + ": " + std::strerror(errno)});
    return;
  }
  checks.push_back(check_space("disk", config.data_dir, *space));
  checks.push_back(check_growth(watched_.disk.samples(), *space));
}

void Doctor::add_books(Checks& checks) const {
  if (watched_.books == nullptr) return;
  const auto tags = watched_.books->tags_due(tags_shown_max + 1);
  const auto waiting = tags.ok() ? static_cast<std::int64_t>(tags->size()) : 0;
  checks.push_back({"final tags waiting", waiting > tags_shown_max ? CheckState::warn : CheckState::ok, std::to_string(waiting)});
  const json counts = watched_.books->counts();
  checks.push_back({"open admissions", CheckState::ok, counts.at("open_admissions").dump() + ", liens " + counts.at("open_liens").dump()});
  checks.push_back({"proposals", CheckState::ok, counts.at("pending_proposals").dump() + " pending"});
  const auto prices = watched_.books->prices();
  checks.push_back({"price book in force", prices != nullptr ? CheckState::ok : CheckState::warn,
                    prices != nullptr ? prices->name() + " " + prices->sha256().substr(0, 12) : "none"});
}

json Doctor::report(UnixTime now) const {
  const auto config = watched_.config();
  Checks checks;
  add_sockets(checks, *config);
  add_plugin(checks, *config, now);
  add_slurm(checks, *config, now);
  add_doings(checks, *config);
  add_disks(checks, *config);
  add_books(checks);
  bool ok = true;
  json rows = json::array();
  for (const auto& check : checks) {
    ok = ok && check.state != CheckState::fail;
    rows.push_back({{"name", check.name}, {"state", name_of(check.state)}, {"text", check.text}});
  }
  return {{"ok", ok},
          {"role", config->role == ServiceRole::home ? "home" : "site"},
          {"cluster", config->cluster},
          {"version", version},
          {"mode", name_of(config->mode)},
          {"checks", std::move(rows)}};
}

}  // namespace sluice::service
