// SPDX-License-Identifier: Apache-2.0
//
// Runs a program and captures what it says. It reads our stdin.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "accounting/core/result.hpp"

namespace sluice::cli {

struct Command {
  std::vector<std::string> arguments;  ///< the first is the program, looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours
};

struct Finished {
  int status = 0;  ///< as a shell gives it: 128 + signal where one ended it
  std::string out;
  std::string err;
};

/// A failure (`unreachable`) where the program can't be started.
[[nodiscard]] Result<Finished> run_command(const Command& command);

}  // namespace sluice::cli
