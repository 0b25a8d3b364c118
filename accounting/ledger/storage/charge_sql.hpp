// SPDX-License-Identifier: Apache-2.0
//
// The statement of a query for charges, so that a test can see how SQLite would carry it out:
// a table of ten million rows must never be read from end to end to find one job. Pure.

#pragma once

#include <string>

#include "accounting/ledger/storage/storage.hpp"

namespace sluice::ledger {

/// Parameters are named as the members of the query, ":key", ":job" …; ":keys" is a JSON list.
[[nodiscard]] std::string charge_sql(const ChargeQuery& query);

}  // namespace sluice::ledger
