// SPDX-License-Identifier: Apache-2.0
//
// The ledger: a deterministic state machine over two books.
//
// It reads no clock, does no I/O and draws no randomness. An event is checked,
// then applied, then stored by the caller; where storing fails the caller
// reverts it. One thread owns a Ledger; nothing here locks.

#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/ledger/event.hpp"

namespace sluice::ledger {

/// An open lien: `amount` set aside between two accounts.
struct Lien {
  std::string id;
  AccountRef debit;
  AccountRef credit;
  Money amount;
};

class Ledger {
 public:
  /// Refuses an event that breaks a rule, all checks before any change: positive
  /// amounts, one book per transfer, liens that exist and are resolved whole, and
  /// no purse that would owe at any step. Transfers count in their order.
  [[nodiscard]] Result<void> check(const Event& event) const;

  /// REQUIRES: check(event) was ok on this state.
  void apply(const Event& event);

  /// Undoes the event that was applied last; for the caller whose storage failed.
  void revert(const Event& event);

  [[nodiscard]] Balance balance(const AccountRef& account) const;
  [[nodiscard]] const Lien* lien(const std::string& id) const;
  [[nodiscard]] const std::unordered_map<std::string, Lien>& liens() const { return liens_; }
  [[nodiscard]] const std::unordered_map<AccountRef, Balance, AccountHash>& balances() const { return balances_; }

  /// Puts a stored state back: posted sums and open liens.
  void restore(const AccountRef& account, Money debits_posted, Money credits_posted);
  void restore(const Lien& lien);

  /// Debits less credits of a whole book; zero unless something is broken.
  [[nodiscard]] Money sum(Book book) const;

 private:
  [[nodiscard]] Failure refuse_empty(const AccountRef& purse) const;

  std::unordered_map<AccountRef, Balance, AccountHash> balances_;
  std::unordered_map<std::string, Lien> liens_;
};

/// The transfers of LEDGER.md's events. Pure.

[[nodiscard]] std::vector<Transfer> fund_transfers(const std::string& programme, Money amount);
[[nodiscard]] std::vector<Transfer> grant_transfers(const std::string& programme, const std::string& voucher_id, Money face);
[[nodiscard]] std::vector<Transfer> lien_transfers(const std::string& lien_id, const std::string& voucher_id, Money amount);
[[nodiscard]] std::vector<Transfer> void_transfers(const Lien& lien);

/// How a charge is borne. All amounts ≥ 0.
struct ChargeParts {
  std::string cluster;
  std::string account;
  std::string programme;   ///< of the voucher; unused where by_voucher is zero
  std::string voucher_id;
  Money by_voucher;
  Money by_self;
  Money overrun;
};
/// Mode `deduct`. `lien` may be null: then the voucher's part comes from what it has.
/// A lien is resolved whole: what the charge does not use is voided. `prepaid` is what
/// the account has paid in advance; it is used before a receivable arises.
[[nodiscard]] std::vector<Transfer> charge_transfers(const ChargeParts& parts, const Lien* lien, Money prepaid);

/// Takes back parts of a charge that the issuer was not yet asked for. An expired
/// voucher's part goes to lapsed/P.
[[nodiscard]] std::vector<Transfer> refund_transfers(const ChargeParts& parts, bool voucher_expired);

/// What is unused of a voucher goes back to the budget, or lapses.
[[nodiscard]] std::vector<Transfer> expire_transfers(const std::string& programme, const std::string& voucher_id,
                                                     Money available, bool to_budget);

}  // namespace sluice::ledger
