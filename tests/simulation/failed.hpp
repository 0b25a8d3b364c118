// SPDX-License-Identifier: Apache-2.0
//
// What ends a simulation: the code under test did what it must not. Pure.

#pragma once

#include <string>

namespace sluice::simulation {

/// No std::exception: nothing that it passes through may take it for one of its own.
struct Failed {
  std::string what;
};

[[noreturn]] inline void fail(std::string what) { throw Failed{std::move(what)}; }

/// `what` is only a literal, since this is asked millions of times.
inline void require(bool holds, const char* what) {
  if (!holds) fail(what);
}

}  // namespace sluice::simulation
