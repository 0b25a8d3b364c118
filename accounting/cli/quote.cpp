// SPDX-License-Identifier: Apache-2.0
//
// sluice quote: prices a job without submitting it.
//
// sbatch itself reads the options and #SBATCH lines, so that the job priced is the
// job that would be submitted; SLUICE_QUOTE tells our plugins in which form to answer.

#include "accounting/cli/quote_reading.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"

namespace sluice::cli {
namespace {

constexpr const char* what = "quote the job";

struct QuoteArguments {
  bool json = false;
  std::vector<std::string> sbatch;
};

/// Ours are taken wherever they stand before a "--"; the rest is sbatch's, verbatim.
QuoteArguments split_arguments(const Invocation& call) {
  QuoteArguments arguments;
  bool ours = true;
  for (const std::string& argument : call.arguments) {
    if (ours && argument == "--") {
      ours = false;
    } else if (ours && argument == "--json") {
      arguments.json = true;
    } else if (ours && (argument == "-h" || argument == "--help")) {
      call.world.out << "Price a job without submitting it\nUsage: sluice quote [OPTIONS] [--] [SBATCH OPTIONS] SCRIPT\n\n"
                        "Options:\n  -h,--help                   Show this help and exit\n"
                        "  --json                      Print JSON\n\n"
                        "All else goes to `sbatch --test-only` as it is; after --, so do --json and -h.\n";
      throw HelpShown{};
    } else {
      arguments.sbatch.push_back(argument);
    }
  }
  return arguments;
}

std::string joined(const std::vector<std::string>& texts, const char* between) {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : between) + one;
  return text;
}

CommandFailure refusal_of(const QuoteReading& reading) {
  CommandFailure failure{Exit::refused, what, joined(reading.lines.empty() ? reading.errors : reading.lines, ", "), ""};
  if (failure.why.empty()) failure.why = "sbatch refused it without a word";
  if (failure.why.find("; ") == std::string::npos) failure.next = "change the request and ask again";
  return failure;
}

/// Throws where sbatch gave neither a quote nor a refusal of the job.
void check_answered(const QuoteReading& reading, const Finished& finished, bool json) {
  if (reading.unreadable_quote) {
    throw CommandFailure{Exit::unreachable, what, "job_submit_sluice sent a quote that can't be read",
                         "compare the versions of sluice here and on the controller"};
  }
  if (reading.no_service && reading.quotes.empty() && (finished.status != 0 || reading.lines.size() == 1)) {
    throw CommandFailure{Exit::unreachable, what, joined(reading.lines, ", "), "try again in a few minutes"};
  }
  if (finished.status != 0) {
    if (reading.no_controller) {
      throw CommandFailure{Exit::unreachable, what, "slurmctld can't be asked (" + reading.errors.back() + ")",
                           "try again later or ask the administrator"};
    }
    if (reading.wrong_options && reading.lines.empty()) {
      throw CommandFailure{Exit::usage, what, joined(reading.errors, ", "), "see sbatch(1) for its options"};
    }
    return;
  }
  if (json ? reading.quotes.empty() : reading.lines.empty()) {
    throw CommandFailure{Exit::unreachable, what, "Slurm took the job but no price came with it",
                         "run `sluice doctor`: job_submit_sluice may not be loaded, or sluiced may be down"};
  }
}

}  // namespace

Exit run_quote(Invocation& call) {
  const QuoteArguments arguments = split_arguments(call);
  Command command{{"sbatch", "--test-only"}, {{"SLUICE_QUOTE", arguments.json ? "json" : "text"}}};
  command.arguments.insert(command.arguments.end(), arguments.sbatch.begin(), arguments.sbatch.end());
  const auto finished = call.world.run(command);
  if (!finished) {
    throw CommandFailure{Exit::unreachable, what, "sbatch can't be started (" + finished.failure().text + ")",
                         "run it where Slurm's commands are installed"};
  }
  const QuoteReading reading = read_quote(finished->err);
  check_answered(reading, *finished, arguments.json);
  const bool refused = finished->status != 0;
  for (const std::string& other : reading.others) call.world.err << "sbatch: " << other << '\n';
  if (arguments.json) {
    call.world.out << Json{{"quotes", reading.quotes},
                           {"lines", reading.lines},
                           {"slurm", joined(reading.will_run, "\n")},
                           {"refused", refused}}
                          .dump()
                   << '\n';
  }
  if (refused) throw refusal_of(reading);
  if (!arguments.json) {
    for (const std::string& line : reading.lines) call.world.out << line << '\n';
    for (const std::string& line : reading.will_run) call.world.out << line << '\n';
  }
  return Exit::done;
}

}  // namespace sluice::cli
