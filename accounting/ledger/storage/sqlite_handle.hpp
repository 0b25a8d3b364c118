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
  /// The same for a text that was put together; there must be few different ones.
  [[nodiscard]] sqlite3_stmt* prepared_text(const std::string& sql);
  [[nodiscard]] sqlite3* get() const { return db_; }
  [[noreturn]] void fail(int code) const;

 private:
  sqlite3* db_ = nullptr;
  [[nodiscard]] sqlite3_stmt* prepare(const char* sql);

  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_of_text_;
};

/// One execution; resets its statement when it goes.
class SqliteRun {
 public:
  SqliteRun(SqliteConnection& connection, const char* sql);
  SqliteRun(SqliteConnection& connection, const std::string& sql);
  ~SqliteRun();
  SqliteRun(const SqliteRun&) = delete;
  SqliteRun& operator=(const SqliteRun&) = delete;

  SqliteRun& bind(std::int64_t value);
  /// Isn't copied: it must stay as it is until the last step.
  SqliteRun& bind(std::string_view value);
  SqliteRun& bind(const std::optional<std::int64_t>& value);
  /// True while there is a row.
  bool step();
  /// Runs a statement that gives no row.
  void done();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> integer_if(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] sqlite3_stmt* get() const { return statement_; }

 private:
  SqliteConnection& connection_;
  sqlite3_stmt* statement_;
  int next_ = 1;
};

}  // namespace sluice::ledger
