// SPDX-License-Identifier: Apache-2.0
//
// The exception barrier: every entry point that Slurm calls goes through guard().

#pragma once

#include <exception>
#include <utility>

#include "plugins/slurm_abi/log.hpp"

namespace sluice::slurm_abi {

/// Runs `body` for Slurm. Nothing escapes: unwinding into Slurm's C frames would
/// terminate the daemon, so an exception becomes one log line and `on_failure`.
template <typename Body>
int guard(const char* hook, int on_failure, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const std::exception& e) {
    log_error("sluice: %s: %s", hook, e.what());
  } catch (...) {
    log_error("sluice: %s: unknown exception", hook);
  }
  return on_failure;
}

}  // namespace sluice::slurm_abi
