// SPDX-License-Identifier: Apache-2.0
//
// See quote_choice.hpp.

#include "accounting/cli/quote_choice.hpp"

#include <algorithm>

#include "accounting/core/money.hpp"
#include "accounting/report/fields.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

std::string shown(const ClusterQuote& quote, const char* path) {
  return report::printable(report::raw_text(quote.object, path));
}

bool is(const ClusterQuote& quote, const char* member) { return report::value_at(quote.object, member) == Json(true); }
bool is_home(const ClusterQuote& quote) { return shown(quote, "role") == "home"; }

void add_new(std::vector<std::string>& texts, std::string text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
}

template <typename Wanted>
void add_refusals(std::vector<std::string>& texts, const ClusterQuote& quote, const Wanted& wanted) {
  for (const Json& one : report::rows_at(quote.object, "refusals")) {
    if (wanted(report::raw_text(one, "code"))) add_new(texts, report::printable(report::raw_text(one, "text")));
  }
}

bool any_code(const std::string&) { return true; }

bool is_unpriced(const ClusterQuote& quote) { return is(quote, "unpriced") || report::value_at(quote.object, "amount").is_null(); }

std::string priced_line(const ClusterQuote& quote) {
  std::string line = "up to " + shown(quote, "amount") + " yuan on " + shown(quote, "cluster") + "/" + shown(quote, "partition");
  const Json& tasks = report::value_at(quote.object, "tasks");
  if (tasks.is_number_integer() && tasks > 1) line += " for all " + tasks.dump() + " tasks";
  if (!is_home(quote)) return line + "; what a voucher pays is settled at the home site";
  const std::string voucher = shown(quote, "voucher");
  if (voucher.empty()) return line + ", paid by account " + shown(quote, "account");
  return line + ": voucher " + voucher + " pays up to " + shown(quote, "by_voucher") + ", you up to " + shown(quote, "by_self");
}

std::string unpriced_line(const ClusterQuote& quote) {
  const Json& notes = report::rows_at(quote.object, "notes");
  const std::string why = notes.empty() || !notes.back().is_string() ? "no price is known" : notes.back().get<std::string>();
  return report::printable(why) + "; the job is charged when one is";
}

std::string sum_line(const Quotes& quotes) {
  Money sum;
  for (const ClusterQuote& quote : quotes) {
    const auto amount = parse_money(shown(quote, "amount"));
    const auto more = amount ? checked_add(sum, *amount) : std::nullopt;
    if (!more) return "";
    sum = *more;
  }
  return "together up to " + format_money_fen(sum) + " yuan";
}

}  // namespace

Quotes deciding_quotes(const Quotes& all, const std::function<std::string()>& local_cluster) {
  const auto of = [&](const std::string& cluster) {
    Quotes found;
    for (const ClusterQuote& quote : all) {
      if (!cluster.empty() && shown(quote, "asked") == cluster) found.push_back(quote);
    }
    return found;
  };
  const auto home = std::find_if(all.begin(), all.end(), is_home);
  const std::string home_cluster = home == all.end() ? "" : shown(*home, "asked");
  const bool federated = std::any_of(all.begin(), all.end(), [](const auto& quote) { return is(quote, "declined"); });
  // With -M nobody declines: the user chose whom to ask.
  if (!federated) return of(!home_cluster.empty() || all.empty() ? home_cluster : shown(all.front(), "asked"));
  const std::string local = local_cluster();
  return of(local.empty() ? home_cluster : local);
}

std::vector<std::string> refusals_of(const Quotes& deciding, const Quotes& all) {
  std::vector<std::string> texts;
  for (const ClusterQuote& quote : deciding) {
    if (shown(quote, "mode") == "enforce") add_refusals(texts, quote, any_code);
  }
  // A site knows no voucher, and would let the job in. What home says of its own places isn't meant for this job.
  const auto is_of_voucher = [](const std::string& code) { return code.starts_with("voucher_"); };
  for (const ClusterQuote& quote : all) {
    if (!deciding.empty() && is_home(quote) && shown(quote, "mode") == "enforce") add_refusals(texts, quote, is_of_voucher);
  }
  return texts;
}

bool slurm_refuses(const Quotes& deciding) {
  return std::any_of(deciding.begin(), deciding.end(), [](const auto& quote) { return !quote.accepted && !is(quote, "declined"); });
}

std::vector<std::string> quote_lines(const Quotes& deciding) {
  std::vector<std::string> lines;
  for (const ClusterQuote& quote : deciding) add_refusals(lines, quote, any_code);
  for (std::string& line : lines) line = "would be refused once in force: " + line;
  if (!lines.empty()) return lines;
  for (const ClusterQuote& quote : deciding) {
    lines.push_back(is_unpriced(quote) ? unpriced_line(quote) : priced_line(quote));
    Json notes = report::rows_at(quote.object, "notes");
    if (is_unpriced(quote) && !notes.empty()) notes.erase(notes.end() - 1);
    for (const Json& note : notes) {
      if (note.is_string()) lines.push_back("  " + report::printable(note.get<std::string>()));
    }
  }
  if (deciding.size() > 1 && std::none_of(deciding.begin(), deciding.end(), is_unpriced)) {
    if (std::string line = sum_line(deciding); !line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace sluice::cli
