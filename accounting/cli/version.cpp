// SPDX-License-Identifier: Apache-2.0
//
// sluice version.

#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"

namespace sluice::cli {

Exit run_version(Invocation& call) {
  VerbParser parser(call);
  bool json = false;
  parser.add_flag("--json", json, "Print JSON");
  parser.parse();
  if (json) {
    call.world.out << Json{{"version", SLUICE_VERSION}}.dump() << '\n';
  } else {
    call.world.out << "sluice " SLUICE_VERSION "\n";
  }
  return Exit::done;
}

}  // namespace sluice::cli
