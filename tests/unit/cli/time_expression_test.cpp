// SPDX-License-Identifier: Apache-2.0
//
// Goal: times mean the same wherever the command runs. Method: rows of text and what is
// asked of the service, with a clock that stands still.

#include "accounting/cli/time_expression.hpp"

#include <gtest/gtest.h>

#include "accounting/cli/failure.hpp"

namespace sluice::cli {
namespace {

// 2026-03-10T04:05:06Z in a zone 8 hours ahead: midnight was 2026-03-09T16:00:00Z.
const Clock clock{1773115506, 1773072000};

TEST(TimeExpression, Rows) {
  const struct {
    const char* text;
    const char* asked;  // nullptr: refused
  } rows[] = {{"2026-01-31", "2026-01-31"},
              {"2026-01-31T08:00", "2026-01-31T08:00"},
              {"2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00Z"},
              {"2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"},
              {"now", "2026-03-10T04:05:06Z"},
              {"now-7days", "2026-03-03T04:05:06Z"},
              {"now-1day", "2026-03-09T04:05:06Z"},
              {"now+90", "2026-03-10T04:06:36Z"},
              {"now-2h", "2026-03-10T02:05:06Z"},
              {"now-1week", "2026-03-03T04:05:06Z"},
              {"today", "2026-03-09T16:00:00Z"},
              {"yesterday", "2026-03-08T16:00:00Z"},
              {"tomorrow", "2026-03-10T16:00:00Z"},
              {"today-1days", "2026-03-08T16:00:00Z"},
              {"", nullptr},
              {"2026-02-30", nullptr},
              {"2026-1-1", nullptr},
              {"now-", nullptr},
              {"now-days", nullptr},
              {"now-7fortnights", nullptr},
              {"nowadays", nullptr},
              {"now -7days", nullptr},
              {"now-99999999999days", nullptr},
              {"Today", nullptr}};
  for (const auto& row : rows) {
    const auto time = parse_time_expression(row.text, clock);
    EXPECT_EQ(time.ok(), row.asked != nullptr) << row.text;
    if (time.ok() && row.asked != nullptr) {
      EXPECT_EQ(time->text, row.asked) << row.text;
    }
  }
}

bool is_period(const char* from, const char* to) {
  try {
    check_period(checked_time("-S", from, clock), checked_time("-E", to, clock));
    return true;
  } catch (const CommandFailure& failure) {
    EXPECT_EQ(failure.exit, Exit::usage);
    return false;
  }
}

TEST(TimeExpression, PeriodsThatNoZoneCanMakeRightAreRefused) {
  EXPECT_TRUE(is_period("2026-01-01", "2026-02-01"));
  EXPECT_FALSE(is_period("2026-02-01", "2026-01-01"));
  EXPECT_FALSE(is_period("2026-02-01", "2026-02-01"));
  EXPECT_FALSE(is_period("now", "now-1days"));
  // The site's zone decides whether this one is a period.
  EXPECT_TRUE(is_period("2026-01-01T00:00:00Z", "2026-01-01"));
  EXPECT_FALSE(is_period("2026-01-02T00:00:00Z", "2026-01-01"));
}

}  // namespace
}  // namespace sluice::cli
