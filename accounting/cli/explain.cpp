// SPDX-License-Identifier: Apache-2.0
//
// sluice explain: one job's lien, quote and charge, and the reasons for each.

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {

Exit run_explain(Invocation& call) {
  VerbParser parser(call);
  std::string job;
  std::string cluster;
  parser.add_operand("JOBID", job, "The job, such as 123, or 123_4 for a task of an array");
  parser.add_option("-M,--clusters,--cluster", cluster, "CLUSTER", "The job's cluster, where ids of several meet");
  parser.add_listing(report::explanation_fields());
  parser.parse();
  check_job_id("JOBID", job);
  if (!cluster.empty()) check_name("--clusters", cluster);

  const Answer answer =
      call.session().get("explain job " + job, "/v1/jobs/" + job + query({{"cluster", cluster}}));
  if (parser.json()) {
    print_json(call.world, answer);
  } else if (parser.wants_rows()) {
    call.world.out << parser.rows_text(Json::array({answer.object}));
  } else {
    call.world.out << report::explanation_text(answer.object);
  }
  return Exit::done;
}

}  // namespace sluice::cli
