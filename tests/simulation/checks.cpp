// SPDX-License-Identifier: Apache-2.0
//
// Centre: the model against the tables, and against what the books say of themselves.

#include <algorithm>
#include <cstdlib>

#include "tests/simulation/centre.hpp"

namespace sluice::simulation {
namespace {

using ledger::Book;

/// What an account must hold: debits less credits, and what is set aside on either side.
struct Due {
  Micro net = 0;
  Micro debits_pending = 0;
  Micro credits_pending = 0;
};

void compare(const Tables& tables, Book book, const std::string& name, const Due& due) {
  const auto found = tables.accounts.find({book, name});
  const Tables::Sums sums = found == tables.accounts.end() ? Tables::Sums{} : found->second;
  const Micro net = sums.debits - sums.credits;
  if (net == due.net && sums.debits_pending == due.debits_pending && sums.credits_pending == due.credits_pending) return;
  fail(name + " holds " + text_of(net) + " (liens " + text_of(sums.debits_pending) + " in, " + text_of(sums.credits_pending) + " out), due is " +
       text_of(due.net) + " (" + text_of(due.debits_pending) + ", " + text_of(due.credits_pending) + ")");
}

const char* name_of(Voucher::State state) {
  switch (state) {
    case Voucher::State::active: return "active";
    case Voucher::State::suspended: return "suspended";
    case Voucher::State::expired: return "expired";
    case Voucher::State::revoked: return "revoked";
  }
  return "";
}

}  // namespace

std::string text_of(Micro amount) {
  const Micro size = amount < 0 ? -amount : amount;
  std::string decimals = std::to_string(size % 1'000'000);
  decimals.insert(0, 6 - decimals.size(), '0');
  return (amount < 0 ? "-" : "") + std::to_string(size / 1'000'000) + "." + decimals;
}

Micro micro_of(const std::string& text) {
  const auto point = text.find('.');
  const bool negative = text.starts_with('-');
  const Micro whole = std::llabs(std::atoll(text.substr(0, point).c_str()));
  const Micro size = whole * 1'000'000 + std::atoll(text.substr(point + 1).c_str());
  return negative ? -size : size;
}

void Centre::compare_voucher(const std::string& id) const {
  const Voucher& v = state().vouchers.at(id);
  compare(storage_.tables(), Book::entitlement, "voucher/" + id, {v.available + v.liened, 0, v.liened});
  compare(storage_.tables(), Book::entitlement, "used/" + id, {v.used, v.liened, 0});
  require(v.available >= 0 && v.liened >= 0 && v.used >= 0 && v.gone >= 0, "a purse owes");
  require(v.face == v.available + v.liened + v.used + v.gone, "what was granted is not where it went");
}

void Centre::compare_programme(const std::string& id) const {
  const Programme& p = state().programmes.at(id);
  Micro held = 0;
  Micro used = 0;
  for (const auto& [voucher_id, v] : state().vouchers) {
    if (v.programme != id) continue;
    held += v.available + v.liened + v.used;
    used += v.used;
  }
  compare(storage_.tables(), Book::entitlement, "issuer/" + id, {-p.funded});
  compare(storage_.tables(), Book::entitlement, "budget/" + id, {p.budget});
  compare(storage_.tables(), Book::entitlement, "lapsed/" + id, {p.lapsed});
  compare(storage_.tables(), Book::money, "receivable/issuer/" + id + "/unclaimed", {used});
  require(p.budget >= 0 && p.funded == p.budget + held + p.lapsed, "what was funded is not where it went");
}

void Centre::compare_account(const std::string& name) const {
  const auto owes = state().owes.find(name);
  compare(storage_.tables(), Book::money, "receivable/user/" + name, {owes == state().owes.end() ? 0 : owes->second});
}

void Centre::compare_admission(const std::string& id) const {
  const Admission& a = state().admissions.at(id);
  const auto row = storage_.tables().admissions.find(id);
  if (row == storage_.tables().admissions.end() || row->second->open != a.open) fail("admission " + id + " is not stored as it should be");
  const auto lien = storage_.tables().liens.find(id + "." + std::to_string(a.lien_number));
  const Micro held = lien == storage_.tables().liens.end() ? 0 : lien->second.amount.micro;
  if (held != a.lien) fail("admission " + id + " holds a lien of " + text_of(held) + ", due is " + text_of(a.lien));
  require(a.open || a.lien == 0, "a lien without an open admission");
}

void Centre::compare_touched() {
  // Admissions that wait to be placed are not in the tables yet.
  if (storage_.has_waiting()) return;
  for (const std::string& id : touched_vouchers_) {
    if (!state().vouchers.contains(id)) continue;  // its grant was lost with a machine
    compare_voucher(id);
    touch_programme(state().vouchers.at(id).programme);
  }
  for (const std::string& id : touched_programmes_) compare_programme(id);
  for (const std::string& name : touched_accounts_) compare_account(name);
  for (const std::string& id : touched_admissions_) compare_admission(id);
  compare(storage_.tables(), Book::money, std::string("revenue/") + cluster_name + "/service", {-state().revenue});
  compare(storage_.tables(), Book::money, "overrun", {state().overrun});
  forget_touched();
}

void Centre::forget_touched() {
  touched_vouchers_.clear();
  touched_programmes_.clear();
  touched_accounts_.clear();
  touched_admissions_.clear();
}

void Centre::compare_all() const {
  if (storage_.has_waiting()) return;
  const Tables& tables = storage_.tables();
  std::map<Book, Micro> sums;
  for (const auto& [account, held] : tables.accounts) sums[account.book] += held.debits - held.credits;
  for (const auto& [book, sum] : sums) require(sum == 0, "a book does not sum to zero");
  for (const auto& [id, v] : state().vouchers) compare_voucher(id);
  for (const auto& [id, p] : state().programmes) compare_programme(id);
  for (const std::string& name : accounts_) compare_account(name);
  std::size_t liens = 0;
  for (const auto& [id, a] : state().admissions) {
    compare_admission(id);
    liens += a.lien > 0 ? 1 : 0;
  }
  // Nothing is stored that the model knows nothing of.
  require(tables.admissions.size() == state().admissions.size() && tables.liens.size() == liens, "there are admissions or liens too many");
  require(tables.charges.size() == state().charges.size(), "there are charges too many, or some are gone");
  for (const auto& [key, charge] : state().charges) {
    const auto row = tables.charges.find(key);
    if (row == tables.charges.end() || row->second->amount.micro != charge.bill.amount || row->second->rated != charge.bill.rated) fail("charge " + key + " is not stored as it should be");
  }
  // issuer, budget, lapsed and unclaimed of each programme, two of each voucher, the money's others.
  const std::size_t accounts_max = state().programmes.size() * 4 + state().vouchers.size() * 2 + accounts_.size() + 2;
  require(tables.accounts.size() <= accounts_max, "there are accounts too many");
  for (const auto& [id, content] : state().requests) {
    if (!tables.objects.contains({"request", id})) fail("the answer to request " + id + " is gone");
  }
}

void Centre::compare_views(const std::string& account) {
  const auto view = books_->view_balance({7004, "auditor"}, account, facts_, now_);
  if (!view.ok()) fail("view_balance: " + view.failure().text);
  const auto& shown = view->at("accounts").at(0);
  const auto owes = state().owes.find(account);
  if (micro_of(shown.at("owes")) != (owes == state().owes.end() ? 0 : owes->second)) fail("the books say that account " + account + " owes " + shown.at("owes").get<std::string>());
  std::size_t vouchers = 0;
  for (const auto& one : view->at("vouchers")) {
    const std::string id = one.at("id");
    ++vouchers;
    const auto known = state().vouchers.find(id);
    if (known == state().vouchers.end()) fail("the books have a voucher " + id);
    const Voucher& v = known->second;
    if (micro_of(one.at("available")) != v.available || micro_of(one.at("liens")) != v.liened || micro_of(one.at("used")) != v.used || one.at("state") != name_of(v.state)) {
      fail("the books say " + one.dump() + ", due is available " + text_of(v.available) + ", liens " + text_of(v.liened) + ", used " + text_of(v.used) + ", " + name_of(v.state));
    }
  }
  const auto due = std::count_if(state().vouchers.begin(), state().vouchers.end(), [&](const auto& entry) { return entry.second.account == account; });
  require(vouchers == static_cast<std::size_t>(due), "the books have lost a voucher");
  const auto counts = books_->counts();
  const auto liens = std::count_if(state().open.begin(), state().open.end(), [&](const auto& id) { return state().admissions.at(id).lien > 0; });
  require(counts.at("open_admissions") == state().open.size() && counts.at("open_liens") == liens, "the books have other admissions or liens open");
}

void Centre::compare_all_views() {
  all_views_ = false;
  for (const std::string& account : accounts_) compare_views(account);
  for (const auto& [id, p] : state().programmes) {
    const auto view = books_->view_programme(id, now_);
    if (!view.ok() || micro_of(view->at("budget_left")) != p.budget || micro_of(view->at("funded")) != p.funded) fail("the books show programme " + id + " otherwise");
  }
  const auto pending = std::count_if(state().proposals.begin(), state().proposals.end(), [](const auto& entry) { return entry.second.state == "pending"; });
  require(books_->counts().at("pending_proposals") == pending, "the books have other proposals pending");
}

}  // namespace sluice::simulation
