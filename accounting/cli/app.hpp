// SPDX-License-Identifier: Apache-2.0
//
// The verbs and how one is found, run and ended.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "accounting/cli/invocation.hpp"

namespace sluice::cli {

struct Verb {
  const char* name;  ///< one word, or two where a verb has several forms
  const char* summary;
  Exit (*run)(Invocation& call);
};

/// In the order in which help lists them; forms of one verb stand together.
[[nodiscard]] std::span<const Verb> verbs();

/// Runs the command line without the program's name; the exit status.
[[nodiscard]] int run(const std::vector<std::string>& arguments, World& world);

}  // namespace sluice::cli
