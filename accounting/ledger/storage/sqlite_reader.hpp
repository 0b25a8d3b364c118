// SPDX-License-Identifier: Apache-2.0
//
// What reads a ledger in SQLite while others write to it: each read has a connection to
// itself, so that a long statement holds nobody up who looks one row up. Any thread may call.

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/ledger/storage/sqlite_handle.hpp"
#include "accounting/ledger/storage/storage.hpp"

namespace sluice::ledger {

[[nodiscard]] Failure storage_fault(const char* doing, const SqliteProblem& problem);

using AccountIds = std::unordered_map<AccountRef, std::int64_t, AccountHash>;

/// Adds the posted sums and open liens as stored, and says which number each account has.
AccountIds read_accounts(SqliteConnection& connection, Snapshot& snapshot);

/// The part of Storage that only reads; the calls mean what they mean there.
class SqliteReader {
 public:
  explicit SqliteReader(std::string file) : file_(std::move(file)) {}

  Result<std::optional<Object>> object(const std::string& kind, const std::string& id);
  Result<std::optional<Document>> document(const std::string& sha256);
  Result<std::optional<AdmissionRow>> admission(const std::string& id);
  Result<void> charges(const ChargeQuery& query, const std::function<bool(ChargeRow&&)>& each);
  Result<std::vector<TagRow>> tags_due(std::int64_t limit);
  Result<Snapshot> audit(const std::function<void(Event&&)>& each, const std::function<void(ChargeRow&&)>& each_charge);

 private:
  struct TakeBack {
    SqliteReader* reader;
    void operator()(SqliteConnection* connection) const { reader->take_back(std::unique_ptr<SqliteConnection>(connection)); }
  };
  using Loan = std::unique_ptr<SqliteConnection, TakeBack>;

  [[nodiscard]] Loan borrow();
  void take_back(std::unique_ptr<SqliteConnection> connection);

  const std::string file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;  ///< under mutex_
};

}  // namespace sluice::ledger
