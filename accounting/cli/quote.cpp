// SPDX-License-Identifier: Apache-2.0
//
// sluice quote: prices a job without submitting it.
//
// sbatch itself reads the options and #SBATCH lines, so that the job priced is the
// job that would be submitted. It asks every cluster of a federation and ends well if
// one of them would take the job; SLUICE_QUOTE makes each tell what we judge by.

#include <algorithm>
#include <sstream>

#include "accounting/cli/quote_choice.hpp"
#include "accounting/cli/quote_reading.hpp"
#include "accounting/cli/verb_parser.hpp"
#include "accounting/cli/verbs.hpp"
#include "accounting/report/fields.hpp"
#include "accounting/report/text.hpp"

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

[[noreturn]] void refuse(const std::string& why) {
  CommandFailure failure{Exit::refused, what, why, ""};
  if (failure.why.find("; ") == std::string::npos) failure.next = "change the request and ask again";
  throw failure;
}

/// The cluster that jobs of this host are submitted to; empty where Slurm doesn't tell.
std::string local_cluster(World& world) {
  const auto finished = world.run({{"scontrol", "show", "config"}, {}});
  if (!finished) return "";
  std::istringstream lines(finished->out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, equals, value;
    if (words >> name >> equals >> value && name == "ClusterName" && equals == "=") return value;
  }
  return "";
}

Result<Finished> ask_sbatch(World& world, const QuoteArguments& arguments, const std::vector<std::string>& options,
                            const char* format) {
  Command command{{"sbatch", "--test-only"}, {{"SLUICE_QUOTE", format}}};
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  command.arguments.insert(command.arguments.end(), arguments.sbatch.begin(), arguments.sbatch.end());
  return world.run(command);
}

/// Of several clusters sbatch names the reason of the one that answered last. So the one that
/// decides is asked again, alone.
std::vector<std::string> slurms_reason(World& world, const QuoteArguments& arguments, const QuoteReading& reading,
                                       const Json& quote) {
  const std::string cluster = report::raw_text(quote, "asked");
  const bool stays = report::raw_text(quote, "cluster") == cluster;  // with -M it could not go elsewhere
  const bool alone = std::all_of(reading.quotes.begin(), reading.quotes.end(),
                                 [&](const auto& one) { return report::raw_text(one.object, "asked") == cluster; });
  if (alone || !stays) return reading.errors;
  const auto again = ask_sbatch(world, arguments, {"--clusters=" + cluster}, "text");
  if (!again || again->status == 0) return reading.errors;
  std::vector<std::string> errors = read_quote(again->err).errors;
  return errors.empty() ? reading.errors : errors;
}

/// The cluster that decides gave no quote: why the job is refused, or nothing where people
/// can still be told a price. Throws where it isn't known.
std::string refusal_without_quote(const QuoteReading& reading, const Finished& finished, bool json) {
  if (reading.unreadable_quote) {
    throw CommandFailure{Exit::unreachable, what, "job_submit_sluice sent a quote that can't be read",
                         "compare the versions of sluice here and on the controller"};
  }
  if (reading.no_service) {
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
    const std::string why = joined(reading.lines.empty() ? reading.errors : reading.lines, "; also: ");
    return why.empty() ? "sbatch refused it without a word" : why;
  }
  // A host without our SPANK plugin can't ask for a quote; what people read comes all the same.
  if (json || reading.lines.empty()) {
    throw CommandFailure{Exit::unreachable, what, "Slurm took the job but no price came with it",
                         "run `sluice doctor`: job_submit_sluice may not be loaded, or sluiced may be down"};
  }
  return "";
}

struct Outcome {
  std::vector<std::string> lines;
  std::vector<std::string> will_run;
  std::string refusal;  ///< empty: it would be taken
};

Outcome judge(World& world, const QuoteArguments& arguments, const QuoteReading& reading, const Quotes& deciding) {
  Outcome outcome;
  std::vector<std::string> refusals = refusals_of(deciding, reading.quotes);
  if (refusals.empty()) outcome.lines = quote_lines(deciding);
  if (refusals.empty() && slurm_refuses(deciding)) {
    refusals = slurms_reason(world, arguments, reading, deciding.front().object);
    if (refusals.empty()) refusals.emplace_back("Slurm would refuse it and doesn't say why");
  }
  if (!refusals.empty()) outcome.lines = refusals;
  outcome.refusal = joined(refusals, "; also: ");
  const std::string asked = report::raw_text(deciding.front().object, "asked");
  const std::string runs_on = report::raw_text(deciding.front().object, "cluster");
  if (!deciding.front().accepted || !refusals.empty()) return outcome;
  if (asked == runs_on) {
    outcome.will_run = reading.will_run;
  } else {
    outcome.lines.push_back("no estimate of the start: the job would run on cluster " + report::printable(runs_on));
  }
  return outcome;
}

void print_json(World& world, const QuoteReading& reading, const Outcome& outcome) {
  Json quotes = Json::array();
  for (const ClusterQuote& quote : reading.quotes) quotes.push_back(quote.object);
  world.out << Json{{"quotes", std::move(quotes)},
                    {"lines", outcome.lines},
                    {"slurm", joined(outcome.will_run, "\n")},
                    {"refused", !outcome.refusal.empty()}}
                   .dump()
            << '\n';
}

}  // namespace

Exit run_quote(Invocation& call) {
  const QuoteArguments arguments = split_arguments(call);
  const auto finished = ask_sbatch(call.world, arguments, {}, "json");
  if (!finished) {
    throw CommandFailure{Exit::unreachable, what, "sbatch can't be started (" + finished.failure().text + ")",
                         "run it where Slurm's commands are installed"};
  }
  const QuoteReading reading = read_quote(finished->err);
  const Quotes deciding = deciding_quotes(reading.quotes, [&] { return local_cluster(call.world); });
  for (const std::string& other : reading.others) call.world.err << "sbatch: " << other << '\n';
  const Outcome outcome = deciding.empty()
                              ? Outcome{reading.lines, reading.will_run, refusal_without_quote(reading, *finished, arguments.json)}
                              : judge(call.world, arguments, reading, deciding);
  if (arguments.json) print_json(call.world, reading, outcome);
  if (!outcome.refusal.empty()) refuse(outcome.refusal);
  if (arguments.json) return Exit::done;
  for (const std::string& line : outcome.lines) call.world.out << line << '\n';
  for (const std::string& line : outcome.will_run) call.world.out << line << '\n';
  return Exit::done;
}

}  // namespace sluice::cli
