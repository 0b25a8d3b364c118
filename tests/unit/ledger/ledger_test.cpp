// SPDX-License-Identifier: Apache-2.0
//
// Goal: every event of the chart of accounts moves what it should, every rule can
// be broken by a test and breaking one changes nothing. Method: rows of events run
// one after the other, each with its outcome and the balances behind it.

#include "accounting/ledger/ledger.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <sstream>

#include "accounting/ledger/refusal.hpp"

namespace sluice::ledger {
namespace {

Money yuan(std::int64_t amount) { return {amount * 1'000'000}; }

Event event(std::string id, EventKind kind, std::vector<Transfer> transfers) {
  Event made;
  made.id = std::move(id);
  made.kind = kind;
  made.transfers = std::move(transfers);
  return made;
}

std::string attempt(Ledger& ledger, const Event& one) {
  const auto checked = ledger.check(one);
  if (!checked.ok()) return checked.failure().code;
  ledger.apply(one);
  return "ok";
}

ChargeParts parts(std::int64_t by_voucher, std::int64_t by_self, std::int64_t over) {
  return {"cq", "astro", "P", "V", yuan(by_voucher), yuan(by_self), yuan(over)};
}

/// "budget=0 available=55 liens=0 used=45 lapsed=0 owes=0 unclaimed=45 revenue=45 overrun=0", zeros left out.
std::string state(const Ledger& ledger) {
  std::ostringstream text;
  const auto add = [&](const char* name, Money amount) {
    if (amount.micro != 0) text << (text.tellp() > 0 ? " " : "") << name << "=" << amount.micro / 1'000'000;
  };
  add("budget", ledger.balance(budget("P")).available());
  add("available", ledger.balance(voucher("V")).available());
  add("liens", ledger.balance(voucher("V")).credits_pending);
  add("used", ledger.balance(used("V")).net());
  add("lapsed", ledger.balance(lapsed("P")).net());
  add("owes", ledger.balance(receivable_user("astro")).net());
  add("unclaimed", ledger.balance(receivable_unclaimed("P")).net());
  add("revenue", Money{-ledger.balance(revenue("cq")).net().micro});
  add("overrun", ledger.balance(overrun()).net());
  EXPECT_TRUE(ledger.sum(Book::entitlement).is_zero());
  EXPECT_TRUE(ledger.sum(Book::money).is_zero());
  return text.str();
}

/// A ledger with 100 yuan on voucher V, 20 in the budget and a lien of 60.
Ledger with_lien() {
  Ledger ledger;
  EXPECT_EQ(attempt(ledger, event("F", EventKind::fund, fund_transfers("P", yuan(120)))), "ok");
  EXPECT_EQ(attempt(ledger, event("G", EventKind::grant, grant_transfers("P", "V", yuan(100)))), "ok");
  EXPECT_EQ(attempt(ledger, event("L", EventKind::lien, lien_transfers("L1", "V", yuan(60)))), "ok");
  return ledger;
}

TEST(Ledger, FundGrantAndLienSetMoneyAside) {
  EXPECT_EQ(state(with_lien()), "budget=20 available=40 liens=60");
}

TEST(Ledger, AChargeResolvesItsLienWhole) {
  const struct {
    const char* what;
    ChargeParts parts;
    const char* outcome;
    const char* after;
  } rows[] = {
      {"less than the lien", parts(45, 0, 0), "ok", "budget=20 available=55 used=45 unclaimed=45 revenue=45"},
      {"as much as the lien", parts(60, 5, 0), "ok", "budget=20 available=40 used=60 owes=5 unclaimed=60 revenue=65"},
      {"more, from what the voucher has", parts(90, 0, 0), "ok", "budget=20 available=10 used=90 unclaimed=90 revenue=90"},
      {"all that the voucher has", parts(100, 1, 2), "ok", "budget=20 used=100 owes=1 unclaimed=100 revenue=103 overrun=2"},
      {"more than the voucher has", parts(101, 0, 0), "insufficient_balance", "budget=20 available=40 liens=60"},
      {"nothing of it", parts(0, 7, 0), "ok", "budget=20 available=100 owes=7 revenue=7"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    Ledger ledger = with_lien();
    EXPECT_EQ(attempt(ledger, event("C", EventKind::charge, charge_transfers(row.parts, ledger.lien("L1"), {}))), row.outcome);
    EXPECT_EQ(state(ledger), row.after);
    EXPECT_EQ(ledger.lien("L1") == nullptr, std::string(row.outcome) == "ok");
  }
}

TEST(Ledger, AChargeNeedsNoLien) {
  Ledger ledger = with_lien();
  EXPECT_EQ(attempt(ledger, event("C1", EventKind::charge, charge_transfers(parts(40, 0, 0), nullptr, {}))), "ok");
  EXPECT_EQ(state(ledger), "budget=20 liens=60 used=40 unclaimed=40 revenue=40");
  // What is set aside for one job can't be taken by another.
  EXPECT_EQ(attempt(ledger, event("C2", EventKind::charge, charge_transfers(parts(1, 0, 0), nullptr, {}))), "insufficient_balance");
}

TEST(Ledger, WhatWasPaidInAdvanceIsUsedFirst) {
  Ledger ledger = with_lien();
  // 10 yuan in advance: a credit of advance_user, here against revenue for the test's sake.
  EXPECT_EQ(attempt(ledger, event("A", EventKind::charge, {{overrun(), advance_user("astro"), yuan(10), TransferState::posted, {}}})), "ok");
  EXPECT_EQ(attempt(ledger, event("C", EventKind::charge, charge_transfers(parts(0, 25, 0), nullptr, yuan(10)))), "ok");
  EXPECT_EQ(ledger.balance(receivable_user("astro")).net(), yuan(15));
  EXPECT_TRUE(ledger.balance(advance_user("astro")).net().is_zero());
}

TEST(Ledger, VoidRefundAndExpireGiveBack) {
  Ledger ledger = with_lien();
  EXPECT_EQ(attempt(ledger, event("V", EventKind::void_lien, void_transfers(*ledger.lien("L1")))), "ok");
  EXPECT_EQ(state(ledger), "budget=20 available=100");
  EXPECT_EQ(attempt(ledger, event("C", EventKind::charge, charge_transfers(parts(50, 10, 4), nullptr, {}))), "ok");
  EXPECT_EQ(attempt(ledger, event("R1", EventKind::refund, refund_transfers(parts(20, 5, 1), false))), "ok");
  EXPECT_EQ(state(ledger), "budget=20 available=70 used=30 owes=5 unclaimed=30 revenue=38 overrun=3");
  EXPECT_EQ(attempt(ledger, event("R2", EventKind::refund, refund_transfers(parts(10, 0, 0), true))), "ok");
  EXPECT_EQ(state(ledger), "budget=20 available=70 used=20 lapsed=10 owes=5 unclaimed=20 revenue=28 overrun=3");
  EXPECT_EQ(attempt(ledger, event("X1", EventKind::expire, expire_transfers("P", "V", yuan(50), true))), "ok");
  EXPECT_EQ(attempt(ledger, event("X2", EventKind::expire, expire_transfers("P", "V", yuan(20), false))), "ok");
  EXPECT_EQ(state(ledger), "budget=70 used=20 lapsed=30 owes=5 unclaimed=20 revenue=28 overrun=3");
}

TEST(Ledger, EveryRefusalIsReachableAndLeavesNoTrace) {
  const Transfer good{used("V"), voucher("V"), yuan(1), TransferState::posted, {}};
  const auto with = [&](auto&& change) {
    Transfer one = good;
    change(one);
    return std::vector<Transfer>{one};
  };
  const Money most{std::numeric_limits<std::int64_t>::max()};
  const Transfer settle{used("V"), voucher("V"), yuan(60), TransferState::settled, "L1"};
  const struct {
    Refusal refusal;
    std::string id;
    std::vector<Transfer> transfers;
  } rows[] = {
      {Refusal::id_missing, "", {good}},
      {Refusal::amount_not_positive, "E", with([](auto& t) { t.amount = {0}; })},
      {Refusal::amount_not_positive, "E", with([](auto& t) { t.amount = {-1}; })},
      {Refusal::accounts_equal, "E", with([](auto& t) { t.debit = t.credit; })},
      {Refusal::books_differ, "E", with([](auto& t) { t.debit = overrun(); })},
      {Refusal::lien_exists, "E", lien_transfers("L1", "V", yuan(1))},
      {Refusal::lien_exists, "E", lien_transfers("", "V", yuan(1))},
      {Refusal::lien_exists, "E", {lien_transfers("L2", "V", yuan(1))[0], lien_transfers("L2", "V", yuan(1))[0]}},
      {Refusal::lien_not_found, "E", with([](auto& t) { t.state = TransferState::settled; t.lien = "L9"; })},
      {Refusal::lien_not_found, "E", with([](auto& t) { t.state = TransferState::voided; t.lien = "L1"; t.credit = voucher("W"); })},
      {Refusal::lien_not_found, "E", with([](auto& t) { t.lien = "L1"; })},
      {Refusal::lien_not_resolved_whole, "E", with([](auto& t) { t.state = TransferState::settled; t.lien = "L1"; })},
      {Refusal::lien_not_resolved_whole, "E", with([](auto& t) { t.state = TransferState::settled; t.lien = "L1"; t.amount = yuan(61); })},
      {Refusal::lien_not_resolved_whole, "E", {settle, settle}},
      {Refusal::amount_overflow, "E", {{budget("P"), issuer("P"), most, TransferState::posted, {}}}},
      {Refusal::insufficient_budget, "E", grant_transfers("P", "W", yuan(21))},
      {Refusal::insufficient_budget, "E", grant_transfers("nobody", "W", Money{1})},
      {Refusal::insufficient_balance, "E", lien_transfers("L2", "V", yuan(41))},
      {Refusal::insufficient_balance, "E", expire_transfers("P", "V", yuan(41), true)},
      {Refusal::insufficient_balance, "E", {lien_transfers("L2", "V", yuan(30))[0], lien_transfers("L3", "V", yuan(30))[0]}},
      // Borrowing within an event is refused too: the order counts.
      {Refusal::insufficient_balance, "E", {{used("V"), voucher("V"), yuan(50), TransferState::posted, {}}, {voucher("V"), budget("P"), yuan(15), TransferState::posted, {}}}},
      {Refusal::refund_above_use, "E", refund_transfers(parts(1, 0, 0), false)},
  };
  std::set<Refusal> reached;
  for (const auto& row : rows) {
    SCOPED_TRACE(name_of(row.refusal));
    Ledger ledger = with_lien();
    const std::string before = state(ledger);
    EXPECT_EQ(attempt(ledger, event(row.id, EventKind::charge, row.transfers)), name_of(row.refusal));
    EXPECT_EQ(state(ledger), before);
    EXPECT_EQ(ledger.liens().size(), 1u);
    reached.insert(row.refusal);
  }
  for (int number = 1; number <= 11; ++number) EXPECT_TRUE(reached.contains(static_cast<Refusal>(number))) << number;
  EXPECT_STREQ(name_of(static_cast<Refusal>(12)), "unknown_refusal") << "a new refusal needs a row";
}

TEST(Ledger, OnlyAnEmptyPurseMayFillAgain) {
  for (int number = 1; number <= 11; ++number) {
    const auto one = static_cast<Refusal>(number);
    EXPECT_EQ(is_transient(one), one == Refusal::insufficient_budget || one == Refusal::insufficient_balance) << name_of(one);
  }
}

TEST(Ledger, RevertIsTheInverseOfApply) {
  const Ledger start = with_lien();
  Ledger ledger = start;
  std::vector<Transfer> renewed = charge_transfers(parts(45, 3, 0), ledger.lien("L1"), {});
  renewed.push_back(lien_transfers("L2", "V", yuan(30))[0]);
  const Event charge = event("C", EventKind::charge, renewed);
  ASSERT_EQ(attempt(ledger, charge), "ok");
  EXPECT_EQ(ledger.lien("L2")->amount, yuan(30));
  ledger.revert(charge);
  EXPECT_EQ(state(ledger), state(start));
  ASSERT_NE(ledger.lien("L1"), nullptr);
  EXPECT_EQ(ledger.lien("L1")->amount, yuan(60));
  EXPECT_EQ(ledger.lien("L2"), nullptr);
}

TEST(Ledger, RestoredStateIsTheSame) {
  const Ledger ledger = with_lien();
  Ledger again;
  for (const auto& [account, balance] : ledger.balances()) again.restore(account, balance.debits_posted, balance.credits_posted);
  for (const auto& [id, lien] : ledger.liens()) again.restore(lien);
  EXPECT_EQ(state(again), state(ledger));
  for (const auto& [account, balance] : ledger.balances()) EXPECT_EQ(again.balance(account), balance) << account.name;
}

TEST(Ledger, EventKindsHaveNames) {
  for (int kind = 1; kind <= 8; ++kind) EXPECT_STRNE(name_of(static_cast<EventKind>(kind)), "unknown");
  EXPECT_STREQ(name_of(static_cast<EventKind>(9)), "unknown");
}

}  // namespace
}  // namespace sluice::ledger
