// SPDX-License-Identifier: Apache-2.0
//
// Goal: the records of one `scontrol update` share an answer, and no other command gets it.
// Method: invocations as slurmctld makes them, one thing different in each.

#include "plugins/job_submit/last_change.hpp"

#include <gtest/gtest.h>

namespace sluice::job_submit {
namespace {

using std::chrono::milliseconds;
using Invocation = LastChange::Invocation;

constexpr const char* question = R"({"id":"5","job":{"time_limit":9}})";

class LastChangeTest : public ::testing::Test {
 protected:
  LastChangeTest() { last.remember(at(0), question, {2050, {"no"}}); }
  /// The invocation for the n-th record of the call.
  Invocation at(int record) { return {&desc, &records[record], std::this_thread::get_id(), now}; }

  int desc = 0, other_desc = 0;
  int records[10] = {};
  LastChange::Time now{std::chrono::hours(1)};
  LastChange last;
};

TEST_F(LastChangeTest, AnswersForTheRecordsThatFollow) {
  for (int record = 1; record < 10; ++record) {
    now += LastChange::gap_max - milliseconds(100);
    const auto known = last.known(at(record), question);
    ASSERT_TRUE(known) << record;
    EXPECT_EQ(known->code, 2050);
    EXPECT_EQ(known->lines, std::vector<std::string>{"no"});
  }
}

TEST_F(LastChangeTest, ARecordThatComesTwiceBeginsAnotherCall) {
  EXPECT_FALSE(last.known(at(0), question));
  EXPECT_TRUE(last.known(at(1), question));
  EXPECT_FALSE(last.known(at(1), question));
  last.remember(at(1), question, {0, {}});
  EXPECT_EQ(last.known(at(0), question)->code, 0) << "of that call it hasn't come yet";
}

TEST_F(LastChangeTest, IsOfNoOtherCall) {
  EXPECT_FALSE(last.known(at(1), R"({"id":"5","job":{"time_limit":10}})"));
  Invocation elsewhere = at(1);
  elsewhere.desc = &other_desc;
  EXPECT_FALSE(last.known(elsewhere, question));
  elsewhere = at(1);
  elsewhere.thread = {};
  EXPECT_FALSE(last.known(elsewhere, question));
  now += LastChange::gap_max + milliseconds(1);
  EXPECT_FALSE(last.known(at(1), question)) << "an address is soon used again";
}

TEST(LastChange, KnowsNothingAtFirst) {
  LastChange last;
  EXPECT_FALSE(last.known({}, question));
  EXPECT_FALSE(last.known({}, ""));
}

}  // namespace
}  // namespace sluice::job_submit
