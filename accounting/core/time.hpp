// SPDX-License-Identifier: Apache-2.0
//
// Instants and calendar days. Inside everything is UTC seconds; a Zone turns
// them into the site's calendar. Pure: no clock is read here.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"

namespace sluice {

/// Seconds since 1970-01-01T00:00:00Z.
using UnixTime = std::int64_t;

/// Later than any job; used for "no end".
inline constexpr UnixTime time_forever = 253'402'300'799;  // 9999-12-31T23:59:59Z

/// A zone with one offset all year. China's zones are such; a zone with daylight
/// saving is refused rather than treated wrongly.
struct Zone {
  std::string name = "Asia/Shanghai";
  int offset_seconds = 8 * 3600;
};

/// "Asia/Shanghai", "Asia/Urumqi", "UTC" or an offset such as "+08:00".
[[nodiscard]] Result<Zone> parse_zone(std::string_view text);

/// "2026-01-31", "2026-01-31T08:00", "2026-01-31T08:00:00", each optionally with
/// "Z" or "+08:00"; without, `zone` holds. Impossible dates are refused.
[[nodiscard]] Result<UnixTime> parse_time(std::string_view text, const Zone& zone);

/// "2026-01-31T08:00:00+08:00" in `zone`; "Z" where the offset is zero,
/// and where the zone's year would have five digits (time_forever).
[[nodiscard]] std::string format_time(UnixTime at, const Zone& zone);

/// "2026-01-31".
[[nodiscard]] std::string format_date(UnixTime at, const Zone& zone);

/// "2026-01": the accounting period that an instant falls into.
[[nodiscard]] std::string month_of(UnixTime at, const Zone& zone);

}  // namespace sluice
