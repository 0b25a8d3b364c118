// SPDX-License-Identifier: Apache-2.0
//
// The chart of accounts: two books whose accounts are named, never numbered, so
// that a journal can be read by eye. Pure.

#pragma once

#include <compare>
#include <functional>
#include <string>

#include "accounting/core/money.hpp"

namespace sluice::ledger {

/// Entitlement: what the issuer promised. Money: what the centre earns and is owed.
/// A transfer never leaves its book. The numbers are part of the stored format.
enum class Book : int { entitlement = 1, money = 2 };

struct AccountRef {
  Book book = Book::entitlement;
  std::string name;
  friend auto operator<=>(const AccountRef&, const AccountRef&) = default;
};

/// E accounts, by programme or voucher.
[[nodiscard]] AccountRef issuer(const std::string& programme);
[[nodiscard]] AccountRef budget(const std::string& programme);
[[nodiscard]] AccountRef lapsed(const std::string& programme);
[[nodiscard]] AccountRef voucher(const std::string& id);
[[nodiscard]] AccountRef used(const std::string& voucher_id);

/// M accounts, by Slurm account, programme or cluster.
[[nodiscard]] AccountRef receivable_user(const std::string& account);
[[nodiscard]] AccountRef advance_user(const std::string& account);
[[nodiscard]] AccountRef receivable_unclaimed(const std::string& programme);
[[nodiscard]] AccountRef revenue(const std::string& cluster);
[[nodiscard]] AccountRef overrun();

/// True for accounts that may never owe: budget, voucher and used. What they hold
/// is debits less credits, pending credits counted as gone.
[[nodiscard]] bool is_purse(const AccountRef& account);

/// Sums of an account. Pending sums are liens that are still open.
struct Balance {
  Money debits_posted;
  Money credits_posted;
  Money debits_pending;
  Money credits_pending;
  friend bool operator==(const Balance&, const Balance&) = default;

  /// Debits less credits, posted only.
  [[nodiscard]] Money net() const { return debits_posted - credits_posted; }
  /// What a purse may still give.
  [[nodiscard]] Money available() const { return net() - credits_pending; }
};

struct AccountHash {
  std::size_t operator()(const AccountRef& ref) const noexcept {
    return std::hash<std::string>{}(ref.name) * 2 + static_cast<std::size_t>(ref.book);
  }
};

}  // namespace sluice::ledger
