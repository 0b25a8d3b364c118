// SPDX-License-Identifier: Apache-2.0
//
// Goal: instants are read and written without a day lost. Method: rows of known
// instants, impossible dates, and a round trip of random instants.

#include "accounting/core/time.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>

namespace sluice {
namespace {

const Zone shanghai;
const Zone utc{"UTC", 0};

TEST(Time, ReadsRows) {
  struct Row {
    const char* text;
    std::optional<UnixTime> at;
  };
  const Row rows[] = {
      {"1970-01-01Z", 0},
      {"1970-01-01", -28'800},  // midnight in Shanghai
      {"2026-01-31T08:00:00+08:00", 1'769'817'600},
      {"2026-01-31T08:00", 1'769'817'600},
      {"2026-01-31T00:00:00Z", 1'769'817'600},
      {"2026-01-30T18:30:00-05:30", 1'769'817'600},
      {"2024-02-29Z", 1'709'164'800},   // a leap year
      {"2000-02-29Z", 951'782'400},     // divisible by 400
      {"9999-12-31T23:59:59Z", time_forever},
      {"2026-02-29", std::nullopt},
      {"2100-02-29", std::nullopt},     // divisible by 100
      {"2026-04-31", std::nullopt},
      {"2026-13-01", std::nullopt},
      {"2026-00-10", std::nullopt},
      {"2026-01-00", std::nullopt},
      {"2026-1-1", std::nullopt},
      {"26-01-01", std::nullopt},
      {"2026-01-01T24:00", std::nullopt},
      {"2026-01-01T23:60", std::nullopt},
      {"2026-01-01T23:59:60", std::nullopt},
      {"2026-01-01T08", std::nullopt},
      {"2026-01-01 08:00", std::nullopt},
      {"2026-01-01T08:00+8:00", std::nullopt},
      {"2026-01-01T08:00+08:60", std::nullopt},
      {"2026-01-01T08:00+0800", std::nullopt},
      {"2026-01-01T08:00z", std::nullopt},
      {"2026-01-01T08:00Z ", std::nullopt},
      {"", std::nullopt},
      {"tomorrow", std::nullopt},
  };
  for (const Row& row : rows) {
    const auto at = parse_time(row.text, shanghai);
    ASSERT_EQ(at.ok(), row.at.has_value()) << row.text;
    if (row.at) {
      EXPECT_EQ(*at, *row.at) << row.text;
    } else {
      EXPECT_EQ(at.failure().code, "bad_time");
    }
  }
}

TEST(Time, WritesRows) {
  EXPECT_EQ(format_time(1'769'817'600, shanghai), "2026-01-31T08:00:00+08:00");
  EXPECT_EQ(format_time(1'769'817'600, utc), "2026-01-31T00:00:00Z");
  EXPECT_EQ(format_time(-1, utc), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_time(0, *parse_zone("-05:30")), "1969-12-31T18:30:00-05:30");
  EXPECT_EQ(format_time(time_forever, shanghai), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_time(time_forever, *parse_zone("-05:30")), "9999-12-31T18:29:59-05:30");
  EXPECT_EQ(format_date(1'709'164'800, utc), "2024-02-29");
}

TEST(Time, AMonthIsTheZones) {
  const UnixTime last_second = *parse_time("2026-01-31T23:59:59", shanghai);
  EXPECT_EQ(month_of(last_second, shanghai), "2026-01");
  EXPECT_EQ(month_of(last_second + 1, shanghai), "2026-02");
  EXPECT_EQ(month_of(last_second + 1, utc), "2026-01");
}

TEST(Time, ZonesRows) {
  struct Row {
    const char* text;
    std::optional<int> offset;
  };
  const Row rows[] = {{"Asia/Shanghai", 28'800}, {"Asia/Chongqing", 28'800}, {"Asia/Urumqi", 21'600},
                      {"UTC", 0},                {"+05:45", 20'700},         {"-03:00", -10'800},
                      {"+15:00", std::nullopt},  {"Europe/Berlin", std::nullopt}, {"", std::nullopt}};
  for (const Row& row : rows) {
    const auto zone = parse_zone(row.text);
    ASSERT_EQ(zone.ok(), row.offset.has_value()) << row.text;
    if (row.offset) {
      EXPECT_EQ(zone->offset_seconds, *row.offset);
    }
  }
}

RC_GTEST_PROP(Time, ReadsWhatItWrites, ()) {
  // From year 1, so that no offset leaves the four digits of a year.
  const auto at = *rc::gen::inRange<UnixTime>(-62'135'510'400, time_forever + 1);
  const Zone zone{"", *rc::gen::inRange(-14 * 60, 14 * 60 + 1) * 60};
  const auto read = parse_time(format_time(at, zone), utc);
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == at);
}

}  // namespace
}  // namespace sluice
