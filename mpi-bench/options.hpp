// SPDX-License-Identifier: Apache-2.0
//
// The command line of sluice-linkbench. Pure: prints nothing, needs no MPI, so that a
// wrong argument is told before any rank waits for another.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::linkbench {

struct Options {
  std::vector<std::size_t> sizes_bytes{0, 8, 1024, 65536};
  std::size_t iterations = 1000;
  std::size_t warm_up = 100;
};

/// What a command line comes to: options to run with, or a text and the exit status.
struct Parsed {
  std::optional<Options> options;
  std::string text;
  int status = 0;  ///< 0: help was asked for; 2: wrong
};

[[nodiscard]] Parsed parse_options(int argc, const char* const* argv);

}  // namespace sluice::linkbench
