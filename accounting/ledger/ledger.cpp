// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/ledger.hpp"

#include <algorithm>
#include <string_view>

#include "accounting/core/check.hpp"
#include "accounting/ledger/refusal.hpp"

namespace sluice::ledger {
namespace {

/// Adds a transfer to its two balances; `sign` −1 takes it back.
void post(Balance& debit, Balance& credit, const Transfer& transfer, int sign) {
  const Money amount{sign * transfer.amount.micro};
  switch (transfer.state) {
    case TransferState::posted:
      debit.debits_posted = debit.debits_posted + amount;
      credit.credits_posted = credit.credits_posted + amount;
      return;
    case TransferState::pending:
      debit.debits_pending = debit.debits_pending + amount;
      credit.credits_pending = credit.credits_pending + amount;
      return;
    case TransferState::settled:
      debit.debits_pending = debit.debits_pending - amount;
      credit.credits_pending = credit.credits_pending - amount;
      debit.debits_posted = debit.debits_posted + amount;
      credit.credits_posted = credit.credits_posted + amount;
      return;
    case TransferState::voided:
      debit.debits_pending = debit.debits_pending - amount;
      credit.credits_pending = credit.credits_pending - amount;
      return;
  }
}

/// Would adding `amount` to any sum of either account overflow?
bool overflows(const Balance& debit, const Balance& credit, Money amount) {
  const auto wide = [&](Money a, Money b) {
    const auto sum = checked_add(a, b);
    return !sum || !checked_add(*sum, amount);
  };
  return wide(debit.debits_posted, debit.debits_pending) || wide(credit.credits_posted, credit.credits_pending);
}

}  // namespace

const char* name_of(EventKind kind) {
  switch (kind) {
    case EventKind::fund: return "fund";
    case EventKind::grant: return "grant";
    case EventKind::lien: return "lien";
    case EventKind::void_lien: return "void_lien";
    case EventKind::charge: return "charge";
    case EventKind::refund: return "refund";
    case EventKind::expire: return "expire";
    case EventKind::revoke: return "revoke";
  }
  return "unknown";
}

Failure Ledger::refuse_empty(const AccountRef& purse) const {
  const std::string has = format_money(std::max(Money{}, balance(purse).available()));
  if (purse.name.rfind("budget/", 0) == 0) return refuse(Refusal::insufficient_budget, purse.name + " has " + has + " left");
  if (purse.name.rfind("used/", 0) == 0) {
    return refuse(Refusal::refund_above_use, purse.name + " holds " + has + ", less than that");
  }
  return refuse(Refusal::insufficient_balance, purse.name + " has " + has + " available");
}

Result<void> Ledger::check(const Event& event) const {
  if (event.id.empty()) return refuse(Refusal::id_missing, "the event has no id");
  // An event has a handful of transfers: lists, not indexes.
  std::vector<std::pair<const AccountRef*, Balance>> touched;
  touched.reserve(2 * event.transfers.size());  // references to it are kept
  const auto at = [&](const AccountRef& account) -> Balance& {
    const auto known = std::find_if(touched.begin(), touched.end(), [&](const auto& one) { return *one.first == account; });
    return known != touched.end() ? known->second : touched.emplace_back(&account, balance(account)).second;
  };
  std::vector<std::string_view> opened;                 // liens of this event
  std::vector<std::pair<const Lien*, Money>> resolved;  // how much of each older lien this event resolves
  const auto resolved_of = [&](const Lien* lien) -> Money& {
    const auto known = std::find_if(resolved.begin(), resolved.end(), [&](const auto& one) { return one.first == lien; });
    return known != resolved.end() ? known->second : resolved.emplace_back(lien, Money{}).second;
  };
  for (const Transfer& transfer : event.transfers) {
    if (transfer.amount.micro <= 0) {
      return refuse(Refusal::amount_not_positive, "a transfer of " + format_money(transfer.amount) + " is not above zero");
    }
    if (transfer.debit == transfer.credit) {
      return refuse(Refusal::accounts_equal, transfer.debit.name + " can't be both sides of a transfer");
    }
    if (transfer.debit.book != transfer.credit.book) {
      return refuse(Refusal::books_differ, transfer.debit.name + " and " + transfer.credit.name + " stand in different books");
    }
    if (transfer.state == TransferState::pending) {
      const bool opened_twice = std::find(opened.begin(), opened.end(), transfer.lien) != opened.end();
      if (transfer.lien.empty() || liens_.contains(transfer.lien) || opened_twice) {
        return refuse(Refusal::lien_exists, "lien '" + transfer.lien + "' exists already");
      }
      opened.push_back(transfer.lien);
    }
    if (transfer.state == TransferState::posted && !transfer.lien.empty()) {
      return refuse(Refusal::lien_not_found, "a posted transfer has no lien; settle '" + transfer.lien + "' instead");
    }
    if (resolves(transfer.state)) {
      const Lien* open = lien(transfer.lien);
      if (open == nullptr || open->debit != transfer.debit || open->credit != transfer.credit) {
        return refuse(Refusal::lien_not_found, "lien '" + transfer.lien + "' is not open between these accounts");
      }
      Money& resolved_now = resolved_of(open);
      const auto sum = checked_add(resolved_now, transfer.amount);
      if (!sum || *sum > open->amount) {
        return refuse(Refusal::lien_not_resolved_whole, "lien '" + transfer.lien + "' holds less than that");
      }
      resolved_now = *sum;
    }
    Balance& debit = at(transfer.debit);
    Balance& credit = at(transfer.credit);
    if (!resolves(transfer.state) && overflows(debit, credit, transfer.amount)) {
      return refuse(Refusal::amount_overflow, "an account can't hold that much");
    }
    post(debit, credit, transfer, 1);
    // After each transfer, as the storage's own check sees them, not only at the end.
    if (is_purse(transfer.credit) && !resolves(transfer.state) && credit.available().is_negative()) {
      return refuse_empty(transfer.credit);
    }
  }
  for (const auto& [open, amount] : resolved) {
    if (amount != open->amount) {
      return refuse(Refusal::lien_not_resolved_whole, "lien '" + open->id + "' would stay open in part");
    }
  }
  return {};
}

void Ledger::apply(const Event& event) {
  for (const Transfer& transfer : event.transfers) {
    post(balances_[transfer.debit], balances_[transfer.credit], transfer, 1);
    if (transfer.state == TransferState::pending) {
      liens_[transfer.lien] = {transfer.lien, transfer.debit, transfer.credit, transfer.amount};
    } else if (resolves(transfer.state)) {
      liens_.erase(transfer.lien);
    }
  }
}

void Ledger::revert(const Event& event) {
  for (auto it = event.transfers.rbegin(); it != event.transfers.rend(); ++it) {
    const Transfer& transfer = *it;
    post(balances_[transfer.debit], balances_[transfer.credit], transfer, -1);
    if (transfer.state == TransferState::pending) {
      liens_.erase(transfer.lien);
    } else if (resolves(transfer.state)) {
      Lien& lien = liens_.try_emplace(transfer.lien, Lien{transfer.lien, transfer.debit, transfer.credit, {}}).first->second;
      lien.amount = lien.amount + transfer.amount;
    }
  }
}

Balance Ledger::balance(const AccountRef& account) const {
  const auto found = balances_.find(account);
  return found == balances_.end() ? Balance{} : found->second;
}

const Lien* Ledger::lien(const std::string& id) const {
  const auto found = liens_.find(id);
  return found == liens_.end() ? nullptr : &found->second;
}

void Ledger::restore(const AccountRef& account, Money debits_posted, Money credits_posted) {
  Balance& balance = balances_[account];
  balance.debits_posted = debits_posted;
  balance.credits_posted = credits_posted;
}

void Ledger::restore(const Lien& lien) {
  SLUICE_CHECK(liens_.emplace(lien.id, lien).second, "a stored lien is unique");
  post(balances_[lien.debit], balances_[lien.credit],
       {lien.debit, lien.credit, lien.amount, TransferState::pending, lien.id}, 1);
}

Money Ledger::sum(Book book) const {
  Money sum;
  for (const auto& [account, balance] : balances_) {
    if (account.book == book) sum = sum + balance.net();
  }
  return sum;
}

std::vector<Transfer> fund_transfers(const std::string& programme, Money amount) {
  return {{budget(programme), issuer(programme), amount, TransferState::posted, {}}};
}

std::vector<Transfer> grant_transfers(const std::string& programme, const std::string& voucher_id, Money face) {
  return {{voucher(voucher_id), budget(programme), face, TransferState::posted, {}}};
}

std::vector<Transfer> lien_transfers(const std::string& lien_id, const std::string& voucher_id, Money amount) {
  return {{used(voucher_id), voucher(voucher_id), amount, TransferState::pending, lien_id}};
}

std::vector<Transfer> void_transfers(const Lien& lien) {
  return {{lien.debit, lien.credit, lien.amount, TransferState::voided, lien.id}};
}

std::vector<Transfer> charge_transfers(const ChargeParts& parts, const Lien* lien, Money prepaid) {
  std::vector<Transfer> transfers;
  const auto add = [&](AccountRef debit, AccountRef credit, Money amount, TransferState state, const std::string& id) {
    if (amount.micro > 0) transfers.push_back({std::move(debit), std::move(credit), amount, state, id});
  };
  Money from_balance = parts.by_voucher;
  if (lien != nullptr) {
    const Money settled = std::min(lien->amount, parts.by_voucher);
    add(lien->debit, lien->credit, settled, TransferState::settled, lien->id);
    add(lien->debit, lien->credit, lien->amount - settled, TransferState::voided, lien->id);
    from_balance = parts.by_voucher - settled;
  }
  add(used(parts.voucher_id), voucher(parts.voucher_id), from_balance, TransferState::posted, {});
  const AccountRef earned = revenue(parts.cluster);
  const Money from_advance = std::clamp(prepaid, Money{}, parts.by_self);
  add(receivable_unclaimed(parts.programme), earned, parts.by_voucher, TransferState::posted, {});
  add(advance_user(parts.account), earned, from_advance, TransferState::posted, {});
  add(receivable_user(parts.account), earned, parts.by_self - from_advance, TransferState::posted, {});
  add(overrun(), earned, parts.overrun, TransferState::posted, {});
  return transfers;
}

std::vector<Transfer> refund_transfers(const ChargeParts& parts, bool voucher_expired) {
  std::vector<Transfer> transfers;
  const auto add = [&](AccountRef debit, AccountRef credit, Money amount) {
    if (amount.micro > 0) transfers.push_back({std::move(debit), std::move(credit), amount, TransferState::posted, {}});
  };
  const AccountRef earned = revenue(parts.cluster);
  add(voucher_expired ? lapsed(parts.programme) : voucher(parts.voucher_id), used(parts.voucher_id), parts.by_voucher);
  add(earned, receivable_unclaimed(parts.programme), parts.by_voucher);
  add(earned, receivable_user(parts.account), parts.by_self);
  add(earned, overrun(), parts.overrun);
  return transfers;
}

std::vector<Transfer> expire_transfers(const std::string& programme, const std::string& voucher_id, Money available,
                                       bool to_budget) {
  return {{to_budget ? budget(programme) : lapsed(programme), voucher(voucher_id), available, TransferState::posted, {}}};
}

}  // namespace sluice::ledger
