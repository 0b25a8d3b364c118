// SPDX-License-Identifier: Apache-2.0
//
// Thin ownership over SQLite's C API: a connection with its prepared statements,
// and one execution of a statement. A problem is thrown as SqliteProblem inside
// the storage and leaves it only as a Failure.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::ledger {

struct SqliteProblem {
  int code;
  std::string text;
};

class SqliteConnection {
 public:
  explicit SqliteConnection(const std::string& file);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// Runs statements without parameters or rows.
  void run(const char* sql);
  /// The prepared statement of `sql`, made once; `sql` must be a literal.
  [[nodiscard]] sqlite3_stmt* prepared(const char* sql);
  [[nodiscard]] sqlite3* get() const { return db_; }
  [[noreturn]] void fail(int code) const;

 private:
  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

/// One execution; resets its statement when it goes.
class SqliteRun {
 public:
  SqliteRun(SqliteConnection& connection, const char* sql);
  ~SqliteRun();
  SqliteRun(const SqliteRun&) = delete;
  SqliteRun& operator=(const SqliteRun&) = delete;

  SqliteRun& bind(std::int64_t value);
  SqliteRun& bind(std::string_view value);
  SqliteRun& bind(const std::optional<std::int64_t>& value);
  /// True while there is a row.
  bool step();
  /// Runs a statement that gives no row.
  void done();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> integer_if(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  SqliteConnection& connection_;
  sqlite3_stmt* statement_;
  int next_ = 1;
};

}  // namespace sluice::ledger
