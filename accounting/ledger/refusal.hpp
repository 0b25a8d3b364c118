// SPDX-License-Identifier: Apache-2.0
//
// Why the ledger refuses an event. The numbers are part of the stored format and
// stand in order of precedence: append, never renumber.

#pragma once

#include "accounting/core/result.hpp"

namespace sluice::ledger {

enum class Refusal : int {
  id_missing = 1,
  amount_not_positive = 2,
  accounts_equal = 3,
  books_differ = 4,
  lien_exists = 5,
  lien_not_found = 6,
  lien_not_resolved_whole = 7,
  amount_overflow = 8,
  insufficient_budget = 9,
  insufficient_balance = 10,
  refund_above_use = 11,
};

[[nodiscard]] const char* name_of(Refusal refusal);
[[nodiscard]] Failure refuse(Refusal refusal, std::string text);

/// True where the same request may succeed later without anybody changing a rule:
/// a purse can be filled, a lien can be voided.
[[nodiscard]] bool is_transient(Refusal refusal);

}  // namespace sluice::ledger
