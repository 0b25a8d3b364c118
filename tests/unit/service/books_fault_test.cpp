// SPDX-License-Identifier: Apache-2.0
//
// Goal: where the disk fails nobody is told what is not so, nothing changes in
// memory, and the next try does what the failed one should have. Method: a storage
// that fails when told to, around the real one.

#include <gtest/gtest.h>

#include "accounting/service/books.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::World;

class FailingStorage final : public ledger::Storage {
 public:
  struct Switches {
    int appends_left = -1;  ///< −1: never fails
    bool sync = true;
    bool log = true;
    bool read = true;
    bool rows = true;  ///< admissions and documents can be read
  };
  FailingStorage(std::unique_ptr<ledger::Storage> real, Switches& switches) : real_(std::move(real)), switches_(switches) {}

  Result<ledger::Snapshot> load() override { return real_->load(); }
  Result<void> append(const ledger::Batch& batch) override {
    if (switches_.appends_left == 0) return fault("couldn't write to the ledger: disk is full");
    if (switches_.appends_left > 0) --switches_.appends_left;
    return real_->append(batch);
  }
  Result<void> is_writable() override {
    if (switches_.appends_left == 0) return fault("couldn't write to the ledger: disk is full");
    return real_->is_writable();
  }
  void append_soon(ledger::NewAdmission admission) override {
    if (switches_.appends_left > 0) --switches_.appends_left;
    real_->append_soon(std::move(admission));
  }
  Result<void> append_logged(ledger::NewAdmission admission) override {
    if (!switches_.log) return fault("couldn't write to the ledger: disk is full");
    return real_->append_logged(std::move(admission));
  }
  Result<void> flush() override { return real_->flush(); }
  Result<void> sync() override {
    if (!switches_.sync) return fault("couldn't sync the ledger");
    return real_->sync();
  }
  Result<std::optional<ledger::Object>> object(const std::string& kind, const std::string& id) override { return real_->object(kind, id); }
  Result<std::optional<ledger::Document>> document(const std::string& sha256) override {
    if (!switches_.rows) return fault("couldn't read the ledger");
    return real_->document(sha256);
  }
  Result<std::optional<ledger::AdmissionRow>> admission(const std::string& id) override {
    if (!switches_.rows) return fault("couldn't read the ledger");
    return real_->admission(id);
  }
  Result<void> charges(const ledger::ChargeQuery& query, const std::function<bool(ledger::ChargeRow&&)>& each) override {
    if (!switches_.read) return fault("couldn't read the ledger");
    return real_->charges(query, each);
  }
  Result<std::vector<ledger::TagRow>> tags_due(std::int64_t limit) override { return real_->tags_due(limit); }
  Result<ledger::Snapshot> audit(const std::function<void(ledger::Event&&)>& each, const std::function<void(ledger::ChargeRow&&)>& each_charge) override {
    return real_->audit(each, each_charge);
  }

 private:
  std::unique_ptr<ledger::Storage> real_;
  Switches& switches_;
};

class BooksFaultTest : public testing::Test {
 protected:
  BooksFaultTest()
      : world([this](std::unique_ptr<ledger::Storage> real) { return std::make_unique<FailingStorage>(std::move(real), switches); }) {}
  void SetUp() override {
    ASSERT_TRUE(world.programme("P", {}).ok());
    ASSERT_TRUE(world.fund("P", "1000").ok());
    ASSERT_TRUE(world.voucher("V", {{"face", "500"}}).ok());
    world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
    world.submit("arr", {{"time", "60"}, {"cpus", "10"}, {"array", "1-3"}, {"voucher", "V"}});
    world.now += 3600;
  }
  std::string state() {
    const auto auditor = World::caller("auditor");
    return json{world.books().view_vouchers(auditor, std::nullopt, std::nullopt, world.facts(), world.now).value(), world.books().counts(),
                world.books().view_proposals(auditor, std::nullopt, world.now).value(), world.books().view_programmes(world.now).value(),
                world.books().view_balance(auditor, "astro", world.facts(), world.now).value(), world.books().prices()->sha256()}
        .dump();
  }

  FailingStorage::Switches switches;
  World world;
};

TEST_F(BooksFaultTest, IsToldOfItsAdmissionBeforeItIsKeptOnlyWhereATagIsEnough) {
  const auto told_early = [&](const test::Words& words) {
    bool told = false;
    const auto kept_before = world.books().counts();
    (void)world.books().admit(world.request(words), world.facts(), world.now, [&](const Answer& answer) { told = answer.admit && answer.admin_comment; });
    EXPECT_NE(world.books().counts(), kept_before) << "told early or not, it is kept";
    return told;
  };
  EXPECT_TRUE(told_early({{"time", "60"}, {"voucher", "V"}}));
  EXPECT_TRUE(told_early({{"time", "60"}}));
  EXPECT_FALSE(told_early({{"time", "60"}, {"voucher", "V"}, {"max-self", "100"}})) << "that limit stands in no tag";
  const std::string before = state();
  switches.log = false;
  EXPECT_THROW((void)told_early({{"time", "60"}, {"voucher", "V"}, {"max-self", "100"}}), std::runtime_error);
  EXPECT_EQ(state(), before);
  switches.log = true;
  switches.appends_left = 0;
  bool told = false;
  EXPECT_THROW((void)world.books().admit(world.request({{"time", "60"}}), world.facts(), world.now, [&](const Answer&) { told = true; }), std::runtime_error);
  EXPECT_FALSE(told) << "nobody is promised what can't be written";
}

TEST_F(BooksFaultTest, AFullDiskChangesNothingWhateverIsAsked) {
  const std::string before = state();
  switches.appends_left = 0;
  Books& books = world.books();
  const auto manager = World::caller("manager");
  const auto auditor = World::caller("auditor");
  EXPECT_THROW((void)world.submit("b", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}}), std::runtime_error);
  EXPECT_FALSE(books.settle({world.record("a", {{"elapsed", "3600"}}), world.record("arr", {{"task", "1"}, {"elapsed", "3600"}})}, world.now).ok());
  EXPECT_FALSE(books.set_suspended(manager, "V", true, {{"request_id", "request-01"}, {"reason", "r"}}, world.now).ok());
  EXPECT_FALSE(books.propose_revoke(manager, "V", {{"request_id", "request-02"}, {"reason", "r"}}, world.now).ok());
  EXPECT_FALSE(books.expire(world.now + 400L * 86400).ok());
  EXPECT_FALSE(books.set_collected_to(world.now).ok());
  EXPECT_FALSE(books.offer_price_book("p", World::default_prices() + "# changed\n", {0, "root"}, world.now).ok());
  slurm::LiveCluster cq{"cq", true, "", world.now, {}};
  slurm::LiveCluster hami{"hami", true, "", world.now, {}};
  EXPECT_FALSE(books.sweep({cq, hami}, world.now).ok());
  cq.jobs = {world.live("a", {})};
  EXPECT_FALSE(books.sweep({cq, hami}, world.now).ok());
  EXPECT_EQ(state(), before);
  switches.appends_left = -1;
  world.restart();
  EXPECT_EQ(state(), before) << "and nothing of it reached the disk";
  EXPECT_TRUE(world.books().verify()->at("ok").get<bool>());
}

TEST_F(BooksFaultTest, ARecordThatWasHalfWrittenIsChargedOnceItIsWhole) {
  const slurm::UsageRecord whole = world.record("a", {{"elapsed", "3600"}});
  slurm::UsageRecord half = whole;
  half.partition.clear();
  half.tres_alloc.clear();
  const auto settle = [&](const slurm::UsageRecord& record) {
    const auto count = world.books().settle({record}, world.now);
    EXPECT_TRUE(count.ok());
    return std::to_string(count->charged) + " charged, " + std::to_string(count->unrated) + " unrated, " + std::to_string(count->known) + " known";
  };
  EXPECT_EQ(settle(half), "0 charged, 1 unrated, 0 known");
  EXPECT_EQ(settle(half), "0 charged, 0 unrated, 1 known");
  EXPECT_EQ(settle(whole), "1 charged, 0 unrated, 0 known");
  EXPECT_EQ(settle(whole), "0 charged, 0 unrated, 1 known");
  EXPECT_EQ(settle(half), "0 charged, 0 unrated, 1 known");
  EXPECT_TRUE(world.books().verify()->at("ok").get<bool>());
}

TEST_F(BooksFaultTest, ASettlementThatFailedIsDoneOnceLater) {
  std::vector<slurm::UsageRecord> records{world.record("a", {{"elapsed", "3600"}})};
  for (int task = 1; task <= 3; ++task) records.push_back(world.record("arr", {{"task", std::to_string(task)}, {"elapsed", "3600"}}));
  switches.appends_left = 0;
  EXPECT_FALSE(world.books().settle(records, world.now).ok());
  switches.appends_left = -1;
  switches.sync = false;
  EXPECT_FALSE(world.books().settle(records, world.now).ok()) << "not on disk: nobody may be told";
  switches.sync = true;
  const auto settled = world.books().settle(records, world.now);
  ASSERT_TRUE(settled.ok());
  EXPECT_EQ(settled->known, 4u);
  const auto voucher = world.books().view_voucher(World::caller("auditor"), "V", world.facts(), world.now);
  EXPECT_EQ(voucher->at("used"), "24.000000");
  EXPECT_EQ(voucher->at("liens"), "0.000000");
  EXPECT_EQ(world.books().counts()["open_admissions"], 0);
}

TEST_F(BooksFaultTest, ALaterChunkThatFailsLeavesTheEarlierOnes) {
  std::vector<slurm::UsageRecord> records;
  for (int i = 0; i < 120; ++i) records.push_back(world.record("none", {{"id", std::to_string(700 + i)}, {"cpus", "1"}, {"elapsed", "3600"}}));
  switches.appends_left = 1;
  EXPECT_FALSE(world.books().settle(records, world.now).ok());
  switches.appends_left = -1;
  const auto settled = world.books().settle(records, world.now);
  ASSERT_TRUE(settled.ok());
  EXPECT_GT(settled->known, 0u);
  EXPECT_EQ(settled->known + settled->charged, 120u);
  EXPECT_EQ(world.books().view_balance(World::caller("auditor"), "astro", world.facts(), world.now)->at("accounts")[0]["owes"], "120.000000");
}

TEST_F(BooksFaultTest, WithoutReadingNothingIsCharged) {
  switches.read = false;
  EXPECT_FALSE(world.books().settle({world.record("a", {{"elapsed", "3600"}})}, world.now).ok());
  EXPECT_FALSE(world.books().settle_unrated(world.now).ok());
  EXPECT_FALSE(world.books().refund(World::caller("cashier"), {{"request_id", "refund-01"}, {"job_id", 101}, {"reason", "r"}}, world.now).ok());
  EXPECT_FALSE(world.books().view_job(World::caller("auditor"), 101, std::nullopt, world.facts(), world.now).ok());
  EXPECT_FALSE(world.books().view_statement(World::caller("auditor"), {}, world.facts(), world.now).ok());
}

TEST_F(BooksFaultTest, ARecordWaitsWhereItsAdmissionOrItsPriceCantBeRead) {
  const std::string dearer = World::default_prices() + "  - {cluster: cq, partition: late, from: 2026-01-01, per_hour: {cpu: \"1\"}}\n";
  ASSERT_TRUE(world.books().offer_price_book("p", dearer, {0, "root"}, world.now).ok());
  const auto proposals = world.books().view_proposals(World::caller("auditor"), "pending", world.now);
  ASSERT_TRUE(world.books().decide(World::caller("checker"), proposals->at("proposals")[0].at("id"), true, {{"request_id", "approve-1"}}, world.now).ok());
  world.restart();
  const auto used = [&] { return world.books().view_voucher(World::caller("auditor"), "V", world.facts(), world.now)->at("used").get<std::string>(); };
  const auto settles = [&](const slurm::UsageRecord& record) {
    switches.rows = false;
    EXPECT_FALSE(world.books().settle({record}, world.now).ok()) << record.state;
    switches.rows = true;
    EXPECT_TRUE(world.books().settle({record}, world.now).ok()) << record.state;
  };
  // The quote's price book is not the one in force.
  settles(world.record("a", {{"elapsed", "3600"}}));
  EXPECT_EQ(used(), "6.000000");
  // Its admission has ended, so it is looked up.
  auto late = world.record("a", {{"elapsed", "1800"}, {"state", "REQUEUED"}});
  late.submit += 60;
  settles(late);
  EXPECT_EQ(used(), "9.000000") << "and not the user's alone";
}

TEST_F(BooksFaultTest, ACommandWhoseSyncFailedIsAnsweredWhenItIsAskedAgain) {
  const json body = {{"request_id", "request-01"}, {"reason", "r"}};
  switches.sync = false;
  EXPECT_FALSE(world.books().set_suspended(World::caller("manager"), "V", true, body, world.now).ok());
  EXPECT_FALSE(world.books().set_suspended(World::caller("manager"), "V", true, body, world.now).ok()) << "still not on disk";
  switches.sync = true;
  const auto again = world.books().set_suspended(World::caller("manager"), "V", true, body, world.now);
  ASSERT_TRUE(again.ok()) << again.failure().text;
  EXPECT_EQ(again->at("state"), "suspended");
}

}  // namespace
}  // namespace sluice::service
