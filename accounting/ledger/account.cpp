// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/account.hpp"

namespace sluice::ledger {

AccountRef issuer(const std::string& programme) { return {Book::entitlement, "issuer/" + programme}; }
AccountRef budget(const std::string& programme) { return {Book::entitlement, "budget/" + programme}; }
AccountRef lapsed(const std::string& programme) { return {Book::entitlement, "lapsed/" + programme}; }
AccountRef voucher(const std::string& id) { return {Book::entitlement, "voucher/" + id}; }
AccountRef used(const std::string& voucher_id) { return {Book::entitlement, "used/" + voucher_id}; }

AccountRef receivable_user(const std::string& account) { return {Book::money, "receivable/user/" + account}; }
AccountRef advance_user(const std::string& account) { return {Book::money, "advance/user/" + account}; }
AccountRef receivable_unclaimed(const std::string& programme) {
  return {Book::money, "receivable/issuer/" + programme + "/unclaimed"};
}
AccountRef revenue(const std::string& cluster) { return {Book::money, "revenue/" + cluster + "/service"}; }
AccountRef overrun() { return {Book::money, "overrun"}; }

bool is_purse(const AccountRef& account) {
  if (account.book != Book::entitlement) return false;
  const auto begins = [&](const char* prefix) { return account.name.rfind(prefix, 0) == 0; };
  return begins("budget/") || begins("voucher/") || begins("used/");
}

}  // namespace sluice::ledger
