// SPDX-License-Identifier: Apache-2.0
//
// sluice statement: the charges of jobs that ended in a period (对账单).

#include "accounting/report/statement.hpp"

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"

namespace sluice::cli {

Exit run_statement(Invocation& call) {
  VerbParser parser(call);
  std::string account;
  std::string user;
  std::vector<std::string> clusters;
  std::string voucher;
  std::string from;
  std::string to;
  parser.add_option("-A,--account", account, "ACCOUNT", "Only this account's jobs");
  parser.add_option("-u,--user", user, "USER", "Only this user's jobs");
  parser.add_list("-M,--clusters,--cluster", clusters, "CLUSTER[,...]", "Only these clusters' jobs");
  parser.add_option("--voucher", voucher, "ID", "Only jobs that this voucher paid for");
  parser.add_option("-S,--starttime", from, "TIME", "Jobs that ended at or after this time");
  parser.add_option("-E,--endtime", to, "TIME", "Jobs that ended before this time");
  parser.add_listing(report::statement_fields());
  parser.parse();
  if (!account.empty()) check_name("--account", account);
  if (!user.empty()) check_name("--user", user);
  std::string cluster;
  for (const std::string& name : checked_names("--clusters", clusters)) cluster += (cluster.empty() ? "" : ",") + name;
  if (!voucher.empty()) check_id("--voucher", voucher);
  const Clock clock = call.world.clock();
  TimeExpression start;
  TimeExpression end;
  if (!from.empty()) start = checked_time("--starttime", from, clock);
  if (!to.empty()) end = checked_time("--endtime", to, clock);
  if (!from.empty() && !to.empty()) check_period(start, end);

  const std::string target = "/v1/statement" + query({{"account", account},
                                                      {"user", user},
                                                      {"cluster", cluster},
                                                      {"voucher", voucher},
                                                      {"from", start.text},
                                                      {"to", end.text}});
  const Answer answer = call.session().get("make the statement", target, "making the statement");
  if (parser.json()) {
    print_json(call.world, answer);
  } else if (parser.wants_rows()) {
    call.world.out << parser.rows_text(report::rows_at(answer.object, "lines"));
  } else {
    call.world.out << report::statement_text(answer.object, parser.fields());
  }
  return Exit::done;
}

}  // namespace sluice::cli
