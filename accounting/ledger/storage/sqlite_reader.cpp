// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/sqlite_reader.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "accounting/ledger/storage/charge_sql.hpp"

namespace sluice::ledger {
namespace {

constexpr std::size_t idle_max = 4;

/// The row that a statement of charge_sql stands at.
ChargeRow charge_of(sqlite3_stmt* statement) {
  const auto text = [&](int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    return bytes == nullptr ? std::string{}
                            : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  const auto number = [&](int column) { return sqlite3_column_int64(statement, column); };
  ChargeRow row;
  row.key = text(0);
  row.cluster = text(1);
  row.job_id = static_cast<std::uint32_t>(number(2));
  row.array_job_id = static_cast<std::uint32_t>(number(3));
  row.submit = number(4);
  if (sqlite3_column_type(statement, 5) != SQLITE_NULL) row.start = number(5);
  row.end = number(6);
  row.user = text(7);
  row.account = text(8);
  row.partition = text(9);
  row.state = text(10);
  row.admission = text(11);
  row.voucher = text(12);
  row.programme = text(13);
  row.amount = {number(14)};
  row.by_voucher = {number(15)};
  row.by_self = {number(16)};
  row.overrun = {number(17)};
  row.posted = number(18) != 0;
  row.rated = number(19) != 0;
  row.record = text(20);
  row.body = text(21);
  return row;
}

}  // namespace

Failure storage_fault(const char* doing, const SqliteProblem& problem) {
  return fault(std::string("couldn't ") + doing + ": " + problem.text);
}

AccountIds read_accounts(SqliteConnection& connection, Snapshot& snapshot) {
  AccountIds ids;
  std::unordered_map<std::int64_t, AccountRef> names;
  SqliteRun accounts(connection, "SELECT id, book, name, debits, credits FROM account");
  while (accounts.step()) {
    const AccountRef account{static_cast<Book>(accounts.integer(1)), accounts.text(2)};
    names[accounts.integer(0)] = account;
    ids[account] = accounts.integer(0);
    snapshot.balances.push_back({account, Balance{{accounts.integer(3)}, {accounts.integer(4)}, {}, {}}});
  }
  SqliteRun liens(connection, "SELECT id, debit, credit, amount FROM lien");
  while (liens.step()) {
    const auto debit = names.find(liens.integer(1));
    const auto credit = names.find(liens.integer(2));
    if (debit == names.end() || credit == names.end()) {
      throw SqliteProblem{SQLITE_CORRUPT, "lien " + liens.text(0) + " stands between accounts that are not there"};
    }
    snapshot.liens.push_back({liens.text(0), debit->second, credit->second, {liens.integer(3)}});
  }
  return ids;
}

SqliteReader::Loan SqliteReader::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return {connection.release(), {this}};
    }
  }
  auto connection = std::make_unique<SqliteConnection>(file_);
  connection->run("PRAGMA query_only=ON");
  return {connection.release(), {this}};
}

void SqliteReader::take_back(std::unique_ptr<SqliteConnection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_max) idle_.push_back(std::move(connection));
}

Result<std::optional<Object>> SqliteReader::object(const std::string& kind, const std::string& id) {
  try {
    const auto connection = borrow();
    SqliteRun row(*connection, "SELECT body FROM object WHERE kind = ? AND id = ?");
    row.bind(kind).bind(id);
    if (!row.step()) return std::optional<Object>{};
    return std::optional<Object>{Object{kind, id, row.text(0)}};
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

Result<std::optional<Document>> SqliteReader::document(const std::string& sha256) {
  try {
    const auto connection = borrow();
    SqliteRun row(*connection, "SELECT kind, text, author, loaded_at FROM document WHERE sha256 = ?");
    row.bind(sha256);
    if (!row.step()) return std::optional<Document>{};
    return std::optional<Document>{Document{sha256, row.text(0), row.text(1), row.text(2), row.integer(3)}};
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

Result<std::optional<AdmissionRow>> SqliteReader::admission(const std::string& id) {
  try {
    const auto connection = borrow();
    SqliteRun row(*connection, "SELECT open, created_at, cluster, user_id, content_sha256, body FROM admission WHERE id = ?");
    row.bind(id);
    if (!row.step()) return std::optional<AdmissionRow>{};
    return std::optional<AdmissionRow>{AdmissionRow{id, row.integer(0) != 0, row.integer(1), row.text(2), row.integer(3),
                                                    row.text(4), row.text(5)}};
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

Result<void> SqliteReader::charges(const ChargeQuery& query, const std::function<bool(ChargeRow&&)>& each) {
  try {
    const auto connection = borrow();
    SqliteRun rows(*connection, charge_sql(query));
    const auto index = [&](const char* name) { return sqlite3_bind_parameter_index(rows.get(), name); };
    const auto text = [&](const char* name, const std::optional<std::string>& value) {
      if (value) sqlite3_bind_text64(rows.get(), index(name), value->data(), value->size(), SQLITE_STATIC, SQLITE_UTF8);
    };
    const auto number = [&](const char* name, std::int64_t value) { sqlite3_bind_int64(rows.get(), index(name), value); };
    std::optional<std::string> keys;
    if (!query.keys.empty()) keys = nlohmann::json(query.keys).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text(":keys", keys);
    text(":key", query.key);
    text(":cluster", query.cluster);
    text(":account", query.account);
    text(":user", query.user);
    text(":voucher", query.voucher);
    if (query.job_id) number(":job", *query.job_id);
    if (query.end_from) number(":from", *query.end_from);
    if (query.end_to) number(":to", *query.end_to);
    number(":limit", query.limit);
    while (rows.step()) {
      if (!each(charge_of(rows.get()))) break;
    }
    return {};
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

Result<std::vector<TagRow>> SqliteReader::tags_due(std::int64_t limit) {
  try {
    std::vector<TagRow> tags;
    const auto connection = borrow();
    SqliteRun rows(*connection, "SELECT id, cluster, job_id, state_number, submit, end, text FROM tag ORDER BY id LIMIT ?");
    rows.bind(limit);
    while (rows.step()) {
      tags.push_back({rows.integer(0), rows.text(1), static_cast<std::uint32_t>(rows.integer(2)),
                      static_cast<std::uint32_t>(rows.integer(3)), rows.integer(4), rows.integer(5), rows.text(6)});
    }
    return tags;
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

Result<Snapshot> SqliteReader::audit(const std::function<void(Event&&)>& each,
                                     const std::function<void(ChargeRow&&)>& each_charge) {
  try {
    // A connection of its own, for the transaction: all of it is read as of one instant.
    SqliteConnection connection(file_);
    connection.run("PRAGMA query_only=ON");
    connection.run("BEGIN");
    SqliteRun events(connection,
                     "SELECT seq, id, kind, actor_uid, actor_name, approver_uid, approver_name, posted_at, usage_from, "
                     "usage_to, period, document, corrects, memo FROM event ORDER BY seq");
    SqliteRun transfers(connection,
                        "SELECT t.event, t.book, d.name, c.name, t.amount, t.state, t.lien FROM transfer t "
                        "LEFT JOIN account d ON d.id = t.debit LEFT JOIN account c ON c.id = t.credit ORDER BY t.id");
    const auto next_transfer = [&](Event& event) {
      const auto book = static_cast<Book>(transfers.integer(1));
      event.transfers.push_back({{book, transfers.text(2)}, {book, transfers.text(3)}, {transfers.integer(4)},
                                 static_cast<TransferState>(transfers.integer(5)), transfers.text(6)});
      return transfers.step();
    };
    // Both were appended in the same order, so they are read side by side.
    bool more = transfers.step();
    while (events.step()) {
      Event event{events.text(1), static_cast<EventKind>(events.integer(2)), {events.integer(3), events.text(4)},
                  {events.integer(5), events.text(6)}, events.integer(7), events.integer_if(8), events.integer_if(9),
                  events.text(10), events.text(11), events.text(12), events.text(13), {}};
      while (more && transfers.integer(0) == events.integer(0)) more = next_transfer(event);
      each(std::move(event));
    }
    // Left over: transfers out of order or of no event. Nothing of ours writes such; an event without id tells.
    while (more) {
      Event stray;
      more = next_transfer(stray);
      each(std::move(stray));
    }
    sqlite3_stmt* charges = connection.prepared("SELECT key, cluster, job_id, array_job_id, submit, start, end, user, account, "
                                                "partition, state, admission, voucher, programme, amount, by_voucher, by_self, "
                                                "overrun, posted, rated, '', '' FROM charge");
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(charges)) == SQLITE_ROW) each_charge(charge_of(charges));
    if (code != SQLITE_DONE) connection.fail(code);
    Snapshot stored;
    read_accounts(connection, stored);
    return stored;
  } catch (const SqliteProblem& problem) {
    return storage_fault("audit the ledger", problem);
  }
}

}  // namespace sluice::ledger
