// SPDX-License-Identifier: Apache-2.0
//
// See proposing.hpp.

#include "accounting/cli/proposing.hpp"

#include "accounting/report/text.hpp"

namespace sluice::cli {

std::string id_in(const Json& object, const char* key) {
  const Json& value = report::value_at(object, key);
  return report::printable(value.is_object() ? report::raw_text(value, "id") : report::raw_text(object, key));
}

void print_proposal(const VerbParser& parser, World& world, const std::string& what, const Answer& answer) {
  const std::string id = id_in(answer.object, "proposal");
  if (id.empty()) {
    throw CommandFailure{Exit::unreachable, what, "the service's answer holds no proposal", "run `sluice approve --list`"};
  }
  if (parser.json()) {
    print_json(world, answer);
    return;
  }
  const std::string summary = report::printable(report::raw_text(answer.object, "proposal.summary"));
  const std::string outcome = report::printable(report::raw_text(answer.object, "proposal.state"));
  world.out << "proposal " << id << (summary.empty() ? "" : ": " + summary)
            << (outcome.empty() || outcome == "pending" ? "" : " (" + outcome + ")") << "\n";
  if (outcome.empty() || outcome == "pending") world.out << "a second person decides: sluice approve " << id << "\n";
}

}  // namespace sluice::cli
