// SPDX-License-Identifier: Apache-2.0
//
// The service's own part of `sluice doctor`: looks at what it holds and at this host, and has
// checks.hpp judge it. Any thread may call; reads, changes nothing.

#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "accounting/service/books.hpp"
#include "accounting/service/checks.hpp"
#include "accounting/service/control.hpp"
#include "accounting/service/disk_use.hpp"
#include "accounting/service/health.hpp"

namespace sluice::service {

/// What doctor and metrics look at.
struct Watched {
  SlurmFacts& facts;
  Health& health;
  PluginWatch& plugin;
  DiskUse& disk;
  const Control& control;
  Books* books = nullptr;  ///< null: a site without a ledger
  std::function<std::shared_ptr<const Config>()> config;
  UnixTime started_at = 0;
};

class Doctor {
 public:
  explicit Doctor(Watched watched) : watched_(std::move(watched)) {}

  /// The object of `GET /v1/doctor` in API.md.
  [[nodiscard]] nlohmann::json report(UnixTime now) const;

 private:
  using Checks = std::vector<Check>;
  void add_sockets(Checks& checks, const Config& config) const;
  void add_plugin(Checks& checks, const Config& config, UnixTime now) const;
  void add_slurm(Checks& checks, const Config& config, UnixTime now) const;
  void add_doings(Checks& checks, const Config& config) const;
  void add_disks(Checks& checks, const Config& config) const;
  void add_books(Checks& checks) const;

  const Watched watched_;
};

/// Connects to it as slurmctld would: a fault where nobody or somebody else is there.
[[nodiscard]] Result<void> probe_control_socket(const std::string& path);

}  // namespace sluice::service
