// SPDX-License-Identifier: Apache-2.0
//
// Opens one of our plugins as Slurm would, so that a missing symbol shows before an upgrade and
// not inside slurmctld. For a process that ends right after: what a plugin does when it is
// opened can't be undone.

#pragma once

#include <string>

namespace sluice::slurm {

/// Prints {"type", "slurm_version", "problem"} in one line: what the plugin is, which Slurm it was
/// built for, and what keeps it from being loaded ("" for nothing). Exit status: 0 it loads.
/// `library` is Slurm's own, which has what its daemons offer to plugins.
[[nodiscard]] int check_plugin(const std::string& file, const std::string& library);

}  // namespace sluice::slurm
