// SPDX-License-Identifier: Apache-2.0
//
// sluice voucher: vouchers, shown, proposed, suspended and resumed.

#include <algorithm>

#include "accounting/cli/check_arguments.hpp"
#include "accounting/cli/proposing.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {
namespace {

/// A bound of a voucher's validity: written out, so that a repetition means the same.
TimeExpression checked_bound(const std::string& name, const std::string& value, const Clock& clock) {
  TimeExpression bound = checked_time(name, value, clock);
  if (bound.relative) throw usage_failure(name + ": a voucher's term is written out", "write a date such as 2026-01-31");
  return bound;
}

/// What the forms that name one voucher and give a reason share.
struct Decision {
  std::string id;
  std::string reason;
};

Decision parse_decision(VerbParser& parser) {
  Decision decision;
  parser.add_operand("ID", decision.id, "The voucher");
  parser.add_option("--reason", decision.reason, "TEXT", "Why, for the books")->required();
  parser.add_request_id();
  parser.add_json();
  parser.parse();
  check_id("ID", decision.id);
  check_reason("--reason", decision.reason);
  return decision;
}

Exit run_state_change(Invocation& call, const std::string& verb) {
  VerbParser parser(call);
  const Decision decision = parse_decision(parser);
  const Answer answer =
      call.session().post({verb + " voucher " + decision.id, "/v1/vouchers/" + decision.id + "/" + verb,
                           Json{{"reason", decision.reason}}, parser.request_id()},
                          call.world.clock().now);
  if (parser.json()) {
    print_json(call.world, answer);
  } else {
    call.world.out << report::record_text(report::voucher_fields(), answer.object);
  }
  return Exit::done;
}

}  // namespace

Exit run_voucher_issue(Invocation& call) {
  VerbParser parser(call);
  std::string id, programme, face, valid_from, valid_to, share, document;
  std::vector<std::string> accounts, users, clusters, partitions;
  parser.add_option("--programme", programme, "ID", "The programme that grants it")->required();
  parser.add_option("--id", id, "ID", "The voucher's own id")->required();
  parser.add_option("--face", face, "YUAN", "What it is worth")->required();
  parser.add_list("-A,--account", accounts, "ACCOUNT[,...]", "Accounts whose jobs it may pay for");
  parser.add_list("-u,--user", users, "USER[,...]", "Users whose jobs it may pay for");
  parser.add_option("--valid-from", valid_from, "TIME", "Pays for jobs that start at or after this time")->required();
  parser.add_option("--valid-to", valid_to, "TIME", "Pays up to this time")->required();
  parser.add_list("-M,--clusters,--cluster", clusters, "CLUSTER[,...]", "Only on these clusters");
  parser.add_list("-p,--partition", partitions, "PARTITION[,...]", "Only in these partitions");
  parser.add_option("--share", share, "PART", "Pays this part of a charge; the programme's unless given");
  parser.add_option("--document", document, "TEXT", "What grants it, such as an award's number")->required();
  parser.add_request_id();
  parser.add_json();
  parser.parse();
  check_id("--id", id);
  check_id("--programme", programme);
  check_reason("--document", document);
  const Clock clock = call.world.clock();
  const TimeExpression from = checked_bound("--valid-from", valid_from, clock);
  const TimeExpression to = checked_bound("--valid-to", valid_to, clock);
  check_period(from, to);
  if (accounts.empty() && users.empty()) {
    throw usage_failure("nobody is named whom the voucher is for", "give --account or --user");
  }
  Json body{{"id", id},
            {"programme", programme},
            {"face", checked_amount("--face", face)},
            {"valid_from", from.text},
            {"valid_to", to.text},
            {"accounts", checked_names("--account", accounts)},
            {"users", checked_names("--user", users)},
            {"clusters", checked_names("--clusters", clusters)},
            {"partitions", checked_names("--partition", partitions)},
            {"document", document}};
  if (!share.empty()) body["share"] = checked_share("--share", share);
  const std::string what = "propose voucher " + id;
  const Answer answer = call.session().post({what, "/v1/vouchers", body, parser.request_id()}, clock.now);
  print_proposal(parser, call.world, what, answer);
  return Exit::done;
}

Exit run_voucher_show(Invocation& call) {
  VerbParser parser(call);
  std::string id;
  parser.add_operand("ID", id, "The voucher");
  parser.add_listing(report::voucher_fields());
  parser.parse();
  check_id("ID", id);
  const Answer answer = call.session().get("show voucher " + id, "/v1/vouchers/" + id);
  if (parser.json()) {
    print_json(call.world, answer);
  } else if (parser.wants_rows()) {
    call.world.out << parser.rows_text(Json::array({answer.object}));
  } else {
    call.world.out << report::record_text(report::voucher_fields(), answer.object);
  }
  return Exit::done;
}

Exit run_voucher_list(Invocation& call) {
  VerbParser parser(call);
  std::string programme, state;
  parser.add_option("--programme", programme, "ID", "Only vouchers of this programme");
  parser.add_option("--state", state, "STATE", "Only active, suspended, expired or revoked ones");
  parser.add_listing(report::voucher_fields());
  parser.parse();
  if (!programme.empty()) check_id("--programme", programme);
  const std::vector<std::string> states = {"active", "suspended", "expired", "revoked"};
  if (!state.empty() && std::find(states.begin(), states.end(), state) == states.end()) {
    throw usage_failure("--state: '" + state + "' is not a voucher's state",
                        "choose among active, suspended, expired, revoked");
  }
  const Answer answer =
      call.session().get("list vouchers", "/v1/vouchers" + query({{"programme", programme}, {"state", state}}));
  if (parser.json()) {
    print_json(call.world, answer);
  } else {
    call.world.out << parser.rows_text(report::rows_at(answer.object, "vouchers"));
  }
  return Exit::done;
}

Exit run_voucher_suspend(Invocation& call) { return run_state_change(call, "suspend"); }
Exit run_voucher_resume(Invocation& call) { return run_state_change(call, "resume"); }

Exit run_voucher_revoke(Invocation& call) {
  VerbParser parser(call);
  const Decision decision = parse_decision(parser);
  const std::string what = "propose to revoke voucher " + decision.id;
  const Answer answer = call.session().post({what, "/v1/vouchers/" + decision.id + "/revoke",
                                             Json{{"reason", decision.reason}}, parser.request_id()},
                                            call.world.clock().now);
  print_proposal(parser, call.world, what, answer);
  return Exit::done;
}

}  // namespace sluice::cli
