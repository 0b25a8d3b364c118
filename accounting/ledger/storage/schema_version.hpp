// SPDX-License-Identifier: Apache-2.0
//
// Which schema a ledger has and whether this program can use it, without opening it: a service
// may be at work on it.

#pragma once

#include <optional>
#include <string>

#include "accounting/core/result.hpp"

namespace sluice::ledger {

/// As SQLite's header says it; none where there is no ledger yet.
[[nodiscard]] Result<std::optional<int>> stored_schema_version(const std::string& file);

/// Of the ledgers that this program makes and uses.
[[nodiscard]] int known_schema_version();

}  // namespace sluice::ledger
