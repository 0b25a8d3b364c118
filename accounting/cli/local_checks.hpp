// SPDX-License-Identifier: Apache-2.0
//
// What `sluice doctor` looks at on this host. Reads files, changes nothing.

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accounting/cli/client_config.hpp"
#include "accounting/core/result.hpp"

namespace sluice::cli {

struct LocalPaths {
  std::string plugin_conf = "/etc/sluice/plugin.conf";
  std::string plugstack_conf = "/etc/slurm/plugstack.conf";  ///< beside SLURM_CONF where that is set
  std::string spank_plugin;
};

[[nodiscard]] LocalPaths local_paths(const Environment& environment);

/// Where spank_sluice.so belongs: beside a program in a build tree, else where it is installed.
/// `program` is the full path of the running one.
[[nodiscard]] std::string spank_plugin_path(const std::string& program);

/// Rows {name, state, text}, in the form of the service's own checks. `credential`
/// is what asking munged for one gave.
[[nodiscard]] nlohmann::json local_checks(const LocalPaths& paths, const Result<std::string>& credential);

}  // namespace sluice::cli
