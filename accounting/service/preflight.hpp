// SPDX-License-Identifier: Apache-2.0
//
// Whether this program could take over from the one that runs: what a new version says before it
// is put in place (`sluice doctor --preflight`). Reads; opens neither ledger nor socket.

#pragma once

#include <string>
#include <vector>

#include "accounting/service/checks.hpp"

namespace sluice::service {

/// Of the configuration, its price book, the ledger that it names, and the disk for a copy of that.
[[nodiscard]] std::vector<Check> preflight_checks(const std::string& config_file);

/// Prints them as one JSON array of {name, state, text}; the program's exit status.
[[nodiscard]] int print_preflight(const std::string& config_file);

}  // namespace sluice::service
