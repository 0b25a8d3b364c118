// SPDX-License-Identifier: Apache-2.0
//
// Goal: `scontrol update` of an admitted job never leaves it with a lien that is too small for what
// Slurm holds, nor refuses what is paid for, nor lets a stranger move somebody's money. Method: one
// job or array of the scenarios' world and the changes that people ask for; at the end random ones.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "accounting/service/books.hpp"
#include "accounting/slurm/tag.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::Words;
using test::World;

class Modify : public testing::Test {
 protected:
  World world;

  void SetUp() override {
    ASSERT_TRUE(world.programme("P", {{"share", "0.60"}}).ok());
    ASSERT_TRUE(world.fund("P", "1000").ok());
    ASSERT_TRUE(world.voucher("V", {{"face", "20"}}).ok());
  }
  void TearDown() override { EXPECT_TRUE(world.books().verify()->at("ok").get<bool>()); }

  /// 10 CPUs for an hour at 1.00: 10.00, of which the voucher's lien is 6.00.
  Words usual(const Words& more = {}) const {
    Words words = more;
    words.insert({{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
    return words;
  }
  void submit(const std::string& job, const Words& words) { ASSERT_TRUE(world.submit(job, words).admit); }
  /// Submitted, and seen in Slurm.
  void pending(const std::string& job, const Words& more = {}) {
    submit(job, usual(more));
    look({world.live(job, {{"state", "PENDING"}})});
  }
  /// Slurm is read a second after what was done last.
  void look(const std::vector<slurm::LiveJob>& jobs) {
    ++world.now;
    const std::vector<slurm::LiveCluster> live = {{"cq", true, "", world.now, jobs}, {"hami", true, "", world.now, {}}};
    const auto followed = world.books().follow_changes(live, world.facts(), world.now);
    ASSERT_TRUE(followed.ok()) << followed.failure().text;
    ASSERT_TRUE(world.books().sweep(live, world.now).ok());
  }
  Answer modify(const std::string& id, json changes, const std::string& who = "ann", const std::string& owner = "ann") {
    changes["user_id"] = World::uid_of(owner);
    changes["submit_uid"] = World::uid_of(who);
    const auto request = modify_request_from_text(json{{"v", 1}, {"kind", "modify"}, {"id", id}, {"job", std::move(changes)}}.dump());
    EXPECT_TRUE(request.ok()) << request.failure().text;
    return world.books().modify(*request, world.facts(), world.now);
  }
  std::string purse(const char* part, const std::string& id = "V") {
    return world.books().view_voucher(World::caller("auditor"), id, world.facts(), world.now)->at(part);
  }
  std::string liens() { return purse("liens"); }
  json explained(std::uint32_t job = 101) {
    const auto shown = world.books().view_job(World::caller("auditor"), JobName(job), std::nullopt, world.facts(), world.now);
    return shown.ok() ? *shown : json{{"reasons", json::array({shown.failure().text})}};
  }
  std::string last_reason(std::uint32_t job = 101) { return explained(job).at("reasons").back(); }
  std::string quoted(const std::string& account) {
    const auto balance = world.books().view_balance(World::caller("auditor"), account, world.facts(), world.now);
    return balance.ok() ? balance->at("accounts").at(0).at("open_quotes").get<std::string>() : balance.failure().text;
  }
};

TEST_F(Modify, ALongerLimitRaisesTheLien) {
  pending("a");
  EXPECT_EQ(liens(), "6.000000");
  const Answer answer = modify("101", {{"time_limit", 120}});
  EXPECT_TRUE(answer.admit);
  EXPECT_EQ(answer.lines, std::vector<std::string>{"sluice: up to 20.00 yuan instead of 10.00"});
  EXPECT_EQ(liens(), "12.000000");
  EXPECT_EQ(purse("available"), "8.000000");
  EXPECT_EQ(quoted("astro"), "8.000000");
  const json shown = explained();
  EXPECT_EQ(shown.at("quote").at("amount"), "20.000000");
  EXPECT_EQ(shown.at("lien").at("amount"), "12.000000");
  EXPECT_TRUE(shown.at("lien").at("id").get<std::string>().ends_with(".2"));
  EXPECT_EQ(last_reason(), "ann asked for another time limit: up to 20.00 yuan instead of 10.00");
  world.restart();
  EXPECT_EQ(liens(), "12.000000");
  look({world.live("a", {{"state", "PENDING"}, {"time", "120"}})});
  EXPECT_EQ(liens(), "12.000000");
  EXPECT_EQ(last_reason(), "Slurm made the change");
}

TEST_F(Modify, WhatTheVoucherDoesNotReachIsRefusedAndLeavesAllAsItWas) {
  pending("a");
  const std::string why = "voucher V has 14.00 yuan available besides 6.00 set aside for this job, which may then need 24.00";
  for (int i = 0; i < 100; ++i) {
    const Answer answer = modify("101", {{"time_limit", 240}});
    EXPECT_FALSE(answer.admit);
    EXPECT_FALSE(answer.denied);
    EXPECT_EQ(answer.refusal, "insufficient_balance");
    EXPECT_EQ(answer.lines, std::vector<std::string>{"sluice: " + why});
  }
  EXPECT_EQ(liens(), "6.000000");
  EXPECT_EQ(explained().at("quote").at("amount"), "10.000000");
  world.restart();
  EXPECT_EQ(last_reason(), "refused to ann: another time limit: insufficient_balance: " + why);
  EXPECT_LT(explained().at("reasons").size(), 6U) << "whoever asks in a loop is noted once";
  look({world.live("a", {{"state", "PENDING"}})});
  EXPECT_EQ(liens(), "6.000000");
}

TEST_F(Modify, RefusalsAreNotCollectedForEver) {
  pending("a");
  for (int limit = 1000; limit < 1200; ++limit) EXPECT_FALSE(modify("101", {{"time_limit", limit}}).admit);
  EXPECT_LE(explained().at("reasons").size(), 64U);
}

TEST_F(Modify, AShorterLimitLowersTheLienOnceSlurmHasMadeIt) {
  pending("a");
  EXPECT_TRUE(modify("101", {{"time_limit", 30}}).admit);
  EXPECT_EQ(liens(), "6.000000") << "Slurm may still refuse it";
  look({world.live("a", {{"state", "PENDING"}, {"time", "30"}})});
  EXPECT_EQ(liens(), "3.000000");
  EXPECT_EQ(explained().at("quote").at("amount"), "5.000000");
  EXPECT_EQ(quoted("astro"), "2.000000");
  EXPECT_EQ(last_reason(), "Slurm made the change");
}

TEST_F(Modify, NobodyGetsASmallerLienForAChangeThatSlurmDoesNotMake) {
  pending("a");
  EXPECT_TRUE(modify("101", {{"time_limit", 1}}).admit);
  world.restart();  // what waits is stored
  look({world.live("a", {{"state", "PENDING"}})});
  EXPECT_EQ(liens(), "6.000000");
  EXPECT_EQ(last_reason(), "Slurm did not make the change");
  look({world.live("a", {{"state", "PENDING"}, {"time", "1"}})});
  EXPECT_EQ(liens(), "6.000000") << "the change that was given up does not come back";
}

TEST_F(Modify, ARaiseThatSlurmDoesNotMakeIsTakenBack) {
  pending("a");
  EXPECT_TRUE(modify("101", {{"time_limit", 120}}).admit);
  look({world.live("a", {{"state", "PENDING"}})});
  EXPECT_EQ(liens(), "6.000000");
  EXPECT_EQ(quoted("astro"), "4.000000");
}

TEST_F(Modify, WhatWasReadInTheSameSecondSaysNothing) {
  pending("a");
  ++world.now;
  EXPECT_TRUE(modify("101", {{"time_limit", 120}}).admit);
  --world.now;
  look({world.live("a", {{"state", "PENDING"}})});
  EXPECT_EQ(liens(), "12.000000");
}

TEST_F(Modify, TheDearerQuoteHoldsWherePartOfAChangeWasMade) {
  pending("a");
  EXPECT_TRUE(modify("101", {{"time_limit", 120}, {"min_cpus", 10}, {"num_tasks", 12}}).admit);
  EXPECT_EQ(liens(), "14.400000");
  look({world.live("a", {{"state", "PENDING"}, {"time", "120"}})});
  EXPECT_EQ(liens(), "14.400000");
}

TEST_F(Modify, ResourcesAreFollowedInBothDirections) {
  pending("a");
  EXPECT_TRUE(modify("101", {{"num_tasks", 20}, {"min_cpus", 20}}).admit);
  EXPECT_EQ(liens(), "12.000000");
  look({world.live("a", {{"state", "PENDING"}, {"cpus", "20"}})});
  EXPECT_TRUE(modify("101", {{"num_tasks", 5}, {"min_cpus", 5}}).admit);
  EXPECT_EQ(liens(), "12.000000");
  look({world.live("a", {{"state", "PENDING"}, {"cpus", "5"}})});
  EXPECT_EQ(liens(), "3.000000");
  EXPECT_FALSE(modify("101", {{"tres_per_job", "gres:gpu:8"}}).admit) << "51.00 of lien";
}

TEST_F(Modify, AnEndTimeIsALimit) {
  pending("a");
  auto running = world.live("a", {});
  running.start = world.now;
  look({running});
  EXPECT_TRUE(modify("101", {{"end_time", running.start + 7200}}, "root").admit);
  EXPECT_EQ(liens(), "12.000000");
}

TEST_F(Modify, AnotherAccountMustBePaidForToo) {
  ASSERT_TRUE(world.voucher("W", {{"face", "20"}, {"accounts", "astro,bio,broke"}}).ok());
  pending("a", {{"voucher", "W"}});
  pending("b", {{"voucher", "V"}});
  EXPECT_EQ(modify("102", {{"account", "bio"}}).refusal, "voucher_not_yours");
  EXPECT_EQ(modify("101", {{"account", "broke"}}).refusal, "self_pay_not_allowed");
  EXPECT_EQ(modify("101", {{"account", "bio"}, {"time_limit", 150}}).admit, true) << "10.00 of its limit of 50.00";
  EXPECT_EQ(quoted("bio"), "10.000000");
  EXPECT_EQ(quoted("astro"), "4.000000") << "of the other job";
  auto moved = world.live("a", {{"state", "PENDING"}, {"time", "150"}});
  moved.account = "bio";
  look({moved, world.live("b", {{"state", "PENDING"}})});
  EXPECT_EQ(explained(101).at("account"), "bio");
  EXPECT_EQ(modify("101", {{"num_tasks", 14}, {"min_cpus", 14}}).refusal, "insufficient_balance");
}

TEST_F(Modify, AnotherPartitionHasItsOwnPriceAndRules) {
  ASSERT_TRUE(world.voucher("W", {{"face", "20"}, {"partitions", "ai"}}).ok());
  pending("a", {{"voucher", "W"}});
  pending("b", {{"voucher", "V"}});
  EXPECT_EQ(modify("101", {{"partition", "cpu"}}).refusal, "partition_not_eligible");
  EXPECT_EQ(modify("101", {{"partition", "nowhere"}}).refusal, "partition_not_found");
  EXPECT_TRUE(modify("102", {{"partition", "cpu"}}).admit) << "half the price";
  EXPECT_EQ(liens(), "6.000000");
  look({world.live("a", {{"state", "PENDING"}}), world.live("b", {{"state", "PENDING"}, {"partition", "cpu"}})});
  EXPECT_EQ(liens(), "3.000000");
}

TEST_F(Modify, TheUsersOwnLimitHolds) {
  pending("a", {{"max-self", "5.00"}});
  EXPECT_EQ(modify("101", {{"time_limit", 120}}).refusal, "over_max_self");
  EXPECT_TRUE(modify("101", {{"time_limit", 75}}).admit);
}

TEST_F(Modify, AnAccountBeyondItsLimitMayStillAskForLess) {
  ASSERT_TRUE(world.voucher("W", {{"face", "20"}, {"accounts", "bio"}}).ok());
  submit("a", {{"user", "bob"}, {"time", "60"}, {"cpus", "10"}, {"voucher", "W"}});
  look({world.live("a", {{"state", "PENDING"}})});
  std::string config = World::default_config();
  config.replace(config.find("limit: \"50.00\""), 14, "limit: \"1.00\"");
  world.set_config(config);
  EXPECT_EQ(modify("101", {{"time_limit", 61}}, "bob", "bob").refusal, "over_account_limit");
  EXPECT_TRUE(modify("101", {{"time_limit", 30}}, "bob", "bob").admit);
}

TEST_F(Modify, ASuspendedVoucherHonoursItsLienAndNoMore) {
  pending("a");
  ASSERT_TRUE(world.books().set_suspended(World::caller("manager"), "V", true, {{"request_id", "suspend-1"}, {"reason", "audit"}}, world.now).ok());
  EXPECT_EQ(modify("101", {{"time_limit", 61}}).refusal, "voucher_suspended");
  EXPECT_TRUE(modify("101", {{"time_limit", 30}}).admit);
  look({world.live("a", {{"state", "PENDING"}, {"time", "30"}})});
  EXPECT_EQ(liens(), "3.000000");
}

// ---- Arrays.

TEST_F(Modify, AnArrayIsChangedAsAWhole) {
  pending("a", {{"array", "0-9%2"}, {"cpus", "1"}});
  EXPECT_EQ(liens(), "1.200000");
  EXPECT_TRUE(modify("101", {{"time_limit", 120}}).admit);
  EXPECT_EQ(liens(), "2.400000");
  EXPECT_EQ(explained().at("quote").at("amount"), "20.000000");
  auto task = world.live("a", {{"task", "0"}, {"time", "120"}});
  look({task});
  EXPECT_EQ(liens(), "2.400000");
}

TEST_F(Modify, SlurmHasChangedHowManyTasksRunBeforeItAsks) {
  pending("a", {{"array", "0-99%2"}, {"cpus", "1"}});
  EXPECT_TRUE(modify("101", {{"array", "10"}}).admit);
  EXPECT_EQ(liens(), "6.000000");
  EXPECT_TRUE(modify("101", {{"array", "3"}}).admit);
  EXPECT_EQ(liens(), "1.800000") << "nothing can refuse it any more";
  EXPECT_TRUE(modify("101", {{"array", "0"}}).admit) << "60.00 for all at once";
  EXPECT_EQ(liens(), "20.000000") << "as far as the voucher reaches";
}

TEST_F(Modify, OnlyTheTasksThatWereNamedCostMore) {
  pending("a", {{"array", "0-9"}, {"cpus", "1"}});
  EXPECT_EQ(liens(), "6.000000");
  for (int again = 0; again < 3; ++again) {
    EXPECT_TRUE(modify("101_[4-5]", {{"time_limit", 120}}).admit);
    EXPECT_EQ(liens(), "7.200000") << "asked for again, it is the same";
  }
  EXPECT_EQ(explained().at("quote").at("amount"), "12.000000");
  look({world.live("a", {{"state", "PENDING"}}), world.live("a", {{"state", "PENDING"}, {"task", "4"}, {"time", "120"}})});
  EXPECT_EQ(liens(), "7.200000");
  EXPECT_EQ(last_reason(), "Slurm made the change");
  // Of a task that ends, the others are set aside again.
  world.now += 3600;
  ASSERT_TRUE(world.books().settle({world.record("a", {{"task", "0"}, {"elapsed", "3600"}, {"cpus", "1"}})}, world.now).ok());
  EXPECT_EQ(liens(), "6.600000");
  world.restart();
  EXPECT_EQ(quoted("astro"), "4.400000");
}

TEST_F(Modify, ATaskIsKnownByItsOwnIdToo) {
  pending("a", {{"array", "0-9"}, {"cpus", "1"}});
  look({world.live("a", {{"state", "PENDING"}}), world.live("a", {{"task", "3"}})});
  EXPECT_TRUE(modify("101003", {{"time_limit", 120}}, "root").admit);
  EXPECT_EQ(liens(), "6.600000");
}

TEST_F(Modify, ManyPartsAreOneWhole) {
  pending("a", {{"array", "0-99%10"}, {"cpus", "1"}});
  for (int task = 0; task < 64; ++task) EXPECT_TRUE(modify("101_" + std::to_string(task), {{"time_limit", 61}}).admit);
  EXPECT_TRUE(modify("101_64", {{"time_limit", 61}}).admit);
  EXPECT_EQ(explained().at("quote").at("amount"), "101.666700") << "each of a hundred tasks for 61 minutes";
}

// ---- Who asks, and what of.

TEST_F(Modify, AStrangerMovesNobodysMoney) {
  pending("a");
  const json before = explained();
  for (const int limit : {1, 120, 100'000}) {
    const Answer answer = modify("101", {{"time_limit", limit}}, "eve");
    EXPECT_TRUE(answer.admit) << "Slurm refuses it; the balance is none of eve's business";
    EXPECT_TRUE(answer.lines.empty());
  }
  EXPECT_FALSE(modify("101", {{"admin_comment", "x"}}, "eve").admin_comment);
  EXPECT_EQ(explained(), before);
  EXPECT_EQ(liens(), "6.000000");
}

TEST_F(Modify, OperatorsAskUnderTheSameRules) {
  pending("a");
  auto inventory = world.facts().cluster("cq")->inventory;
  inventory.operators = {"eve"};
  world.facts().set(inventory);
  for (const char* who : {"root", "eve"}) EXPECT_EQ(modify("101", {{"time_limit", 240}}, who).refusal, "insufficient_balance") << who;
  EXPECT_TRUE(modify("101", {{"time_limit", 120}}, "eve").admit);
  EXPECT_EQ(last_reason(), "eve asked for another time limit: up to 20.00 yuan instead of 10.00");
}

TEST_F(Modify, AJobThatIsTooNewIsToldFromOthersOrNot) {
  submit("a", usual());
  EXPECT_TRUE(modify("101", {{"time_limit", 120}}).admit);
  EXPECT_EQ(liens(), "12.000000") << "there is no other that it could be";
  submit("b", usual({{"time", "10"}}));
  const Answer answer = modify("102", {{"time_limit", 120}});
  EXPECT_FALSE(answer.admit);
  EXPECT_EQ(answer.lines, std::vector<std::string>{"sluice: job 102 is too new to be changed; try again in half a minute"});
  EXPECT_TRUE(modify("102", {{"time_limit", 120}}, "root").admit) << "the lien follows";
  EXPECT_TRUE(modify("4711", {{"time_limit", 120}}, "bob", "bob").admit) << "none of ours";
  EXPECT_EQ(liens(), "13.000000");
}

TEST_F(Modify, OurTagStaysInAnAdministratorsComment) {
  pending("a");
  const auto ours = slurm::find_tag(world.admin_comment("a"));
  for (const char* comment : {"", "seen by root", R"({"sluice":{"v":1,"id":"A1","mac":"00"}})", R"({"site":1})"}) {
    const Answer answer = modify("101", {{"admin_comment", comment}}, "root");
    ASSERT_TRUE(answer.admit && answer.admin_comment) << comment;
    const auto kept = slurm::find_tag(*answer.admin_comment);
    ASSERT_TRUE(kept) << *answer.admin_comment;
    EXPECT_EQ(kept->id, ours->id);
    EXPECT_EQ(kept->mac, ours->mac);
  }
  EXPECT_TRUE(modify("101", {{"admin_comment", "seen"}}, "root").admin_comment->starts_with("seen {"));
  EXPECT_EQ(liens(), "6.000000");
}

TEST_F(Modify, NobodyIsBlockedBeforeItIsInForce) {
  for (const char* mode : {"observe", "warn"}) {
    std::string config = World::default_config();
    config.replace(config.find("enforce"), 7, mode);
    world.set_config(config);
    const std::string job = std::string("in ") + mode;
    submit(job, usual());
    look({world.live(job, {{"state", "PENDING"}})});
    const std::string id = std::to_string(world.jobs.at(job).id);
    const Answer answer = modify(id, {{"time_limit", 600}});
    EXPECT_TRUE(answer.admit);
    EXPECT_EQ(answer.lines.size(), std::string(mode) == "warn" ? 1U : 0U);
    EXPECT_EQ(liens(), "0.000000");
  }
}

TEST_F(Modify, AJobThatMovesTakesItsNewPlacesMode) {
  world.set_config(World::default_config() + "modes:\n  - {partition: cpu, mode: observe}\n");
  pending("a", {{"partition", "cpu"}});
  EXPECT_EQ(liens(), "0.000000");
  EXPECT_FALSE(modify("101", {{"partition", "ai"}, {"time_limit", 600}}).admit) << "observed no more";
  EXPECT_TRUE(modify("101", {{"partition", "ai"}}).admit);
  EXPECT_EQ(liens(), "6.000000");
  look({world.live("a", {{"state", "PENDING"}, {"partition", "ai"}})});
  EXPECT_TRUE(modify("101", {{"partition", "cpu"}}).admit);
  EXPECT_EQ(liens(), "6.000000");
  look({world.live("a", {{"state", "PENDING"}, {"partition", "cpu"}})});
  EXPECT_EQ(liens(), "0.000000");
}

TEST_F(Modify, AJobThatMovedUnaskedIsChargedByItsNewPlacesMode) {
  world.set_config(World::default_config() + "modes:\n  - {partition: cpu, mode: observe}\n");
  pending("a", {{"partition", "cpu"}});
  world.now += 3600;
  ASSERT_TRUE(world.books().settle({world.record("a", {{"partition", "ai"}, {"elapsed", "3600"}})}, world.now).ok());
  EXPECT_EQ(purse("used"), "6.000000");
}

TEST_F(Modify, AHeterogeneousJobIsChangedByComponentOrAsAWhole) {
  std::vector<slurm::LiveJob> live;
  for (std::uint32_t offset = 0; offset < 2; ++offset) {
    auto request = world.request(usual({{"nonce", std::string(32, 'a')}}));
    request.job.het_offset = offset;
    const Answer answer = world.books().admit(request, world.facts(), world.now);
    ASSERT_TRUE(answer.admit);
    world.jobs["c" + std::to_string(offset)] = {usual(), 101 + offset, world.now, *answer.admin_comment};
    live.push_back(world.live("c" + std::to_string(offset), {{"state", "PENDING"}}));
    live.back().het_job_id = 101;
    live.back().het_job_offset = offset;
  }
  look(live);
  EXPECT_EQ(liens(), "12.000000");
  EXPECT_TRUE(modify("101+1", {{"time_limit", 90}}).admit);
  EXPECT_EQ(liens(), "15.000000");
  EXPECT_TRUE(modify("101", {{"time_limit", 90}}).admit);
  EXPECT_EQ(liens(), "18.000000");
  EXPECT_EQ(modify("101", {{"time_limit", 120}}).refusal, "insufficient_balance") << "all of its components or none";
  EXPECT_EQ(liens(), "18.000000");
  for (auto& one : live) one.time_limit_minutes = 90;
  look(live);
  EXPECT_EQ(liens(), "18.000000");
}

TEST_F(Modify, WhatWasChangedUnaskedIsFollowedAsFarAsTheVoucherReaches) {
  pending("a");
  look({world.live("a", {{"state", "PENDING"}, {"time", "120"}})});
  EXPECT_EQ(liens(), "12.000000");
  EXPECT_EQ(last_reason(), "changed in Slurm without a question to us: up to 20.00 yuan instead of 10.00");
  look({world.live("a", {{"state", "PENDING"}, {"time", "600"}})});
  EXPECT_EQ(liens(), "20.000000");
  const auto reasons = explained().at("reasons").size();
  look({world.live("a", {{"state", "PENDING"}, {"time", "600"}})});
  EXPECT_EQ(explained().at("reasons").size(), reasons) << "followed once";
  auto moved = world.live("a", {{"state", "PENDING"}, {"time", "600"}});
  moved.account = "bio";
  look({moved});
  EXPECT_EQ(explained().at("account"), "bio");
}

TEST_F(Modify, ALongerRunIsPaidFromTheLienThatWasRaised) {
  pending("a");
  ASSERT_TRUE(modify("101", {{"time_limit", 180}}).admit);
  ASSERT_TRUE(world.voucher("W", {{"face", "20"}}).ok());
  submit("b", usual({{"time", "10"}, {"voucher", "V"}}));
  look({world.live("a", {{"time", "180"}}), world.live("b", {})});
  world.now += 3 * 3600;
  ASSERT_TRUE(world.books().settle({world.record("a", {{"elapsed", "10800"}})}, world.now).ok());
  EXPECT_EQ(explained().at("charge").at("by_voucher"), "18.000000");
  EXPECT_EQ(explained().at("charge").at("overrun"), "0.000000");
}

// ---- Any changes, in any order.

/// What the voucher must hold for a job of ten CPUs with this limit.
Money lien_of(std::int64_t minutes) { return floor_share(Money{minutes * 10'000'000 / 60}, Share{600'000}); }

RC_GTEST_PROP(ModifyAny, TheLienIsNeverTooSmallAndFollowsSlurm, ()) {
  World world;
  RC_ASSERT(world.programme("P", {{"share", "0.60"}}).ok());
  RC_ASSERT(world.fund("P", "1000").ok());
  RC_ASSERT(world.voucher("V", {{"face", "30"}}).ok());
  RC_ASSERT(world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}}).admit);
  std::int64_t in_slurm = 60;
  const auto held = [&] {
    return parse_money(world.books().view_voucher(World::caller("auditor"), "V", world.facts(), world.now)->at("liens").get<std::string>()).value();
  };
  const auto look = [&] {
    ++world.now;
    auto job = world.live("a", {{"state", "PENDING"}});
    job.time_limit_minutes = in_slurm;
    const std::vector<slurm::LiveCluster> live = {{"cq", true, "", world.now, {job}}, {"hami", true, "", world.now, {}}};
    RC_ASSERT(world.books().follow_changes(live, world.facts(), world.now).ok());
    RC_ASSERT(world.books().sweep(live, world.now).ok());
  };
  look();
  const int steps = *rc::gen::inRange(1, 30);
  for (int step = 0; step < steps; ++step) {
    const auto what = *rc::gen::inRange(0, 4);
    if (what == 0) {
      look();
    } else if (what == 1) {
      world.restart();
    } else {
      const std::int64_t wanted = 6 * *rc::gen::inRange(1, 60);
      const bool asked = what == 2;  // or nobody could be asked
      bool admitted = true;
      if (asked) {
        const json changes = {{"user_id", 6001}, {"submit_uid", 0}, {"time_limit", wanted}};
        const auto request = modify_request_from_text(json{{"v", 1}, {"kind", "modify"}, {"id", "101"}, {"job", changes}}.dump());
        admitted = world.books().modify(*request, world.facts(), world.now).admit;
      }
      const bool slurm_does_it = *rc::gen::arbitrary<bool>();
      if (admitted && slurm_does_it) in_slurm = wanted;
      if (asked && admitted) RC_ASSERT(held() >= lien_of(wanted));
    }
    RC_ASSERT(world.books().verify()->at("ok").get<bool>());
  }
  // Twice: a change that waits is judged before one that was never asked for is seen.
  look();
  look();
  RC_ASSERT(held() >= std::min(lien_of(in_slurm), Money{30'000'000}));
  world.now += 60;
  RC_ASSERT(world.books().settle({world.record("a", {{"elapsed", std::to_string(in_slurm * 60)}, {"start", "2026-03-02T08:00"}})}, world.now).ok());
  RC_ASSERT(held() == Money{});
  RC_ASSERT(world.books().verify()->at("ok").get<bool>());
}

}  // namespace
}  // namespace sluice::service
