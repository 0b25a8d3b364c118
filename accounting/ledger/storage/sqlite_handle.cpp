// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/sqlite_handle.hpp"

namespace sluice::ledger {

SqliteConnection::SqliteConnection(const std::string& file) {
  // Its count of memory in use, which nobody reads, would take a lock for every few bytes.
  [[maybe_unused]] static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file.c_str(), &db_, flags, nullptr);
  if (code != SQLITE_OK) {
    const SqliteProblem problem{code, db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code)};
    sqlite3_close(db_);
    throw problem;
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 5000);
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  for (const auto& [sql, statement] : statements_of_text_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

void SqliteConnection::fail(int code) const { throw SqliteProblem{code, sqlite3_errmsg(db_)}; }

void SqliteConnection::run(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

sqlite3_stmt* SqliteConnection::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  return statement;
}

sqlite3_stmt* SqliteConnection::prepared(const char* sql) {
  const auto found = statements_.find(sql);
  return found != statements_.end() ? found->second : statements_.emplace(sql, prepare(sql)).first->second;
}

sqlite3_stmt* SqliteConnection::prepared_text(const std::string& sql) {
  const auto found = statements_of_text_.find(sql);
  return found != statements_of_text_.end() ? found->second : statements_of_text_.emplace(sql, prepare(sql.c_str())).first->second;
}

SqliteRun::SqliteRun(SqliteConnection& connection, const char* sql)
    : connection_(connection), statement_(connection.prepared(sql)) {}

SqliteRun::SqliteRun(SqliteConnection& connection, const std::string& sql)
    : connection_(connection), statement_(connection.prepared_text(sql)) {}

SqliteRun::~SqliteRun() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteRun& SqliteRun::bind(std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, next_++, value);
  if (code != SQLITE_OK) connection_.fail(code);
  return *this;
}

SqliteRun& SqliteRun::bind(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, next_++, value.data() != nullptr ? value.data() : "", value.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_.fail(code);
  return *this;
}

SqliteRun& SqliteRun::bind(const std::optional<std::int64_t>& value) {
  if (value) return bind(*value);
  ++next_;
  return *this;
}

bool SqliteRun::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail(code);
  return false;
}

void SqliteRun::done() { step(); }

std::int64_t SqliteRun::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::optional<std::int64_t> SqliteRun::integer_if(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::string SqliteRun::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes == nullptr ? std::string{} : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

}  // namespace sluice::ledger
