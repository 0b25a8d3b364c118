// SPDX-License-Identifier: Apache-2.0
//
// The service: constructs the parts, runs until told to stop, reloads on SIGHUP.

#pragma once

#include <string>

namespace sluice::service {

/// Runs with the configuration in `file`; returns the exit code.
[[nodiscard]] int run_service(const std::string& file);

/// Reads the configuration and its price book; prints what is wrong. 0 or 1.
[[nodiscard]] int check_configuration(const std::string& file);

}  // namespace sluice::service
