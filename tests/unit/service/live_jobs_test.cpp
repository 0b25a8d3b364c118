// SPDX-License-Identifier: Apache-2.0
//
// Goal: a job is found by what people call it, on the cluster where it runs. Method:
// rows of names; a few live jobs of two clusters.

#include "accounting/service/live_jobs.hpp"

#include <gtest/gtest.h>

namespace sluice::service {
namespace {

TEST(JobName, IsANumberOrATask) {
  const auto text = [](const char* typed) {
    const auto name = parse_job_name(typed);
    return name.ok() ? to_text(*name) : name.failure().code;
  };
  EXPECT_EQ(text("123"), "123");
  EXPECT_EQ(text("123_0"), "123_0");
  EXPECT_EQ(text("4294967295_4294967295"), "4294967295_4294967295");
  for (const char* wrong : {"", "0", "-1", "+1", "1_", "_1", "1_2_3", "1 ", "0x1", "4294967296", "1_4294967296", "1+2", "a"}) {
    EXPECT_EQ(text(wrong), "usage") << wrong;
  }
  EXPECT_EQ(job_name_from_json(7)->id, 7u);
  EXPECT_EQ(job_name_from_json("7_3")->task, 3u);
  for (const auto& wrong : {nlohmann::json(-7), nlohmann::json(1.5), nlohmann::json(nullptr), nlohmann::json::array({7})}) {
    EXPECT_FALSE(job_name_from_json(wrong).ok()) << wrong;
  }
}

TEST(PendingTasks, AreReadAsSlurmWritesThem) {
  EXPECT_TRUE(may_hold_task("0-9%5", 9));
  EXPECT_FALSE(may_hold_task("0-9%5", 10));
  EXPECT_TRUE(may_hold_task("1-6:2", 5));
  EXPECT_FALSE(may_hold_task("1-6:2", 6));
  EXPECT_TRUE(may_hold_task("1,3,5-7", 6));
  EXPECT_FALSE(may_hold_task("1,3,5-7", 4));
  for (const char* unreadable : {"", "0x3FF", "1-9,...", "1-", "1-9:0"}) EXPECT_TRUE(may_hold_task(unreadable, 100)) << unreadable;
}

slurm::LiveJob job(std::uint32_t id, const char* state, std::uint32_t array = 0, std::optional<std::uint32_t> task = std::nullopt) {
  slurm::LiveJob made;
  made.job_id = id;
  made.array_job_id = array;
  made.array_task_id = task;
  made.state = state;
  made.finished = std::string(state) == "COMPLETED";
  made.revoked = std::string(state) == "REVOKED";
  return made;
}

class Live : public testing::Test {
 protected:
  LiveJobs live;
  void SetUp() override {
    auto rest = job(20, "PENDING", 20);
    rest.array_tasks = "2-5%1";
    live.replace("cq", {job(7, "REVOKED"), job(8, "COMPLETED"), rest, job(21, "RUNNING", 20, 1)});
    live.replace("hami", {job(7, "RUNNING"), job(8, "RUNNING")});
  }
  std::string state(const JobName& name, const std::optional<std::string>& cluster = std::nullopt) {
    const auto found = live.find(name, cluster);
    return found ? found->state : "none";
  }
};

TEST_F(Live, AJobIsWhereItRuns) {
  EXPECT_EQ(state(7), "RUNNING");
  EXPECT_EQ(state(7, "cq"), "REVOKED");
  EXPECT_EQ(state(8), "RUNNING");
  EXPECT_EQ(state(8, "cq"), "COMPLETED");
  EXPECT_EQ(state(8, "mars"), "none");
  EXPECT_EQ(state(9), "none");
}

TEST_F(Live, ATaskIsItsOwnOrOneOfThoseThatWait) {
  EXPECT_EQ(state({20, 1}), "RUNNING");
  EXPECT_EQ(state({20, 3}), "PENDING");
  EXPECT_EQ(state({20, 6}), "none");
  EXPECT_EQ(state(20), "PENDING");
  EXPECT_EQ(state({7, 0}), "none") << "no array";
}

TEST_F(Live, WhatIsGoneIsForgotten) {
  live.replace("hami", {});
  EXPECT_EQ(state(7), "REVOKED");
}

}  // namespace
}  // namespace sluice::service
