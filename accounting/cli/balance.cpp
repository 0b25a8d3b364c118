// SPDX-License-Identifier: Apache-2.0
//
// sluice balance: what accounts owe and vouchers hold.

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {

Exit run_balance(Invocation& call) {
  VerbParser parser(call);
  std::string account;
  parser.add_option("-A,--account", account, "ACCOUNT", "Only this account");
  parser.add_listing(report::balance_fields());
  parser.parse();
  if (!account.empty()) check_name("--account", account);

  const Answer answer = call.session().get("show the balance", "/v1/balance" + query({{"account", account}}));
  if (parser.json()) {
    print_json(call.world, answer);
  } else if (parser.wants_rows()) {
    call.world.out << parser.rows_text(report::balance_rows(answer.object));
  } else {
    call.world.out << report::balance_text(answer.object);
  }
  return Exit::done;
}

}  // namespace sluice::cli
