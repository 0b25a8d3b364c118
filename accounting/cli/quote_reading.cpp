// SPDX-License-Identifier: Apache-2.0
//
// See quote_reading.hpp. On success Slurm shows a plugin's line as `sbatch: LINE`,
// on failure as `sbatch: error: LINE`.

#include "accounting/cli/quote_reading.hpp"

#include <algorithm>

#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool tells_of_no_controller(std::string_view line) {
  // Of Slurm 22.05 to 26.05; each is followed by another line that says less.
  for (const std::string_view part :
       {"Unable to contact slurm controller", "Could not establish a configuration source", "failed to fetch config",
        "Slurm backup controller in standby mode", "Socket timed out", "Zero Bytes were transmitted",
        "Unable to establish controller machine", "Could not resolve"}) {
    if (contains(line, part)) return true;
  }
  return false;
}

bool tells_of_wrong_options(std::string_view line) {
  for (const std::string_view part : {"unrecognized option", "invalid option", "requires an argument", "is ambiguous",
                                      "Try \"sbatch --help\"", "Unable to open file"}) {
    if (contains(line, part)) return true;
  }
  return false;
}

/// Slurm numbers the components of a heterogeneous job: "0: sluice: …".
std::string_view without_component(std::string_view line) {
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && line.substr(digits, 2) == ": " ? line.substr(digits + 2) : line;
}

void take_quote(QuoteReading& reading, std::string_view text, bool accepted) {
  auto quote = nlohmann::json::parse(text, nullptr, false);
  if (!quote.is_object()) {
    reading.unreadable_quote = true;
    return;
  }
  reading.quotes.push_back({std::move(quote), accepted});
}

/// Whether it was one of ours.
bool take_our_line(QuoteReading& reading, std::string_view line, bool error) {
  line = without_component(line);
  if (take_prefix(line, "sluice-quote: ")) {
    take_quote(reading, line, !error);
    return true;
  }
  if (!take_prefix(line, "sluice: ")) return false;
  reading.no_service |= contains(line, "the accounting service of this cluster doesn't answer");
  std::string shown = report::printable(line);
  // Every cluster of a federation says the same of a request that is wrong in itself.
  if (std::find(reading.lines.begin(), reading.lines.end(), shown) == reading.lines.end()) reading.lines.push_back(std::move(shown));
  return true;
}

void sort_line(QuoteReading& reading, std::string_view line) {
  const bool prefixed = take_prefix(line, "sbatch: ");
  const bool error = prefixed && (take_prefix(line, "error: ") || take_prefix(line, "fatal: "));
  if (prefixed && take_our_line(reading, line, error)) return;
  const std::string shown = report::printable(line);
  if (prefixed && ((take_prefix(line, "Job ") && contains(line, " to start at ")) || contains(line, "Preempts:"))) {
    reading.will_run.push_back(shown);
    return;
  }
  const bool no_controller = tells_of_no_controller(line);
  const bool wrong_options = tells_of_wrong_options(line);
  reading.no_controller |= no_controller;
  reading.wrong_options |= wrong_options;
  // slurm_perror writes this one without the program's name.
  const bool failure = take_prefix(line, "allocation failure: ");
  if (error || failure || no_controller || wrong_options) {
    reading.errors.push_back(failure ? report::printable(line) : shown);
  } else {
    reading.others.push_back(shown);
  }
}

}  // namespace

QuoteReading read_quote(std::string_view said) {
  QuoteReading reading;
  while (!said.empty()) {
    const std::size_t end = said.find('\n');
    const std::string_view line = said.substr(0, end);
    said = end == std::string_view::npos ? std::string_view{} : said.substr(end + 1);
    if (!line.empty()) sort_line(reading, line);
  }
  return reading;
}

}  // namespace sluice::cli
