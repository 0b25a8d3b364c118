// SPDX-License-Identifier: Apache-2.0
//
// See check_arguments.hpp.

#include "accounting/cli/check_arguments.hpp"

#include <algorithm>
#include <cstdint>

#include "accounting/cli/failure.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

constexpr std::size_t reason_bytes_max = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string quoted(std::string_view value) {
  std::string shown = report::printable(value.substr(0, 40));
  return "'" + shown + (value.size() > 40 ? "…'" : "'");
}

[[noreturn]] void refuse(const std::string& name, std::string_view value, const std::string& why,
                         const std::string& next) {
  throw usage_failure(name + ": " + quoted(value) + " " + why, next);
}

bool made_of(std::string_view value, std::string_view others) {
  return std::all_of(value.begin(), value.end(),
                     [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_number_from_1(std::string_view digits, std::uint64_t min) {
  if (digits.empty() || digits.size() > 10 || !std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  std::uint64_t value = 0;
  for (const char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value >= min && value <= 0xFFFFFFFF;
}

}  // namespace

void check_text(const std::string& name, std::string_view value) {
  std::string_view rest = value;
  while (!rest.empty()) {
    const char32_t c = take_code_point(rest);
    if (c == invalid_code_point) refuse(name, value, "is not UTF-8 text", "type it again in a UTF-8 terminal");
    if (is_control(c)) refuse(name, value, "holds a control character", "type it again without");
  }
}

void check_id(const std::string& name, std::string_view value) {
  if (value.empty() || value.size() > 64 || !made_of(value, "._-") || value.front() == '.' || value.front() == '-') {
    refuse(name, value, "is not an id", "use 1 to 64 letters, digits, '.', '_' and '-', the first a letter, digit or '_'");
  }
}

void check_name(const std::string& name, std::string_view value) {
  if (value.empty() || value.size() > 64 || !made_of(value, "._-@") || value.front() == '.' || value.front() == '-') {
    refuse(name, value, "is not a name", "use 1 to 64 letters, digits, '.', '_', '@' and '-'");
  }
}

void check_request_id(const std::string& name, std::string_view value) {
  if (value.size() < 8 || value.size() > 64 || !made_of(value, "._-")) {
    refuse(name, value, "is not a request's id", "use 8 to 64 letters, digits, '.', '_' and '-'");
  }
}

void check_job_id(const std::string& name, std::string_view value) {
  const std::size_t underscore = value.find('_');
  const bool job = is_number_from_1(value.substr(0, underscore), 1);
  const bool task = underscore == std::string_view::npos || is_number_from_1(value.substr(underscore + 1), 0);
  if (!job || !task) refuse(name, value, "is not a job's id", "write it like 123, or 123_4 for a task of an array");
}

void check_reason(const std::string& name, std::string_view value) {
  check_text(name, value);
  if (value.find_first_not_of(' ') == std::string_view::npos) {
    throw usage_failure(name + ": it is empty", "say in a sentence what an auditor should read");
  }
  if (value.size() > reason_bytes_max) {
    refuse(name, value, "is longer than 1000 bytes", "say it shorter and name the document that holds the rest");
  }
}

std::string checked_amount(const std::string& name, std::string_view value) {
  const auto amount = parse_money(value);
  if (!amount) throw usage_failure(name + ": " + amount.failure().text);
  if (amount->micro <= 0) refuse(name, value, "is not above zero", "write an amount in yuan, such as 500.00");
  return format_money(*amount);
}

std::string checked_share(const std::string& name, std::string_view value) {
  const auto share = parse_share(value);
  if (!share) throw usage_failure(name + ": " + share.failure().text);
  if (share->millionths <= 0) refuse(name, value, "is not above zero", "write a part of one, such as 0.5");
  return format_share(*share);
}

std::vector<std::string> checked_names(const std::string& name, const std::vector<std::string>& lists) {
  std::vector<std::string> names;
  for (std::string_view list : lists) {
    while (true) {
      const std::size_t comma = list.find(',');
      const std::string_view one = list.substr(0, comma);
      check_name(name, one);
      if (std::find(names.begin(), names.end(), one) == names.end()) names.emplace_back(one);
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  return names;
}

std::string nearest(std::string_view typed, const std::vector<std::string>& words) {
  std::string best;
  std::size_t best_distance = 3;  // three slips are another word
  for (const std::string& word : words) {
    if (!typed.empty() && word.size() > typed.size() && word.compare(0, typed.size(), typed) == 0) return word;
    // Edits with swaps of neighbours, in three rows.
    std::vector<std::size_t> before;
    std::vector<std::size_t> last(word.size() + 1);
    for (std::size_t j = 0; j <= word.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= typed.size(); ++i) {
      std::vector<std::size_t> row(word.size() + 1, i);
      for (std::size_t j = 1; j <= word.size(); ++j) {
        const std::size_t changed = last[j - 1] + (typed[i - 1] == word[j - 1] ? 0 : 1);
        row[j] = std::min({last[j] + 1, row[j - 1] + 1, changed});
        if (i > 1 && j > 1 && typed[i - 1] == word[j - 2] && typed[i - 2] == word[j - 1]) {
          row[j] = std::min(row[j], before[j - 2] + 1);
        }
      }
      before = std::move(last);
      last = std::move(row);
    }
    // A word that shares nothing with what was typed is no suggestion.
    if (last.back() < best_distance && last.back() < std::max(typed.size(), word.size())) {
      best_distance = last.back();
      best = word;
    }
  }
  return best;
}

}  // namespace sluice::cli
