// SPDX-License-Identifier: Apache-2.0
//
// Goal: growth is measured once an hour, over restarts too. Method: a folder, and time as an argument.

#include "accounting/service/disk_use.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/ledger/test_folder.hpp"

namespace sluice::service {
namespace {

constexpr UnixTime start = 1'795'320'900;

TEST(DiskUse, IsMeasuredOnceAnHourAndKept) {
  const test::Folder folder;
  const auto write = [&](std::size_t bytes) { std::ofstream(folder.path() + "/ledger.db") << std::string(bytes, 'x'); };
  {
    DiskUse use(folder.path());
    write(1000);
    ASSERT_TRUE(use.look(start).ok());
    ASSERT_TRUE(use.look(start + DiskUse::sample_seconds - 1).ok());
    ASSERT_EQ(use.samples().size(), 1U);
    EXPECT_EQ(use.samples()[0].bytes, 1000);
  }
  DiskUse again(folder.path());
  write(3'000'000);
  ASSERT_TRUE(again.look(start + DiskUse::sample_seconds).ok());
  const auto samples = again.samples();
  ASSERT_EQ(samples.size(), 2U);
  const auto forecast = disk_forecast(samples, 756'000'000);
  ASSERT_TRUE(forecast.has_value());
  EXPECT_NEAR(static_cast<double>(forecast->bytes_per_day), 24 * 3e6, 1e5);
  EXPECT_EQ(forecast->days_left, 10);
}

TEST(DiskUse, KeepsTwoWeeksAndBeginsAnewWhereTheClockWasSetBack) {
  const test::Folder folder;
  DiskUse use(folder.path());
  for (std::size_t i = 0; i < DiskUse::samples_max + 5; ++i) {
    ASSERT_TRUE(use.look(start + static_cast<UnixTime>(i) * DiskUse::sample_seconds).ok());
  }
  EXPECT_EQ(use.samples().size(), DiskUse::samples_max);
  EXPECT_EQ(use.samples().front().at, start + 5 * DiskUse::sample_seconds);
  ASSERT_TRUE(use.look(start).ok());
  EXPECT_EQ(use.samples().size(), 1U);
}

TEST(DiskUse, SaysWhatItCouldNotWrite) {
  DiskUse use("/nonexistent/folder");
  const auto looked = use.look(start);
  ASSERT_FALSE(looked.ok());
  EXPECT_NE(looked.failure().text.find("/nonexistent/folder"), std::string::npos);
}

}  // namespace
}  // namespace sluice::service
