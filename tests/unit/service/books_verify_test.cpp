// SPDX-License-Identifier: Apache-2.0
//
// Goal: whoever changes the file with another tool is found out. Method: each
// thing that could be changed is, triggers dropped, and verify must name it.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "accounting/service/books.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using test::World;

class BooksVerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world.programme("P", {}).ok());
    ASSERT_TRUE(world.fund("P", "1000").ok());
    ASSERT_TRUE(world.voucher("V", {{"face", "500"}}).ok());
    world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
    world.submit("b", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
    world.now += 3600;
    ASSERT_TRUE(world.books().settle({world.record("a", {{"elapsed", "3600"}})}, world.now).ok());
    ASSERT_TRUE(world.books().refund(World::caller("cashier"), {{"request_id", "refund-01"}, {"job_id", 101}, {"amount", "1"}, {"reason", "r"}}, world.now).ok());
  }
  void by_hand(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(world.file().c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    const std::string all =
        "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; DROP TRIGGER event_is_final; DROP TRIGGER event_stays; DROP TRIGGER "
        "transfer_is_final; DROP TRIGGER transfer_stays; DROP TRIGGER charge_is_final; DROP TRIGGER charge_stays;" + sql;
    char* problem = nullptr;
    EXPECT_EQ(sqlite3_exec(db, all.c_str(), nullptr, nullptr, &problem), SQLITE_OK) << problem;
    sqlite3_free(problem);
    sqlite3_close(db);
  }
  std::string problems() {
    const auto verified = world.books().verify();
    return verified.ok() ? verified->at("problems").dump() : verified.failure().text;
  }
  World world;
};

TEST_F(BooksVerifyTest, WhatNobodyTouchedIsSound) {
  const auto verified = world.books().verify();
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(verified->at("problems").dump(), "[]");
  EXPECT_TRUE(verified->at("ok").get<bool>());
  EXPECT_EQ(verified->at("books").dump(), R"({"entitlement":"0.000000","money":"0.000000"})");
  EXPECT_EQ(verified->at("liens_open"), 1);
  EXPECT_EQ(verified->at("events"), 6) << "fund, grant, two liens, a charge, a refund";
}

struct Tampering {
  const char* name;
  const char* sql;
  const char* said;
};

class BooksVerifyTampered : public BooksVerifyTest, public testing::WithParamInterface<Tampering> {};

TEST_P(BooksVerifyTampered, IsNamed) {
  by_hand(GetParam().sql);
  EXPECT_NE(problems().find(GetParam().said), std::string::npos) << problems();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BooksVerifyTampered,
    testing::Values(
        Tampering{"Balance", "UPDATE account SET debits = debits + 1000000 WHERE name = 'voucher/V'", "voucher/V: stored"},
        Tampering{"BothSides", "UPDATE account SET debits = debits + 1, credits = credits + 1 WHERE name = 'voucher/V'", "voucher/V: stored"},
        Tampering{"Transfer", "UPDATE transfer SET amount = amount + 1 WHERE event = 1", "budget/P: stored"},
        Tampering{"TransferAway", "DELETE FROM transfer WHERE event = 5 AND state = 1", "stored"},
        Tampering{"EventAway", "DELETE FROM event WHERE seq = 6", "the event has no id"},
        Tampering{"TransferToAnotherEvent", "UPDATE transfer SET event = 6 WHERE event = 1", "event ''"},
        Tampering{"AccountAway", "DELETE FROM account WHERE name = 'overrun' OR name = 'receivable/user/astro'", "the accounts with sums differ"},
        Tampering{"LienAway", "DELETE FROM lien", "the open liens differ"},
        Tampering{"LienLarger", "UPDATE lien SET amount = amount + 1", "stored, but not in the transfers"},
        Tampering{"LienMadeUp", "INSERT INTO lien SELECT 'X', debit, credit, 1 FROM lien", "lien X: stored"},
        Tampering{"ChargeCheaper", "UPDATE charge SET amount = amount - 1, by_self = by_self - 1", "revenue/cq/service: the transfers make"},
        Tampering{"ChargeAway", "DELETE FROM charge", "revenue/cq/service: the transfers make"},
        Tampering{"ChargeMovedToTheUser", "UPDATE charge SET by_voucher = by_voucher - 1, by_self = by_self + 1", "used/V: the transfers make"},
        Tampering{"ChargeUnposted", "UPDATE charge SET posted = 0", "revenue/cq/service: the transfers make"},
        Tampering{"ChargeOfAnotherVoucher", "UPDATE charge SET voucher = 'W'", "used/W: charges of 6.000000 are not in the transfers"},
        Tampering{"ApproverAway", "UPDATE event SET approver_uid = -1 WHERE seq = 2", "no second person approved it"},
        Tampering{"ApproverTheSame", "UPDATE event SET approver_uid = actor_uid WHERE seq = 1", "no second person approved it"}),
    [](const auto& row) { return row.param.name; });

TEST_F(BooksVerifyTest, BooksThatDontSumToZeroAreNotOpened) {
  by_hand("UPDATE account SET debits = debits + 1 WHERE name = 'voucher/V'");
  try {
    world.restart();
    FAIL() << "they were opened";
  } catch (const std::runtime_error& problem) {
    EXPECT_NE(std::string(problem.what()).find("does not sum to zero"), std::string::npos) << problem.what();
  }
}

}  // namespace
}  // namespace sluice::service
