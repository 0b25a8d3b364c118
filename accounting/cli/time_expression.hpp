// SPDX-License-Identifier: Apache-2.0
//
// Times as Slurm's tools let people write them: "now", "now-7days", "today",
// 2026-01-31 and ISO 8601. Pure: the clock is an argument.

#pragma once

#include <string>
#include <string_view>

#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice::cli {

/// What the words mean now, here.
struct Clock {
  UnixTime now = 0;
  UnixTime midnight = 0;  ///< the start of today on this machine
};

struct TimeExpression {
  /// What the service is asked: a date or time without an offset stays as it is
  /// written, so that the site's zone holds, not this machine's; all else is UTC.
  std::string text;
  bool relative = false;   ///< came from a word, so it means another instant tomorrow
  bool site_zone = false;  ///< has no offset
  UnixTime at = 0;         ///< the instant; where `site_zone`, as if the site's zone were UTC
};

/// Words: now, today, yesterday, tomorrow, each with +COUNT or -COUNT and
/// seconds (default), minutes, hours, days or weeks, shortened at will.
[[nodiscard]] Result<TimeExpression> parse_time_expression(std::string_view text, const Clock& clock);

/// parse_time_expression for option `name`; throws CommandFailure (usage).
[[nodiscard]] TimeExpression checked_time(const std::string& name, const std::string& value, const Clock& clock);

/// Throws CommandFailure (usage) where `to` is not after `from` in whatever zone the site has.
void check_period(const TimeExpression& from, const TimeExpression& to);

}  // namespace sluice::cli
