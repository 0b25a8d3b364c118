// SPDX-License-Identifier: Apache-2.0
//
// Goal: a summary says what was measured. Method: small sets whose figures one sees,
// and random ones against the definition of a percentile.

#include "mpi-bench/stats.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

namespace sluice::linkbench {
namespace {

TEST(Stats, NoSamplesSaySo) { EXPECT_EQ(summarize({}).n, 0u); }

TEST(Stats, OneSampleIsEveryFigure) {
  const Summary s = summarize({7});
  EXPECT_EQ(s.n, 1u);
  EXPECT_EQ(s.min, 7);
  EXPECT_EQ(s.p50, 7);
  EXPECT_EQ(s.p99, 7);
  EXPECT_EQ(s.max, 7);
}

TEST(Stats, PercentilesAreMeasuredValuesByNearestRank) {
  std::vector<std::int64_t> samples(100);
  std::iota(samples.rbegin(), samples.rend(), 1);  // 100 … 1
  const Summary s = summarize(samples);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.p50, 50);
  EXPECT_EQ(s.p99, 99);
  EXPECT_EQ(s.max, 100);
  EXPECT_EQ(summarize({1, 2}).p50, 1);
  EXPECT_EQ(summarize({1, 2, 3}).p50, 2);
  EXPECT_EQ(summarize({1, 2, 3}).p99, 3);
}

RC_GTEST_PROP(Stats, EachPercentileIsTheSmallestThatEnoughDontExceed, ()) {
  const auto samples = *rc::gen::nonEmpty<std::vector<std::int64_t>>();
  const Summary s = summarize(samples);
  const auto at_most = [&](std::int64_t value) {
    return static_cast<std::size_t>(std::count_if(samples.begin(), samples.end(), [&](auto one) { return one <= value; }));
  };
  const auto below = [&](std::int64_t value) {
    return static_cast<std::size_t>(std::count_if(samples.begin(), samples.end(), [&](auto one) { return one < value; }));
  };
  RC_ASSERT(at_most(s.p50) * 100 >= samples.size() * 50);
  RC_ASSERT(below(s.p50) * 100 < samples.size() * 50);
  RC_ASSERT(at_most(s.p99) * 100 >= samples.size() * 99);
  RC_ASSERT(below(s.p99) * 100 < samples.size() * 99);
  RC_ASSERT(s.min <= s.p50 && s.p50 <= s.p99 && s.p99 <= s.max);
}

}  // namespace
}  // namespace sluice::linkbench
