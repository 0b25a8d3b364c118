// SPDX-License-Identifier: Apache-2.0
//
// Goal: an outage costs one deadline plus one probe per back-off, whatever the burst.
// Method: simulated time; and many threads that all want the one probe.

#include "plugins/client/breaker.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using Permit = Breaker::Permit;
using Kind = Breaker::Notice::Kind;

constexpr Breaker::Time start{1h};
constexpr Breaker::Backoff backoff{1s, 60s};

TEST(Breaker, PassesEverythingWhileTheServiceAnswers) {
  Breaker breaker;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(breaker.ask(start), Permit::pass);
    ASSERT_FALSE(breaker.report(Permit::pass, true, start, backoff));
  }
}

TEST(Breaker, OpensAtTheFirstFailureAndSaysSoOnce) {
  Breaker breaker;
  ASSERT_EQ(breaker.ask(start), Permit::pass);
  ASSERT_EQ(breaker.ask(start), Permit::pass);  // two at once, both under way
  const auto notice = breaker.report(Permit::pass, false, start, backoff);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->kind, Kind::opened);
  EXPECT_TRUE(breaker.is_open());
  EXPECT_FALSE(breaker.report(Permit::pass, false, start + 3ms, backoff));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(breaker.ask(start + 999ms), Permit::skip);
}

TEST(Breaker, DoublesTheBackoffUpToItsBound) {
  Breaker breaker;
  ASSERT_EQ(breaker.ask(start), Permit::pass);
  (void)breaker.report(Permit::pass, false, start, backoff);
  auto now = start;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}) {
    ASSERT_EQ(breaker.ask(now + wait - 1ms), Permit::skip) << wait.count();
    now += wait;
    ASSERT_EQ(breaker.ask(now), Permit::probe) << wait.count();
    ASSERT_EQ(breaker.ask(now), Permit::skip) << "only one probe at a time";
    now += 2ms;
    EXPECT_FALSE(breaker.report(Permit::probe, false, now, backoff));
  }
}

TEST(Breaker, ClosesWithTheCountOfThoseThatWentWithout) {
  Breaker breaker;
  (void)breaker.ask(start);
  (void)breaker.report(Permit::pass, false, start, backoff);          // 1: found out
  for (int i = 0; i < 7; ++i) (void)breaker.ask(start + 10ms);        // 7: skipped
  ASSERT_EQ(breaker.ask(start + 1s), Permit::probe);
  (void)breaker.report(Permit::probe, false, start + 1s, backoff);    // 1: failed probe
  breaker.abandon();                                                  // 1: queued meanwhile
  ASSERT_EQ(breaker.ask(start + 3s), Permit::probe);
  const auto notice = breaker.report(Permit::probe, true, start + 3s, backoff);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->kind, Kind::closed);
  EXPECT_EQ(notice->without_answer, 10U);
  EXPECT_EQ(notice->duration, 3s);
  EXPECT_EQ(breaker.ask(start + 3s), Permit::pass);
}

TEST(Breaker, BeginsAgainWithTheShortestBackoffAfterARecovery) {
  Breaker breaker;
  auto now = start;
  for (int outage = 0; outage < 3; ++outage) {
    ASSERT_EQ(breaker.ask(now), Permit::pass);
    ASSERT_TRUE(breaker.report(Permit::pass, false, now, backoff));
    ASSERT_EQ(breaker.ask(now + 999ms), Permit::skip);
    now += 1s;
    ASSERT_EQ(breaker.ask(now), Permit::probe);
    const auto notice = breaker.report(Permit::probe, true, now, backoff);
    ASSERT_TRUE(notice);
    EXPECT_EQ(notice->without_answer, 2U) << "counted per outage";
  }
}

TEST(Breaker, ALateSuccessOfAnEarlierPassDoesNotClose) {
  Breaker breaker;
  (void)breaker.ask(start);
  (void)breaker.ask(start);
  (void)breaker.report(Permit::pass, false, start, backoff);
  EXPECT_FALSE(breaker.report(Permit::pass, true, start + 1ms, backoff));
  EXPECT_TRUE(breaker.is_open());
}

TEST(Breaker, SurvivesABackoffWhoseBoundsAreTheWrongWayRound) {
  Breaker breaker;
  const Breaker::Backoff wrong{10s, 1s};
  (void)breaker.ask(start);
  (void)breaker.report(Permit::pass, false, start, wrong);
  EXPECT_EQ(breaker.ask(start + 9s), Permit::skip);
  EXPECT_EQ(breaker.ask(start + 10s), Permit::probe);
}

TEST(Breaker, GivesExactlyOneProbePerBackoffToManyThreads) {
  Breaker breaker;
  (void)breaker.ask(start);
  (void)breaker.report(Permit::pass, false, start, backoff);
  auto now = start;
  std::uint64_t skipped = 0;
  for (int round = 0; round < 50; ++round) {
    now += 60s;
    std::atomic<int> probes{0};
    std::atomic<int> skips{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { (breaker.ask(now) == Permit::probe ? probes : skips) += 1; });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(probes, 1);
    ASSERT_EQ(skips, 7);
    skipped += 7;
    if (round < 49) (void)breaker.report(Permit::probe, false, now, backoff);
  }
  const auto notice = breaker.report(Permit::probe, true, now, backoff);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->without_answer, 1 + skipped + 49);
}

}  // namespace
}  // namespace sluice::client
