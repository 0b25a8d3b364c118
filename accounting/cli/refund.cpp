// SPDX-License-Identifier: Apache-2.0
//
// sluice refund: gives back a job's charge or a part of it; above the site's limit
// it only proposes.

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/proposing.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

void print_refund(const VerbParser& parser, World& world, const std::string& job, const Answer& answer) {
  if (parser.json()) {
    print_json(world, answer);
    return;
  }
  const auto shown = [&](const char* path) { return report::printable(report::raw_text(answer.object, path)); };
  const std::string outcome = shown("refund.outcome");
  world.out << "job " << job << ": " << (outcome.empty() ? "refunded " + shown("refund.amount") : outcome) << '\n';
}

/// A job's number; a task of an array as text, so that a service that knows numbers only
/// refuses it rather than refunding another task.
Json job_reference(const std::string& job) {
  if (job.find('_') != std::string::npos) return job;
  return std::stoull(job);
}

}  // namespace

Exit run_refund(Invocation& call) {
  VerbParser parser(call);
  std::string job, share, amount, reason, cluster, submitted;
  bool all = false;
  parser.add_operand("JOBID", job, "The job, such as 123, or 123_4 for a task of an array");
  parser.add_option("--share", share, "PART", "Give back this part of the charge, such as 0.5");
  parser.add_option("--amount", amount, "YUAN", "Give back this amount");
  parser.add_flag("--all", all, "Give back all that is left of the charge");
  parser.add_option("--reason", reason, "TEXT", "Why, for the books")->required();
  parser.add_option("-M,--clusters,--cluster", cluster, "CLUSTER", "The job's cluster, where ids of several meet");
  parser.add_option("--submit", submitted, "TIME", "The record submitted then, where the id stands for several");
  parser.add_request_id();
  parser.add_json();
  parser.parse();
  check_job_id("JOBID", job);
  if ((share.empty() ? 0 : 1) + (amount.empty() ? 0 : 1) + (all ? 1 : 0) != 1) {
    throw usage_failure("how much is unclear", "give one of --share, --amount and --all");
  }
  check_reason("--reason", reason);

  Json body{{"job_id", job_reference(job)}, {"reason", reason}};
  if (!share.empty()) body["share"] = checked_share("--share", share);
  if (!amount.empty()) body["amount"] = checked_amount("--amount", amount);
  if (!cluster.empty()) {
    check_name("--clusters", cluster);
    body["cluster"] = cluster;
  }
  if (!submitted.empty()) {
    const TimeExpression at = checked_time("--submit", submitted, call.world.clock());
    if (at.relative) throw usage_failure("--submit: a record's time is a fixed one", "copy it from `sluice explain`");
    body["submit"] = at.text;
  }
  const std::string what = "refund job " + job;
  const Answer answer =
      call.session().post({what, "/v1/refunds", body, parser.request_id()}, call.world.clock().now);
  if (answer.object.contains("refund")) {
    print_refund(parser, call.world, job, answer);
  } else {
    print_proposal(parser, call.world, what, answer);
  }
  return Exit::done;
}

}  // namespace sluice::cli
