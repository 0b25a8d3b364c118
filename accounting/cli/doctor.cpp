// SPDX-License-Identifier: Apache-2.0
//
// sluice doctor: the service's checks and this host's, or those of a version that is to be installed.
//
// Whether the service answers is itself a finding: the rest is shown either way.

#include <algorithm>
#include <optional>

#include "accounting/cli/local_checks.hpp"
#include "accounting/cli/preflight.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/text.hpp"
#include "accounting/report/views.hpp"

namespace sluice::cli {
namespace {

struct Findings {
  Json rows = Json::array();
  Json local = Json::array();
  Json service;  ///< null where it did not answer
  std::string server;
  std::optional<CommandFailure> unanswered;
};

Findings examine(Invocation& call) {
  Findings findings;
  const Result<std::string> credential = [&]() -> Result<std::string> {
    try {
      return call.world.authenticator()->authorization("doctor");
    } catch (const CommandFailure& failure) {
      return Failure{Failure::Kind::unreachable, "bad_config", failure.why};
    }
  }();
  findings.local = local_checks(local_paths(call.world.environment), credential);
  try {
    Session session = call.session();
    findings.server = session.server();
    findings.service = session.get("ask the service", "/v1/doctor").object;
    findings.rows.push_back({{"where", "service"}, {"name", "answers"}, {"state", "ok"}, {"text", findings.server}});
  } catch (const CommandFailure& failure) {
    findings.unanswered = failure;
    findings.rows.push_back({{"where", "service"}, {"name", "answers"}, {"state", "fail"}, {"text", failure.why}});
  }
  for (const auto& [where, checks] : {std::pair{"service", report::rows_at(findings.service, "checks")},
                                      std::pair{"here", findings.local}}) {
    for (Json check : checks) {
      if (!check.is_object()) continue;
      check["where"] = where;
      findings.rows.push_back(std::move(check));
    }
  }
  return findings;
}

bool has_failure(const Json& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Json& check) { return report::raw_text(check, "state") == "fail"; });
}

bool any_failed(const Findings& findings) {
  return report::value_at(findings.service, "ok") == Json(false) || has_failure(findings.rows);
}

/// Exit::refused where something would keep the new version from working.
Exit run_preflight(const Invocation& call, const VerbParser& parser, const std::string& prefix, const std::string& config) {
  Json rows = preflight_checks(call.world, prefix, config);
  const bool failed = has_failure(rows);
  if (parser.json()) {
    call.world.out << Json{{"ok", !failed}, {"checks", rows}}.dump() << '\n';
  } else {
    for (Json& check : rows) check["where"] = "new";
    call.world.out << parser.rows_text(rows);
  }
  return failed ? Exit::refused : Exit::done;
}

std::string heading(const Findings& findings) {
  if (!findings.service.is_object()) return "";
  const auto shown = [&](const char* path) { return report::printable(report::raw_text(findings.service, path)); };
  return "sluiced " + shown("version") + " at " + findings.server + ": role " + shown("role") + ", cluster " +
         shown("cluster") + ", mode " + shown("mode") + "\n\n";
}

}  // namespace

Exit run_doctor(Invocation& call) {
  VerbParser parser(call);
  bool plugstack = false;
  parser.add_flag("--plugstack", plugstack, "Print the line that plugstack.conf needs, and ask nobody");
  std::string prefix;
  std::string config = "/etc/sluice/sluice.yaml";
  CLI::Option* before_upgrade =
      parser.add_option("--preflight", prefix, "PREFIX", "Check the version installed in PREFIX, before it takes over, and ask nobody");
  parser.add_option("--config", config, "FILE", "With --preflight: the service's configuration (/etc/sluice/sluice.yaml)")->needs(before_upgrade);
  parser.add_listing(report::check_fields());
  parser.parse();
  if (!prefix.empty() && plugstack) throw usage_failure("--plugstack and --preflight are two questions", "ask one at a time");
  if (!prefix.empty()) return run_preflight(call, parser, prefix, config);
  if (plugstack) {
    if (parser.json() || parser.wants_rows()) {
      throw usage_failure("--plugstack prints one line", "leave out --json, --parsable2 and --format");
    }
    call.world.out << "optional " << local_paths(call.world.environment).spank_plugin << '\n';
    return Exit::done;
  }
  const Findings findings = examine(call);
  const bool failed = any_failed(findings);
  if (parser.json()) {
    call.world.out << Json{{"ok", !failed}, {"service", findings.service}, {"local", findings.local}}.dump() << '\n';
  } else {
    call.world.out << (parser.wants_rows() ? "" : heading(findings)) << parser.rows_text(findings.rows);
  }
  if (findings.unanswered) {
    CommandFailure failure = *findings.unanswered;
    if (failure.why.find("; ") == std::string::npos) failure.next = "start sluiced there or correct `server` in client.conf";
    throw failure;
  }
  return failed ? Exit::refused : Exit::done;
}

}  // namespace sluice::cli
