// SPDX-License-Identifier: Apache-2.0
//
// How a verb ends: exit statuses, and what is thrown where it can't go on.

#pragma once

#include <string>

namespace sluice::cli {

enum class Exit : int { done = 0, refused = 1, usage = 2, unreachable = 3 };

/// Thrown inside a verb and turned by run() into the one line
/// `sluice: VERB: couldn't <what>: <why>; <next>` and an exit status; never leaves run().
struct CommandFailure {
  Exit exit = Exit::refused;
  std::string what;  ///< completes "couldn't", such as "show voucher CD-2026-0001"
  std::string why;
  std::string next;  ///< what to do next; empty where `why` already says it
};

/// The command line breaks a rule. `next` empty points at the verb's help.
[[nodiscard]] inline CommandFailure usage_failure(std::string why, std::string next = "") {
  return {Exit::usage, "read the command line", std::move(why), std::move(next)};
}

/// Thrown once a verb's help is on stdout; run() then ends with Exit::done.
struct HelpShown {};

}  // namespace sluice::cli
