// SPDX-License-Identifier: Apache-2.0
//
// Goal: sluiced may be killed at any step of a settlement and each job is charged
// exactly once. Method: a child process settles and kills itself at a named point;
// the parent opens what it left and settles again.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "accounting/service/books.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using test::World;

class SettleCrash : public testing::TestWithParam<const char*> {};

TEST_P(SettleCrash, EachJobIsChargedOnce) {
  World world;
  ASSERT_TRUE(world.programme("P", {}).ok());
  ASSERT_TRUE(world.fund("P", "1000").ok());
  ASSERT_TRUE(world.voucher("V", {{"face", "500"}}).ok());
  std::vector<slurm::UsageRecord> records;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "j" + std::to_string(i);
    ASSERT_TRUE(world.submit(name, {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}}).admit);
  }
  ASSERT_TRUE(world.submit("arr", {{"time", "60"}, {"cpus", "10"}, {"array", "1-5"}, {"voucher", "V"}}).admit);
  world.now += 3600;
  for (int i = 0; i < 60; ++i) records.push_back(world.record("j" + std::to_string(i), {{"elapsed", "3600"}}));
  for (int i = 1; i <= 5; ++i) records.push_back(world.record("arr", {{"task", std::to_string(i)}, {"elapsed", "1800"}}));

  // SQLite's connections must not cross a fork.
  world.close();
  const pid_t child = ::fork();
  if (child == 0) {
    world.restart();
    ::setenv("SLUICE_KILL_AT", GetParam(), 1);
    (void)world.books().settle(records, world.now);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the point was not reached";

  world.restart();
  const auto settled = world.books().settle(records, world.now);
  ASSERT_TRUE(settled.ok()) << settled.failure().text;
  EXPECT_EQ(settled->charged + settled->known, records.size());
  std::size_t charges = 0;
  ASSERT_TRUE(world.storage().charges({}, [&](ledger::ChargeRow&&) { return ++charges > 0; }).ok());
  EXPECT_EQ(charges, records.size());
  const auto voucher = world.books().view_voucher(World::caller("auditor"), "V", world.facts(), world.now);
  EXPECT_EQ(voucher->at("used"), "375.000000");
  EXPECT_EQ(voucher->at("liens"), "0.000000");
  EXPECT_EQ(world.books().counts()["open_admissions"], 0);
  EXPECT_EQ(world.books().verify()->at("problems").dump(), "[]");
}

INSTANTIATE_TEST_SUITE_P(At, SettleCrash, testing::Values("settle.before_append", "settle.after_append", "settle.after_sync"), [](const auto& point) {
  std::string name = point.param;
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c == '.' || c == '_'; }), name.end());
  return name;
});

}  // namespace
}  // namespace sluice::service
