// SPDX-License-Identifier: Apache-2.0
//
// See time_expression.hpp.

#include "accounting/cli/time_expression.hpp"

#include <array>
#include <optional>

#include "accounting/cli/failure.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

constexpr std::int64_t day_seconds = 86400;
const Zone utc{"UTC", 0};

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array<Unit, 5> units = {
    {{"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", day_seconds}, {"weeks", 7 * day_seconds}}};

std::optional<std::int64_t> unit_seconds(std::string_view name) {
  if (name.empty()) return 1;
  for (const Unit& unit : units) {
    if (unit.name.substr(0, name.size()) == name) return unit.seconds;
  }
  return std::nullopt;
}

/// "+3hours", "-7days", "" as seconds.
std::optional<std::int64_t> parse_shift(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != '+' && text.front() != '-') return std::nullopt;
  const std::int64_t sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  std::int64_t count = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    count = count * 10 + (text[digits] - '0');
    if (count > 1'000'000'000) return std::nullopt;
  }
  const auto seconds = unit_seconds(text.substr(digits));
  if (digits == 0 || !seconds) return std::nullopt;
  return sign * count * *seconds;
}

}  // namespace

Result<TimeExpression> parse_time_expression(std::string_view text, const Clock& clock) {
  const std::array<std::pair<std::string_view, UnixTime>, 4> words = {{{"now", clock.now},
                                                                       {"today", clock.midnight},
                                                                       {"yesterday", clock.midnight - day_seconds},
                                                                       {"tomorrow", clock.midnight + day_seconds}}};
  for (const auto& [word, at] : words) {
    if (text.substr(0, word.size()) != word) continue;
    const auto shift = parse_shift(text.substr(word.size()));
    if (!shift) break;
    const UnixTime shifted = at + *shift;
    if (shifted < 0 || shifted > time_forever) break;
    return TimeExpression{format_time(shifted, utc), true, false, shifted};
  }
  const auto at = parse_time(text, utc);
  if (!at) {
    return refusal("bad_time", "'" + report::printable(text.substr(0, 40)) +
                                   "' is not a time; write 2026-01-31, 2026-01-31T08:00:00+08:00, today or now-7days");
  }
  const auto elsewhere = parse_time(text, Zone{"", 3600});
  if (elsewhere && *elsewhere != *at) return TimeExpression{std::string(text), false, true, *at};
  return TimeExpression{format_time(*at, utc), false, false, *at};
}

TimeExpression checked_time(const std::string& name, const std::string& value, const Clock& clock) {
  auto time = parse_time_expression(value, clock);
  if (!time) throw usage_failure(name + ": " + time.failure().text);
  return std::move(time).value();
}

void check_period(const TimeExpression& from, const TimeExpression& to) {
  // The site's zone is unknown here: two kinds compare only beyond any offset.
  const std::int64_t doubt = from.site_zone == to.site_zone ? 0 : 14 * 3600;
  if (to.at + doubt <= from.at) {
    throw usage_failure("the end " + to.text + " is not after the start " + from.text,
                        "the start is within the period, the end is not");
  }
}

}  // namespace sluice::cli
