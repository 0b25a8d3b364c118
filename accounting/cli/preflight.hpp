// SPDX-License-Identifier: Apache-2.0
//
// `sluice doctor --preflight PREFIX`: whether a new version of Sluice could take the place of the
// one that is in force. Runs the new programs; changes nothing, and stops nothing.

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accounting/cli/invocation.hpp"

namespace sluice::cli {

/// Rows {name, state, text}. `prefix` is what the new version was installed into: an install
/// prefix, or a DESTDIR of /usr or /usr/local. `config` is the sluice.yaml in force.
[[nodiscard]] nlohmann::json preflight_checks(const World& world, const std::string& prefix, const std::string& config);

}  // namespace sluice::cli
