// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong inside the helper: thrown by the code that calls libslurm, caught
// once per request and answered as an "error" line.

#pragma once

#include <string>

namespace sluice::slurm {

struct HelperFault {
  std::string text;
  int number = 0;               ///< errno, Slurm's numbers included
  bool is_unreachable = false;  ///< slurmdbd or slurmctld, rather than the request, is the trouble
};

/// "couldn't <what>: <Slurm's words for errno>", with errno as libslurm left it.
[[nodiscard]] HelperFault fault_from_errno(const std::string& what);

}  // namespace sluice::slurm
