// SPDX-License-Identifier: Apache-2.0
//
// sluice approve: the second person's word on a proposal, and the list of proposals.

#include <algorithm>

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/proposing.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/text.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {
namespace {

Exit list_proposals(const Invocation& call, const VerbParser& parser, const std::string& state) {
  const std::vector<std::string> states = {"pending", "approved", "rejected", "all"};
  if (std::find(states.begin(), states.end(), state) == states.end()) {
    throw usage_failure("--state: '" + state + "' is not a proposal's state",
                        "choose among pending, approved, rejected, all");
  }
  const Answer answer =
      call.session().get("list proposals", "/v1/proposals" + query({{"state", state == "all" ? "" : state}}));
  if (parser.json()) {
    print_json(call.world, answer);
  } else {
    call.world.out << parser.rows_text(report::rows_at(answer.object, "proposals"));
  }
  return Exit::done;
}

Exit print_decision(const Invocation& call, const VerbParser& parser, const std::string& id, bool reject,
                    const Answer& answer) {
  const Json& proposal = report::value_at(answer.object, "proposal");
  const std::string outcome = report::printable(report::raw_text(proposal, "outcome"));
  if (parser.json()) {
    print_json(call.world, answer);
    return Exit::done;
  }
  const std::string summary = report::printable(report::raw_text(proposal, "summary"));
  call.world.out << "proposal " << id << " " << (reject ? "rejected" : "approved")
                 << (summary.empty() ? "" : ": " + summary) << "\n";
  if (!outcome.empty()) call.world.out << outcome << "\n";
  return Exit::done;
}

}  // namespace

Exit run_approve(Invocation& call) {
  VerbParser parser(call);
  std::string id, reason, state;
  bool list = false, reject = false;
  parser.add_option("ID", id, "", "The proposal, such as `sluice approve --list` shows it");
  parser.add_flag("--reject", reject, "Reject it instead; needs --reason");
  parser.add_option("--reason", reason, "TEXT", "Why it is rejected, for the books");
  parser.add_flag("--list", list, "List proposals instead");
  parser.add_option("--state", state, "STATE", "With --list: pending (default), approved, rejected or all");
  parser.add_request_id();
  parser.add_listing(report::proposal_fields());
  parser.parse();
  if (list == !id.empty()) throw usage_failure("what to do is unclear", "give one of a proposal's id and --list");
  if (list) {
    if (reject || !reason.empty() || !parser.request_id().empty()) {
      throw usage_failure("--list decides nothing", "leave out --reject, --reason and --request-id");
    }
    return list_proposals(call, parser, state.empty() ? "pending" : state);
  }
  check_id("ID", id);
  if (!state.empty() || parser.wants_rows()) {
    throw usage_failure("--state, --parsable2 and --format go with --list", "leave them out to decide");
  }
  if (reject == reason.empty()) throw usage_failure("--reject and --reason go together", "give both, or neither to approve");
  if (reject) check_reason("--reason", reason);

  const Json body = reject ? Json{{"reason", reason}} : Json::object();
  const std::string verb = reject ? "reject" : "approve";
  const Answer answer = call.session().post(
      {verb + " proposal " + id, "/v1/proposals/" + id + "/" + verb, body, parser.request_id()},
      call.world.clock().now);
  return print_decision(call, parser, id, reject, answer);
}

}  // namespace sluice::cli
