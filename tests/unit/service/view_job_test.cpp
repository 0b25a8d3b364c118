// SPDX-License-Identifier: Apache-2.0
//
// Goal: a job is explained from its submission on, by any of its names, and to those
// whom it concerns. Method: one job or array of the scenarios' world at a time.

#include <gtest/gtest.h>

#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::Words;
using test::World;

class ViewJob : public testing::Test {
 protected:
  World world;

  void SetUp() override {
    ASSERT_TRUE(world.programme("P", {{"share", "0.60"}}).ok());
    ASSERT_TRUE(world.fund("P", "1000").ok());
    ASSERT_TRUE(world.voucher("V", {}).ok());
  }
  /// What is shown, or the refusal's code and text.
  json explained(const JobName& name, const std::string& who = "ann", const std::optional<std::string>& cluster = std::nullopt) {
    const auto job = world.books().view_job(World::caller(who), name, cluster, world.facts(), world.now);
    return job.ok() ? *job : json{{"refused", job.failure().code}};
  }
  void sweep(std::vector<slurm::LiveJob> jobs) {
    ASSERT_TRUE(world.books().sweep({{"cq", true, "", world.now, std::move(jobs)}, {"hami", true, "", world.now, {}}}, world.now).ok());
  }
  void settle(const std::vector<slurm::UsageRecord>& records) { ASSERT_TRUE(world.books().settle(records, world.now).ok()); }
};

TEST_F(ViewJob, FromSubmissionToCharge) {
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  EXPECT_EQ(explained(101)["refused"], "job_unknown") << "Slurm gives the id after our answer";
  sweep({world.live("a", {{"state", "PENDING"}})});
  json job = explained(101);
  EXPECT_EQ(job["state"], "PENDING");
  EXPECT_EQ(job["job"], "101");
  EXPECT_EQ(job["lien"]["state"], "open");
  EXPECT_EQ(job["lien"]["voided_at"], nullptr);
  EXPECT_EQ(job["quote"]["price_book"], "first");
  EXPECT_EQ(job["quote"]["tasks"], 1);
  EXPECT_EQ(job["charge"], nullptr);
  world.now += 3600;
  sweep({world.live("a", {{"state", "COMPLETED"}})});
  job = explained(101);
  EXPECT_EQ(job["state"], "COMPLETED");
  EXPECT_EQ(job["reasons"].back(), "it has ended; it is charged when slurmdbd has all of its record, a minute or two later");
  settle({world.record("a", {{"elapsed", "3600"}})});
  job = explained(101);
  EXPECT_EQ(job["lien"]["state"], "settled");
  EXPECT_EQ(job["charge"]["amount"], "10.000000");
  EXPECT_EQ(job["charge"]["price_book"], "first");
  EXPECT_FALSE(job.contains("others"));
  // A restart forgets what Slurm held, and no more.
  world.restart();
  EXPECT_EQ(explained(101)["charge"]["amount"], "10.000000");
}

TEST_F(ViewJob, WithoutAPrice) {
  world.submit("a", {{"time", "60"}, {"partition", "free"}});
  sweep({world.live("a", {{"state", "PENDING"}})});
  const json job = explained(101);
  EXPECT_EQ(job["state"], "PENDING");
  EXPECT_EQ(job["quote"], nullptr);
  EXPECT_EQ(job["reasons"].back(), "no price is set for partition free of cluster cq");
}

TEST_F(ViewJob, ThatNobodyAnsweredFor) {
  auto live = world.live("unanswered", {{"id", "700"}, {"state", "RUNNING"}, {"tag", "outage"}});
  sweep({live});
  json job = explained(700);
  EXPECT_EQ(job["state"], "RUNNING");
  EXPECT_EQ(job["user"], "ann");
  EXPECT_EQ(job["reasons"], json::array({"nobody answered for it when it was submitted; it is priced and charged when it has ended"}));
  EXPECT_EQ(explained(700, "eve")["refused"], "not_yours");
  live.submit -= 100;
  sweep({live});
  EXPECT_EQ(explained(700)["reasons"], json::array({"it was submitted before this service began and is not charged"}));
}

TEST_F(ViewJob, ATaskByItsNumber) {
  world.submit("arr", {{"time", "60"}, {"cpus", "1"}, {"array", "1-4"}, {"voucher", "V"}});
  auto waiting = world.live("arr", {{"state", "PENDING"}});
  waiting.job_id = 101;
  waiting.array_tasks = "2-4";
  sweep({waiting, world.live("arr", {{"task", "1"}})});
  EXPECT_EQ(explained({101, 1})["state"], "RUNNING");
  EXPECT_EQ(explained({101, 1})["job"], "101_1");
  const json pending = explained({101, 3});
  EXPECT_EQ(pending["job"], "101_3");
  EXPECT_EQ(pending["state"], "PENDING");
  EXPECT_EQ(pending["array_task_id"], 3);
  EXPECT_EQ(pending["quote"]["tasks"], 4);
  EXPECT_EQ(explained({101, 9})["refused"], "job_unknown");
  world.now += 3600;
  settle({world.record("arr", {{"task", "1"}, {"elapsed", "3600"}}), world.record("arr", {{"task", "2"}, {"elapsed", "1800"}})});
  EXPECT_EQ(explained({101, 1})["charge"]["amount"], "1.000000");
  EXPECT_EQ(explained({101, 2})["charge"]["amount"], "0.500000");
  EXPECT_EQ(explained({101, 2})["job_id"], 101'002);
  EXPECT_EQ(explained(101'002)["job"], "101_2") << "the task's own id is one of its names";
  const json array = explained(101);
  EXPECT_EQ(array["others"].size(), 1u);
  EXPECT_EQ(array["others"][0]["job"].get<std::string>().substr(0, 4), "101_");
}

TEST_F(ViewJob, ATaskIsRefundedByItsNumber) {
  world.submit("arr", {{"time", "60"}, {"cpus", "1"}, {"array", "1-2"}});
  world.now += 3600;
  settle({world.record("arr", {{"task", "1"}, {"elapsed", "3600"}}), world.record("arr", {{"task", "2"}, {"elapsed", "3600"}})});
  const auto refund = [&](const json& job, const json& more = json::object()) {
    json body = {{"request_id", world.new_request_id()}, {"job_id", job}, {"reason", "r"}, {"amount", "0.25"}};
    body.update(more);
    const auto done = world.books().refund(World::caller("cashier"), body, world.now);
    return done.ok() ? done->dump() : done.failure().text;
  };
  EXPECT_EQ(refund("101_2"), R"({"refund":{"amount":"0.250000","cluster":"cq","job":"101_2","job_id":101002,"outcome":"refunded 0.250000: voucher 0.000000, user 0.250000"}})");
  EXPECT_EQ(explained({101, 2})["charge"]["refunded"], "0.250000");
  EXPECT_EQ(explained({101, 1})["charge"]["refunded"], "0.000000");
  EXPECT_EQ(refund("101_3"), "there is no charge of job 101_3");
  EXPECT_EQ(refund(101), "job 101 is an array; name a task of it, such as 101_0");
  EXPECT_EQ(refund("101002").substr(0, 10), R"({"refund":)");
  // The time of a record as explain shows it, in any zone.
  const std::string submitted = format_time(world.jobs.at("arr").submit, Zone{});
  EXPECT_EQ(refund("101_1", {{"submit", submitted}}).substr(0, 10), R"({"refund":)");
  EXPECT_EQ(refund("101_1", {{"submit", format_time(world.jobs.at("arr").submit, Zone{"UTC", 0})}}).substr(0, 10), R"({"refund":)");
  EXPECT_EQ(refund("101_1", {{"submit", "2026-03-02T08:00:01+08:00"}}), "there is no charge of job 101_1");
}

TEST_F(ViewJob, ALienThatWentBackSaysWhenAndWhy) {
  world.submit("held", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 60;
  settle({world.record("held", {{"state", "CANCELLED"}})});
  const json job = explained(101);
  EXPECT_EQ(job["lien"]["state"], "voided");
  EXPECT_EQ(job["lien"]["voided_because"], "the job used nothing");
  EXPECT_EQ(job["lien"]["voided_at"], format_time(world.now, Zone{}));

  // Of an array a part was paid, and the rest given back when no task was left.
  world.submit("arr", {{"time", "60"}, {"cpus", "1"}, {"array", "1-3"}, {"voucher", "V"}});
  sweep({world.live("arr", {{"task", "1"}})});
  world.now += 3600;
  settle({world.record("arr", {{"task", "1"}, {"elapsed", "3600"}})});
  EXPECT_EQ(explained(102)["lien"]["state"], "open");
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(world.books().set_collected_to(world.now).ok());
    sweep({});
    world.now += 60;
  }
  const json array = explained(102);
  EXPECT_EQ(array["lien"]["state"], "voided");
  EXPECT_EQ(array["lien"]["voided_because"], "none of its tasks is left in Slurm");

  // The voucher does not pay: the reason is its refusal.
  world.submit("late", {{"time", "60"}, {"cpus", "1"}, {"voucher", "V"}});
  world.now += 3600;
  settle({world.record("late", {{"elapsed", "3600"}, {"account", "bio"}})});
  const json late = explained(103, "auditor");
  EXPECT_EQ(late["lien"]["state"], "voided");
  EXPECT_EQ(late["lien"]["voided_because"].get<std::string>().substr(0, 24), "voucher V does not pay: ");
}

TEST_F(ViewJob, AJobInTheQueueAgain) {
  world.submit("again", {{"time", "60"}, {"cpus", "10"}});
  world.now += 600;
  settle({world.record("again", {{"state", "REQUEUED"}, {"elapsed", "300"}})});
  EXPECT_EQ(explained(101)["state"], "REQUEUED");
  auto live = world.live("again", {{"state", "PENDING"}});
  sweep({live});
  EXPECT_EQ(explained(101)["state"], "REQUEUED") << "as read before it was put back";
  live.submit = world.now;
  sweep({live});
  const json job = explained(101);
  EXPECT_EQ(job["state"], "PENDING");
  EXPECT_EQ(job["reasons"].back(), "its run before was REQUEUED; what it uses now is charged when it has ended");
}

TEST_F(ViewJob, AnAdministratorSeesAnyJobAndNoMoney) {
  std::string config = World::default_config();
  config.insert(config.find("sites:"), "  - {user: eve, roles: [administrator]}\n");
  world.set_config(config);
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  sweep({world.live("a", {})});
  EXPECT_EQ(explained(101, "eve")["user"], "ann");
  auto& books = world.books();
  const auto eve = World::caller("eve");
  EXPECT_TRUE(books.verify_for(eve, world.now).ok());
  EXPECT_EQ(books.verify_for(World::caller("ann"), world.now).failure().code, "role_missing");
  ledger::ChargeQuery astro;
  astro.account = "astro";
  EXPECT_EQ(books.view_statement(eve, astro, world.facts(), world.now).failure().code, "not_yours");
  EXPECT_EQ(books.view_balance(eve, "astro", world.facts(), world.now).failure().code, "not_yours");
  EXPECT_EQ(books.view_voucher(eve, "V", world.facts(), world.now).failure().code, "voucher_unknown");
  EXPECT_EQ(books.view_proposals(eve, std::nullopt, world.now).failure().code, "role_missing");
  EXPECT_EQ(books.propose_revoke(eve, "V", {{"request_id", "revoke-V-1"}, {"reason", "r"}}, world.now).failure().code, "role_missing");
}

TEST_F(ViewJob, StatementsOfSomeClusters) {
  for (const char* cluster : {"cq", "hami"}) {
    auto record = world.record("none", {{"id", "700"}, {"cluster", cluster}, {"elapsed", "60"}});
    settle({record});
  }
  const auto lines = [&](const std::vector<std::string>& clusters) {
    const auto statement = world.books().view_statement(World::caller("auditor"), {}, world.facts(), world.now, clusters);
    return statement->at("lines").size();
  };
  EXPECT_EQ(lines({}), 2u);
  EXPECT_EQ(lines({"cq"}), 1u);
  EXPECT_EQ(lines({"cq", "hami"}), 2u);
  const auto mars = world.books().view_statement(World::caller("auditor"), {}, world.facts(), world.now, {"cq", "mars"});
  ASSERT_FALSE(mars.ok());
  EXPECT_EQ(mars.failure().text, "no cluster 'mars' is configured, nor are there any lines of it; known: cq, hami");
}

}  // namespace
}  // namespace sluice::service
