// SPDX-License-Identifier: Apache-2.0
//
// Storage on SQLite: one file, one writing connection, and one for each read under way.
// WAL with synchronous=NORMAL, so that append() is a write without waiting for the disk;
// sync() waits for it, outside every lock, and moves the log into the database where it
// has grown long. LEDGER.md is the format.

#pragma once

#include <memory>
#include <string>

#include "accounting/ledger/storage/storage.hpp"

namespace sluice::ledger {

/// Opens or makes the database in `file`. Only one process may have it open: a
/// second one is refused.
[[nodiscard]] Result<std::unique_ptr<Storage>> open_sqlite(const std::string& file);

}  // namespace sluice::ledger
