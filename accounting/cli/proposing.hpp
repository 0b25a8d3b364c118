// SPDX-License-Identifier: Apache-2.0
//
// The end of verbs that only propose: a second person decides.

#pragma once

#include "accounting/cli/verb_parser.hpp"

namespace sluice::cli {

/// Prints the proposal's id and the line that the second person runs.
/// Throws CommandFailure where the answer holds no proposal.
void print_proposal(const VerbParser& parser, World& world, const std::string& what, const Answer& answer);

/// The id in `object[key]`, which is an object with an id or the id itself; empty where there is none.
[[nodiscard]] std::string id_in(const Json& object, const char* key);

}  // namespace sluice::cli
