// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/time.hpp"

#include <chrono>
#include <cstdio>
#include <optional>

namespace sluice {
namespace {

std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// "+08:00" or "Z"; nullopt where it is neither.
std::optional<int> parse_offset(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || !text.empty() || *hours > 14 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

struct Civil {
  int year, hour, minute, second;
  unsigned month, day;
};

Civil civil(UnixTime at, const Zone& zone) {
  using namespace std::chrono;
  const sys_seconds local{seconds{at + zone.offset_seconds}};
  const auto day = floor<days>(local);
  const year_month_day date{day};
  const hh_mm_ss clock{local - day};
  return {static_cast<int>(date.year()),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day())};
}

}  // namespace

Result<Zone> parse_zone(std::string_view text) {
  if (text == "Asia/Shanghai" || text == "Asia/Chongqing") return Zone{std::string(text), 8 * 3600};
  if (text == "Asia/Urumqi") return Zone{std::string(text), 6 * 3600};
  if (text == "UTC") return Zone{"UTC", 0};
  if (const auto offset = parse_offset(text)) return Zone{std::string(text), *offset};
  return refusal("bad_zone", "'" + std::string(text.substr(0, 40)) +
                                 "' is not a known zone; use Asia/Shanghai, Asia/Urumqi, UTC or an offset such as +08:00");
}

Result<UnixTime> parse_time(std::string_view text, const Zone& zone) {
  using namespace std::chrono;
  const auto bad = [&] {
    return refusal("bad_time", "'" + std::string(text.substr(0, 40)) +
                                   "' is not a time; write 2026-01-31 or 2026-01-31T08:00:00+08:00");
  };
  std::string_view rest = text;
  const auto y = take_number(rest, 4);
  if (!y || !take(rest, '-')) return bad();
  const auto m = take_number(rest, 2);
  if (!m || !take(rest, '-')) return bad();
  const auto d = take_number(rest, 2);
  if (!d) return bad();
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return bad();
  int second_of_day = 0;
  if (take(rest, 'T')) {
    const auto hour = take_number(rest, 2);
    if (!hour || !take(rest, ':')) return bad();
    const auto minute = take_number(rest, 2);
    if (!minute) return bad();
    int second = 0;
    if (take(rest, ':')) {
      const auto read = take_number(rest, 2);
      if (!read) return bad();
      second = *read;
    }
    if (*hour > 23 || *minute > 59 || second > 59) return bad();
    second_of_day = *hour * 3600 + *minute * 60 + second;
  }
  int offset = zone.offset_seconds;
  if (!rest.empty()) {
    const auto read = parse_offset(rest);
    if (!read) return bad();
    offset = *read;
  }
  return UnixTime{sys_days{date}.time_since_epoch().count()} * 86400 + second_of_day - offset;
}

std::string format_time(UnixTime at, const Zone& zone) {
  // "No end" lies in year 10000 east of Greenwich, which nothing reads back.
  const bool in_utc = zone.offset_seconds == 0 || at + zone.offset_seconds > time_forever;
  const Civil c = civil(at, in_utc ? Zone{"UTC", 0} : zone);
  char text[48];
  if (in_utc) {
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute,
                  c.second);
  } else {
    const int minutes = (zone.offset_seconds < 0 ? -zone.offset_seconds : zone.offset_seconds) / 60;
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d%c%02d:%02d", c.year, c.month, c.day, c.hour,
                  c.minute, c.second, zone.offset_seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
  }
  return text;
}

std::string format_date(UnixTime at, const Zone& zone) {
  const Civil c = civil(at, zone);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", c.year, c.month, c.day);
  return text;
}

std::string month_of(UnixTime at, const Zone& zone) { return format_date(at, zone).substr(0, 7); }

}  // namespace sluice
