// SPDX-License-Identifier: Apache-2.0
//
// Goal: every rank is measured once. Method: small numbers of ranks.

#include "mpi-bench/schedule.hpp"

#include <gtest/gtest.h>

namespace sluice::linkbench {
namespace {

TEST(Schedule, RankZeroMeetsEveryOtherOnce) {
  EXPECT_EQ(star_schedule(4), (std::vector<Pair>{{0, 1}, {0, 2}, {0, 3}}));
  EXPECT_EQ(star_schedule(2), (std::vector<Pair>{{0, 1}}));
}

TEST(Schedule, OneRankHasNobody) { EXPECT_TRUE(star_schedule(1).empty()); }

}  // namespace
}  // namespace sluice::linkbench
