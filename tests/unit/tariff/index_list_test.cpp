// SPDX-License-Identifier: Apache-2.0
//
// Goal: arrays and hostlists are counted as Slurm does, and nobody can make the
// service count for long. Method: rows, hostile ones among them.

#include "accounting/tariff/index_list.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::tariff {
namespace {

TEST(Array, Rows) {
  std::string overlapping = "0-4000000";
  for (int i = 0; i < 1000; ++i) overlapping += ",0-4000000";
  struct Row {
    std::string text;
    std::int64_t total;  // 0: refused
    std::int64_t at_once;
  };
  const Row rows[] = {
      {"0", 1, 1},
      {"1-100%5", 100, 5},
      {"0-15:4", 4, 4},
      {"0-16:4%2", 5, 2},
      {"1,3,5-7", 5, 5},
      {"5-7,1,3", 5, 5},
      {"1,1,1", 1, 1},
      {"0-9,5-14", 15, 15},
      {"0-8:2,1-9:2", 10, 10},
      {"1-4%100", 4, 4},
      {"1-4%0", 4, 4},  // Slurm: no limit
      {"0-4000000", 4'000'001, 4'000'001},
      {"0-4000001", 0, 0},
      {"1-99999999999999999999", 0, 0},
      {overlapping, 0, 0},
      {"", 0, 0},
      {",", 0, 0},
      {"1,", 0, 0},
      {"5-1", 0, 0},
      {"-1", 0, 0},
      {"1-", 0, 0},
      {"1-5:0", 0, 0},
      {"1:2", 0, 0},
      {"a-b", 0, 0},
      {"1-5%", 0, 0},
      {"1-5%x", 0, 0},
      {"1-5%2%3", 0, 0},
      {"1 - 5", 0, 0},
  };
  for (const Row& row : rows) {
    const auto size = parse_array(row.text);
    const auto shown = row.text.substr(0, 40);
    ASSERT_EQ(size.ok(), row.total > 0) << shown;
    if (row.total > 0) {
      EXPECT_EQ(size->tasks_total, row.total) << shown;
      EXPECT_EQ(size->tasks_at_once, row.at_once) << shown;
    } else {
      EXPECT_EQ(size.failure().code, "bad_array");
    }
  }
}

TEST(Hosts, Rows) {
  struct Row {
    const char* text;
    std::int64_t hosts;
  };
  const Row rows[] = {{"n1", 1},        {"n1,n2", 2},     {"gpu[01-04,7]", 5}, {"n1,gpu[01-04,7],m", 7}, {"r[0-1]c[0-2]", 6},
                      {"n[1-3", 0},     {"n1]", 0},       {"n[a-b]", 0},       {"", 0},                  {",n1", 0},
                      {"n[1-999999999]n[1-999999999]", 1'000'000}};
  for (const Row& row : rows) EXPECT_EQ(count_hosts(row.text), row.hosts) << row.text;
}

}  // namespace
}  // namespace sluice::tariff
