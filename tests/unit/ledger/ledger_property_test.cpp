// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever is asked of a ledger in whatever order, its books sum to zero, no
// purse owes, nothing of a grant is lost, and what is reverted never was. Method:
// random events against a ledger, every invariant after every step; the seed that
// fails is printed and replays it.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "accounting/ledger/ledger.hpp"

namespace sluice::ledger {
namespace {

constexpr int voucher_count = 3;
const std::string programmes[] = {"P", "Q"};

struct Ask {
  int kind;
  int voucher;
  int lien;
  std::int64_t amount;
  std::int64_t self;
  bool flag;
};

rc::Gen<Ask> any_ask() {
  return rc::gen::build<Ask>(rc::gen::set(&Ask::kind, rc::gen::inRange(0, 8)), rc::gen::set(&Ask::voucher, rc::gen::inRange(0, voucher_count)),
                             rc::gen::set(&Ask::lien, rc::gen::inRange(0, 6)), rc::gen::set(&Ask::amount, rc::gen::inRange<std::int64_t>(-1, 200)),
                             rc::gen::set(&Ask::self, rc::gen::inRange<std::int64_t>(0, 50)), rc::gen::set(&Ask::flag));
}

Event event_of(const Ledger& ledger, const Ask& ask, int number) {
  const std::string v = "V" + std::to_string(ask.voucher);
  const std::string& p = programmes[ask.voucher % 2];
  const std::string lien_id = "L" + std::to_string(ask.lien);
  const Money amount{ask.amount};
  const ChargeParts parts{"cq", "astro", p, v, amount, {ask.self}, {ask.self / 2}};
  Event event;
  event.id = "E" + std::to_string(number);
  const Lien* lien = ledger.lien(lien_id);
  // A charge by a lien of another voucher would not be made by anybody.
  if (lien != nullptr && lien->credit != voucher(v)) lien = nullptr;
  switch (ask.kind) {
    case 0: event.transfers = fund_transfers(p, amount); break;
    case 1: event.transfers = grant_transfers(p, v, amount); break;
    case 2: event.transfers = lien_transfers(lien_id, v, amount); break;
    case 3:
      if (lien != nullptr) event.transfers = void_transfers(*lien);
      break;
    case 4: event.transfers = charge_transfers(parts, lien, {ask.flag ? 10 : 0}); break;
    case 5: event.transfers = refund_transfers(parts, ask.flag); break;
    case 6: event.transfers = expire_transfers(p, v, amount, ask.flag); break;
    default:
      // A task of an array: charged, and what can still run is set aside again.
      event.transfers = charge_transfers(parts, lien, {});
      event.transfers.push_back({used(v), voucher(v), amount, TransferState::pending, lien_id + "+" + std::to_string(number)});
  }
  return event;
}

void expect_sound(const Ledger& ledger, const std::map<std::string, Money>& granted) {
  RC_ASSERT(ledger.sum(Book::entitlement).is_zero());
  RC_ASSERT(ledger.sum(Book::money).is_zero());
  std::map<AccountRef, Money> pending;
  for (const auto& [id, lien] : ledger.liens()) {
    RC_ASSERT(lien.amount.micro > 0);
    pending[lien.credit] = pending[lien.credit] + lien.amount;
  }
  for (const auto& [account, balance] : ledger.balances()) {
    if (is_purse(account)) RC_ASSERT(balance.available().micro >= 0);
    RC_ASSERT(balance.credits_pending == pending[account]);
  }
  // granted = available + liened + used + lapsed or returned
  for (int i = 0; i < voucher_count; ++i) {
    const std::string v = "V" + std::to_string(i);
    const Balance purse = ledger.balance(voucher(v));
    const auto gone = granted.find(v + "/gone");
    const Money returned = gone == granted.end() ? Money{} : gone->second;
    const auto given = granted.find(v);
    const Money total = given == granted.end() ? Money{} : given->second;
    RC_ASSERT(total == purse.available() + purse.credits_pending + ledger.balance(used(v)).net() + returned);
  }
  // unclaimed(P) = Σ used(V of P)
  for (int p = 0; p < 2; ++p) {
    Money spent;
    for (int i = p; i < voucher_count; i += 2) spent = spent + ledger.balance(used("V" + std::to_string(i))).net();
    RC_ASSERT(ledger.balance(receivable_unclaimed(programmes[p])).net() == spent);
  }
}

void note_grants(const Event& event, std::map<std::string, Money>& granted) {
  for (const auto& transfer : event.transfers) {
    const auto is = [](const AccountRef& a, const char* prefix) { return a.name.rfind(prefix, 0) == 0; };
    const auto add = [&](const std::string& key) { granted[key] = granted[key] + transfer.amount; };
    if (is(transfer.debit, "voucher/") && is(transfer.credit, "budget/")) add(transfer.debit.name.substr(8));
    if (is(transfer.credit, "voucher/") && (is(transfer.debit, "budget/") || is(transfer.debit, "lapsed/"))) add(transfer.credit.name.substr(8) + "/gone");
    if (is(transfer.credit, "used/") && is(transfer.debit, "lapsed/")) add(transfer.credit.name.substr(5) + "/gone");
  }
}

RC_GTEST_PROP(LedgerProperty, InvariantsHoldAfterEveryStep, ()) {
  const auto asks = *rc::gen::container<std::vector<Ask>>(rc::gen::scale(3.0, any_ask()));
  Ledger ledger;
  std::map<std::string, Money> granted;
  // So that most asks find something to act on.
  ledger.apply(event_of(ledger, {0, 0, 0, 500, 0, false}, -1));
  ledger.apply(event_of(ledger, {0, 1, 0, 500, 0, false}, -2));
  int number = 0;
  int done = 0;
  for (const Ask& ask : asks) {
    const Event event = event_of(ledger, ask, ++number);
    const auto checked = ledger.check(event);
    if (checked.ok()) {
      const Ledger before = ledger;
      ledger.apply(event);
      ledger.revert(event);
      for (const auto& [account, balance] : ledger.balances()) RC_ASSERT(before.balance(account) == balance);
      RC_ASSERT(ledger.liens().size() == before.liens().size());
      for (const auto& [id, lien] : before.liens()) RC_ASSERT(ledger.lien(id) != nullptr && ledger.lien(id)->amount == lien.amount);
      ledger.apply(event);
      note_grants(event, granted);
      ++done;
    }
    expect_sound(ledger, granted);
  }
  RC_CLASSIFY(done > 20, "more than 20 events applied");
}

}  // namespace
}  // namespace sluice::ledger
