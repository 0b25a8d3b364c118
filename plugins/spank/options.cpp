// SPDX-License-Identifier: Apache-2.0
//
// One check per option. Each says what is wrong with what was typed, then what would be right.

#include "plugins/spank/options.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace sluice::spank {

namespace {

using Problem = std::optional<std::string>;

constexpr std::size_t id_bytes_max = 64;
constexpr const char* id_rule = "1 to 64 of the characters A-Z a-z 0-9 . _ -";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= id_bytes_max && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
  });
}

/// The value for a message: short, and harmless on a terminal.
std::string shown(std::string_view value) {
  constexpr std::size_t shown_bytes_max = 80;
  std::string out = "\"";
  for (const char c : value.substr(0, shown_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  if (value.size() > shown_bytes_max) out += "...";
  return out + '"';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// Digits, optionally with a point and further digits.
bool is_decimal(std::string_view text, std::size_t whole_digits_max, std::size_t fraction_digits_max) {
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (!all_digits(whole) || whole.size() > whole_digits_max) return false;
  if (point == std::string_view::npos) return true;
  const std::string_view fraction = text.substr(point + 1);
  return all_digits(fraction) && fraction.size() <= fraction_digits_max;
}

Problem check_voucher(std::string_view value) {
  if (value == "auto") return std::nullopt;
  const auto ids = split(value, ',');
  for (auto id = ids.begin(); id != ids.end(); ++id) {
    if (*id == "auto") return "\"auto\" stands alone; give either auto or voucher ids";
    if (!is_id(*id)) return shown(*id) + " is no voucher id; an id is " + id_rule;
    if (std::find(ids.begin(), id, *id) != id) return shown(*id) + " is named twice; name each voucher once";
  }
  return std::nullopt;
}

Problem check_max_self(std::string_view value) {
  constexpr std::size_t whole_digits_max = 12;
  constexpr std::size_t fraction_digits_max = 6;
  if (is_decimal(value, whole_digits_max, fraction_digits_max)) return std::nullopt;
  return shown(value) + " is no amount; give yuan such as 20 or 12.50, with at most six decimals, or 0 to pay nothing yourself";
}

Problem check_workload(std::string_view value) {
  constexpr std::array classes{"training", "inference", "simulation", "data", "interactive", "other"};
  if (std::find(classes.begin(), classes.end(), value) != classes.end()) return std::nullopt;
  return shown(value) + " is no class; give training, inference, simulation, data, interactive or other";
}

Problem check_scenario(std::string_view value) {
  constexpr std::size_t bytes_max = 128;
  if (value.size() > bytes_max) return "longer than 128 bytes; give a shorter name";
  if (value.front() == ' ' || value.back() == ' ') return shown(value) + " begins or ends with a space; remove it";
  return std::nullopt;
}

Problem check_place(std::string_view value) {
  if (is_id(value)) return std::nullopt;  // local and auto are of this form as well
  return shown(value) + " is no place; give local, auto or a site's name (" + id_rule + ")";
}

/// "1d12h": units of falling size, each once.
bool is_unit_duration(std::string_view value, long long& seconds) {
  constexpr std::array<std::pair<char, long long>, 4> units{{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};
  auto unit = units.begin();
  while (!value.empty()) {
    const auto digits = static_cast<std::size_t>(std::find_if_not(value.begin(), value.end(), is_digit) - value.begin());
    constexpr std::size_t digits_max = 7;
    if (digits == 0 || digits > digits_max || digits == value.size()) return false;
    unit = std::find_if(unit, units.end(), [&](const auto& known) { return known.first == value[digits]; });
    if (unit == units.end()) return false;
    seconds += std::stoll(std::string(value.substr(0, digits))) * unit->second;
    ++unit;
    value.remove_prefix(digits + 1);
  }
  return true;
}

/// "HH:MM:SS" or "D-HH:MM:SS".
bool is_clock_duration(std::string_view value, long long& seconds) {
  long long days = 0;
  if (const auto dash = value.find('-'); dash != std::string_view::npos) {
    if (dash > 3 || !all_digits(value.substr(0, dash))) return false;
    days = std::stoll(std::string(value.substr(0, dash)));
    value.remove_prefix(dash + 1);
  }
  const auto parts = split(value, ':');
  if (parts.size() != 3) return false;
  long long total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!all_digits(parts[i]) || parts[i].size() > (i == 0 ? 4U : 2U)) return false;
    const long long number = std::stoll(std::string(parts[i]));
    if (i > 0 && number > 59) return false;
    total = total * 60 + number;
  }
  seconds = days * 86400 + total;
  return true;
}

Problem check_shift(std::string_view value) {
  long long seconds = 0;
  if (!is_unit_duration(value, seconds)) {
    seconds = 0;
    if (!is_clock_duration(value, seconds)) {
      return shown(value) + " is no duration; give such as 30m, 6h, 1d or 06:00:00";
    }
  }
  constexpr long long seconds_max = 366LL * 86400;
  if (seconds > seconds_max) return shown(value) + " is more than a year; give the longest delay that you accept, such as 6h";
  return std::nullopt;
}

Problem check_stage_in(std::string_view value) {
  const auto colon = value.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return shown(value) + " has no size; give PATH:SIZE such as /data/set1:200G";
  }
  std::string_view size = value.substr(colon + 1);
  if (value.front() != '/') return shown(value) + " is no absolute path; give PATH:SIZE such as /data/set1:200G";
  if (!size.empty() && std::string_view("KMGTP").find(size.back()) != std::string_view::npos) size.remove_suffix(1);
  constexpr std::size_t digits_max = 12;
  constexpr std::size_t fraction_digits_max = 3;
  if (is_decimal(size, digits_max, fraction_digits_max)) return std::nullopt;
  return shown(value.substr(colon + 1)) + " is no size; give bytes, or a number with K, M, G, T or P, such as 200G";
}

Problem check_max_rtt(std::string_view value) {
  constexpr std::size_t whole_digits_max = 6;
  constexpr std::size_t fraction_digits_max = 3;
  if (is_decimal(value, whole_digits_max, fraction_digits_max)) return std::nullopt;
  return shown(value) + " is no round-trip time; give milliseconds such as 40 or 0.5";
}

Problem check_task_bind(std::string_view value) {
  if (value == "none" || value == "auto") return std::nullopt;
  return shown(value) + " is no binding; give none or auto";
}

constexpr std::array rules{
    OptionRule{"voucher", "ID|auto", "compute voucher that pays; auto lets Sluice choose", "SLUICE_VOUCHER", check_voucher},
    OptionRule{"max-self", "YUAN", "refuse if a job, or a task of an array, may leave you more than this to pay", "SLUICE_MAX_SELF", check_max_self},
    OptionRule{"workload", "CLASS", "training, inference, simulation, data, interactive or other", "SLUICE_WORKLOAD", check_workload},
    OptionRule{"scenario", "NAME", "application scenario, kept with the job", "SLUICE_SCENARIO", check_scenario},
    OptionRule{"place", "local|auto|SITE", "where the job may run (default: local)", "SLUICE_PLACE", check_place},
    OptionRule{"shift", "DURATION", "start up to this much later where that is cheaper or cleaner", "SLUICE_SHIFT", check_shift},
    OptionRule{"stage-in", "PATH:SIZE", "data that has to be where the job runs", "SLUICE_STAGE_IN", check_stage_in},
    OptionRule{"max-rtt", "MS", "farthest place allowed, as round-trip time in milliseconds", "SLUICE_MAX_RTT", check_max_rtt},
    OptionRule{"task-bind", "none|auto", "bind tasks to cores, memory and devices (default: none)", "SLUICE_TASK_BIND", check_task_bind},
};

}  // namespace

std::span<const OptionRule> option_rules() { return rules; }

Problem check_option(const OptionRule& rule, std::string_view value) {
  if (value.empty()) return std::string("nothing given; give ") + rule.argument;
  if (value.size() > value_bytes_max) return "longer than 1024 bytes; shorten it";
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  if (control) return shown(value) + " holds a control character; remove it";
  return rule.check(value);
}

Problem check_quote_format(std::string_view value) {
  if (value == "json" || value == "text") return std::nullopt;
  return shown(value) + " is no format; give json or text";
}

std::string travel_name(std::string_view option) {
  std::string name = "_SLURM_SPANK_OPTION_sluice_";
  for (const char c : option) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

}  // namespace sluice::spank
