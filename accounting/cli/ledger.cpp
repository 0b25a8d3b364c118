// SPDX-License-Identifier: Apache-2.0
//
// sluice ledger verify: both books sum to zero, and every account follows from its transfers.

#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {

Exit run_ledger_verify(Invocation& call) {
  VerbParser parser(call);
  parser.add_json();
  parser.parse();
  const Answer answer = call.session().get("verify the ledger", "/v1/ledger/verify", "verifying the ledger");
  const Json& ok = report::value_at(answer.object, "ok");
  if (!ok.is_boolean()) {
    throw CommandFailure{Exit::unreachable, "verify the ledger", "the service's answer says neither yes nor no",
                         "run `sluice doctor`"};
  }
  if (parser.json()) {
    print_json(call.world, answer);
  } else {
    call.world.out << report::verification_text(answer.object);
  }
  if (ok.get<bool>()) return Exit::done;
  const auto problems = report::rows_at(answer.object, "problems").size();
  call.world.err << "sluice: ledger verify: couldn't confirm the ledger: " << problems
                 << (problems == 1 ? " problem" : " problems")
                 << " found; stop issuing and approving, and call the administrator\n";
  return Exit::refused;
}

}  // namespace sluice::cli
