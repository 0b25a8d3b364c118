// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/refusal.hpp"

#include <utility>

namespace sluice::ledger {

const char* name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::id_missing: return "id_missing";
    case Refusal::amount_not_positive: return "amount_not_positive";
    case Refusal::accounts_equal: return "accounts_equal";
    case Refusal::books_differ: return "books_differ";
    case Refusal::lien_exists: return "lien_exists";
    case Refusal::lien_not_found: return "lien_not_found";
    case Refusal::lien_not_resolved_whole: return "lien_not_resolved_whole";
    case Refusal::amount_overflow: return "amount_overflow";
    case Refusal::insufficient_budget: return "insufficient_budget";
    case Refusal::insufficient_balance: return "insufficient_balance";
    case Refusal::refund_above_use: return "refund_above_use";
  }
  return "unknown_refusal";
}

Failure refuse(Refusal refusal_number, std::string text) {
  return refusal(name_of(refusal_number), std::move(text));
}

bool is_transient(Refusal refusal) {
  return refusal == Refusal::insufficient_budget || refusal == Refusal::insufficient_balance;
}

}  // namespace sluice::ledger
