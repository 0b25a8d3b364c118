// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/sqlite_storage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "accounting/core/mutex.hpp"
#include "accounting/ledger/storage/admission_log.hpp"
#include "accounting/ledger/storage/sqlite_handle.hpp"
#include "accounting/ledger/storage/sqlite_reader.hpp"
#include "accounting/ledger/storage/sqlite_schema.hpp"

namespace sluice::ledger {
namespace {

/// What the transfers of one transaction add to an account.
struct Moved {
  Money debits;
  Money credits;
};

void add_to(Money& sum, Money amount) {
  const auto both = checked_add(sum, amount);
  if (!both) throw SqliteProblem{SQLITE_CONSTRAINT, "an account can't hold that much"};
  sum = *both;
}

class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {}
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// A new file is safe only once its folder is.
void sync_folder_of(const std::string& file) {
  const std::string folder = std::filesystem::absolute(file).parent_path().string();
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int problem = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw SqliteProblem{SQLITE_CANTOPEN, "couldn't sync " + folder + ": " + std::strerror(problem)};
}

class SqliteStorage final : public Storage {
 public:
  SqliteStorage(const std::string& file, FileLock lock, AdmissionLog log)
      : lock_(std::move(lock)), writer_(file), log_(std::move(log)), keeper_(file), reader_(file) {
    writer_.run("PRAGMA journal_mode=WAL");
    writer_.run("PRAGMA synchronous=NORMAL");
    writer_.run("PRAGMA foreign_keys=ON");
    writer_.run("PRAGMA trusted_schema=OFF");
    // Moving the log into the database syncs twice; an append, and whoever waits for its
    // lock, must not: sync() does that, on a connection of its own.
    writer_.run("PRAGMA wal_autocheckpoint=0");
    // Indexes by ids that are drawn at random are touched all over: 32 MiB instead of 2.
    writer_.run("PRAGMA cache_size=-32768");
    keeper_.run("PRAGMA synchronous=NORMAL");
    keeper_.run("PRAGMA busy_timeout=2");  // for so long an append may wait too
    prepare_schema();
    sqlite3_wal_hook(writer_.get(), [](void* self, sqlite3*, const char*, int pages) {
      static_cast<SqliteStorage*>(self)->wal_pages_ = pages;
      return SQLITE_OK;
    }, this);
    // The WAL's file stays the same while a connection is open, so one descriptor serves every sync.
    wal_fd_ = ::open((file + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
    if (wal_fd_ < 0) throw SqliteProblem{SQLITE_CANTOPEN, std::string("its -wal file: ") + std::strerror(errno)};
    try {
      sync_folder_of(file);
      recover_log();
    } catch (const SqliteProblem&) {
      ::close(wal_fd_);
      throw;
    }
  }

  ~SqliteStorage() override { ::close(wal_fd_); }

  Result<Snapshot> load() override;
  Result<void> append(const Batch& batch) override;
  Result<void> is_writable() override;
  void append_soon(NewAdmission admission) override;
  Result<void> append_logged(NewAdmission admission) override;
  Result<void> flush() override;

  Result<void> sync() override {
    const auto placed = place_waiting();
    if (!placed.ok()) return placed;
    {
      // The kernel reports a failed write once and forgets the pages: what a later sync says is worth
      // nothing, and one beside it must not be told that all is well.
      const std::lock_guard lock(syncing_);
      if (sync_failed_) return fault("couldn't sync the ledger earlier; restart sluiced, it finds out what is there");
      if (::fdatasync(wal_fd_) != 0) {
        sync_failed_ = true;
        return fault(std::string("couldn't sync the ledger: ") + std::strerror(errno) + "; restart sluiced once the disk works");
      }
    }
    keep_log_short();
    return {};
  }

  Result<std::optional<Object>> object(const std::string& kind, const std::string& id) override { return reader_.object(kind, id); }
  Result<std::optional<Document>> document(const std::string& sha256) override { return reader_.document(sha256); }
  Result<std::optional<AdmissionRow>> admission(const std::string& id) override { return reader_.admission(id); }
  Result<void> charges(const ChargeQuery& query, const std::function<bool(ChargeRow&&)>& each) override { return reader_.charges(query, each); }
  Result<std::vector<TagRow>> tags_due(std::int64_t limit) override { return reader_.tags_due(limit); }
  Result<Snapshot> audit(const std::function<void(Event&&)>& each, const std::function<void(ChargeRow&&)>& each_charge) override {
    const auto placed = place_waiting();
    return placed.ok() ? reader_.audit(each, each_charge) : placed.failure();
  }

 private:
  void prepare_schema();
  void recover_log();
  Result<void> place_waiting();
  void place_waiting_locked();
  Result<void> log_waiting_locked();
  void in_transaction(const std::function<void()>& body);
  void write(const Batch& batch);
  void write(const AdmissionRow& row);
  void write_new(const AdmissionRow& row);
  void write(const Event& event);
  void write(const Transfer& transfer, std::int64_t event);
  void write(const ChargeRow& row);
  void write_moved();
  std::int64_t account_id(const AccountRef& account);
  void keep_log_short();

  FileLock lock_;  ///< given up last
  int wal_fd_ = -1;
  std::mutex syncing_;
  bool sync_failed_ = false;  ///< under syncing_
  std::atomic<int> wal_pages_{0};
  Mutex writing_;
  SqliteConnection writer_;  ///< under writing_, as account_ids_
  Mutex logging_;  ///< taken after writing_, never before
  AdmissionLog log_;                    ///< under logging_
  std::atomic<bool> log_fails_{false};  ///< set under logging_
  Mutex waiting_mutex_;  ///< taken last; whoever asks for admission waits for it, so nobody writes under it
  std::deque<NewAdmission> waiting_;  ///< under waiting_mutex_, to leave it under logging_ too; not yet in the database
  std::size_t logged_ = 0;            ///< so many of them are in the log; changed under both
  std::mutex keeping_;
  SqliteConnection keeper_;  ///< moves the log into the database; under keeping_
  SqliteReader reader_;
  AccountIds account_ids_;
  std::unordered_map<std::int64_t, Moved> moved_;  ///< account number → what this transaction moves; under writing_
};

/// Where it fails the log only stays longer: everything is in it, so nobody needs to be told.
void SqliteStorage::keep_log_short() {
  constexpr int pages_wanted_max = 1000;
  constexpr int pages_max = 12000;  // readers never let go of it: then an append may have to wait for once
  const int pages = wal_pages_;
  if (pages < pages_wanted_max) return;
  const std::unique_lock lock(keeping_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  int left = 0;
  int moved = 0;
  const auto move = [&](int how) { return sqlite3_wal_checkpoint_v2(keeper_.get(), nullptr, how, &left, &moved) == SQLITE_OK; };
  // After one that failed no other may try: what of the log reached the disk is not known any more.
  if (!move(SQLITE_CHECKPOINT_PASSIVE)) return;
  // Waits for readers, and keeps appends out from its start: there is little left to move, unless a
  // reader that has just gone held it back.
  if (pages >= pages_max && !move(SQLITE_CHECKPOINT_RESTART)) return;
  if (left == moved) wal_pages_ = 0;
}

void SqliteStorage::prepare_schema() {
  std::int64_t version = 0;
  {
    SqliteRun read(writer_, "PRAGMA user_version");
    if (read.step()) version = read.integer(0);
  }
  if (version == sqlite_schema_version) return;
  if (version != 0) {
    throw SqliteProblem{SQLITE_ERROR, "its schema is version " + std::to_string(version) + ", this program knows " +
                                          std::to_string(sqlite_schema_version)};
  }
  writer_.run("BEGIN IMMEDIATE");
  writer_.run(sqlite_schema);
  writer_.run(("PRAGMA user_version=" + std::to_string(sqlite_schema_version)).c_str());
  writer_.run("COMMIT");
}

Result<Snapshot> SqliteStorage::load() {
  try {
    const std::lock_guard lock(writing_);
    place_waiting_locked();
    Snapshot snapshot;
    snapshot.schema_version = sqlite_schema_version;
    account_ids_ = read_accounts(writer_, snapshot);
    {
      SqliteRun rows(writer_, "SELECT kind, id, body FROM object WHERE kind <> 'request'");
      while (rows.step()) snapshot.objects.push_back({rows.text(0), rows.text(1), rows.text(2)});
    }
    {
      SqliteRun rows(writer_,
                     "SELECT id, open, created_at, cluster, user_id, content_sha256, body FROM admission WHERE open = 1");
      while (rows.step()) {
        snapshot.admissions.push_back({rows.text(0), rows.integer(1) != 0, rows.integer(2), rows.text(3),
                                       rows.integer(4), rows.text(5), rows.text(6)});
      }
    }
    return snapshot;
  } catch (const SqliteProblem& problem) {
    return storage_fault("read the ledger", problem);
  }
}

void SqliteStorage::in_transaction(const std::function<void()>& body) {
  SqliteRun(writer_, "BEGIN IMMEDIATE").done();
  try {
    body();
    write_moved();
    SqliteRun(writer_, "COMMIT").done();
  } catch (...) {
    moved_.clear();
    // Accounts that the failed batch made are not there; forget their numbers.
    account_ids_.clear();
    sqlite3_exec(writer_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

Result<void> SqliteStorage::append(const Batch& batch) {
  try {
    const std::lock_guard lock(writing_);
    place_waiting_locked();
    in_transaction([&] { write(batch); });
    return {};
  } catch (const SqliteProblem& problem) {
    return storage_fault("write to the ledger", problem);
  }
}

Result<void> SqliteStorage::is_writable() {
  constexpr std::size_t unlogged_max = 200;  // a kill loses no more of their liens, however long the disk takes
  const auto is_behind = [this] {
    const std::lock_guard lock(waiting_mutex_);
    return waiting_.size() - logged_ >= unlogged_max;
  };
  if (!log_fails_.load(std::memory_order_relaxed) && !is_behind()) return {};
  const std::lock_guard lock(logging_);
  return log_waiting_locked();
}

void SqliteStorage::append_soon(NewAdmission admission) {
  const std::lock_guard lock(waiting_mutex_);
  waiting_.push_back(std::move(admission));
}

Result<void> SqliteStorage::append_logged(NewAdmission admission) {
  const std::lock_guard lock(logging_);
  std::size_t place = 0;
  {
    const std::lock_guard waiting(waiting_mutex_);
    place = waiting_.size();
    waiting_.push_back(std::move(admission));
  }
  auto logged = log_waiting_locked();
  if (!logged.ok()) {
    const std::lock_guard waiting(waiting_mutex_);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(place));
  }
  return logged;
}

Result<void> SqliteStorage::flush() {
  const std::lock_guard lock(logging_);
  return log_waiting_locked();
}

/// Under logging_: until it is done nothing leaves the list, and what is added moves nothing of it.
Result<void> SqliteStorage::log_waiting_locked() {
  std::vector<const NewAdmission*> unlogged;
  {
    const std::lock_guard lock(waiting_mutex_);
    for (auto one = waiting_.begin() + static_cast<std::ptrdiff_t>(logged_); one != waiting_.end(); ++one) unlogged.push_back(&*one);
  }
  const auto logged = log_.append(unlogged);
  log_fails_ = !logged.ok();
  if (logged.ok()) {
    const std::lock_guard lock(waiting_mutex_);
    logged_ += unlogged.size();
  }
  return logged;
}

Result<void> SqliteStorage::place_waiting() {
  try {
    const std::lock_guard lock(writing_);
    place_waiting_locked();
    return {};
  } catch (const SqliteProblem& problem) {
    return storage_fault("write to the ledger", problem);
  }
}

void SqliteStorage::place_waiting_locked() {
  constexpr std::uint64_t log_bytes_wanted_max = 1 << 20;  // read once more after a kill
  constexpr std::uint64_t log_bytes_max = 16 << 20;  // then nothing is logged for once, so that the log can be cleared
  std::unique_lock logging(logging_);
  const bool others_go_on = log_waiting_locked().ok() && log_.bytes() < log_bytes_max;
  std::deque<NewAdmission> taken;
  std::size_t taken_logged = 0;
  {
    const std::lock_guard waiting(waiting_mutex_);
    // What the log could not take is left to the database alone.
    const auto end = others_go_on ? waiting_.begin() + static_cast<std::ptrdiff_t>(logged_) : waiting_.end();
    taken.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    taken_logged = std::exchange(logged_, 0);
  }
  if (!taken.empty()) {
    if (others_go_on) logging.unlock();
    try {
      in_transaction([&] {
        for (const NewAdmission& one : taken) {
          if (one.lien) write(*one.lien);
          write_new(one.row);
        }
      });
    } catch (...) {
      if (others_go_on) logging.lock();
      const std::lock_guard waiting(waiting_mutex_);
      waiting_.insert(waiting_.begin(), std::move_iterator(taken.begin()), std::move_iterator(taken.end()));
      logged_ += taken_logged;
      throw;
    }
    if (others_go_on) logging.lock();
  }
  const auto all_are_placed = [this] {
    const std::lock_guard waiting(waiting_mutex_);
    return logged_ == 0;
  };
  // Where clearing fails the log only stays longer.
  if (log_.bytes() > log_bytes_wanted_max && all_are_placed()) (void)log_.clear();
}

namespace {

/// What the purses still have, while liens of the log take from it. Where the machine died the log may
/// know liens that were placed on what came with batches which the database has lost.
class Purses {
 public:
  explicit Purses(SqliteConnection& connection) : connection_(connection) {}

  /// False: the lien doesn't fit, and nothing is taken.
  bool take(const Event& lien) {
    const auto fits = [&](const Transfer& one) { return available(one.credit) >= one.amount.micro; };
    if (!std::all_of(lien.transfers.begin(), lien.transfers.end(), fits)) return false;
    for (const Transfer& one : lien.transfers) available(one.credit) -= one.amount.micro;
    return true;
  }

 private:
  std::int64_t& available(const AccountRef& account) {
    const auto [known, is_new] = available_.try_emplace({static_cast<std::int64_t>(account.book), account.name}, 0);
    if (is_new) {
      SqliteRun purse(connection_,
                      "SELECT debits - credits - (SELECT IFNULL(SUM(l.amount), 0) FROM lien l WHERE l.credit = a.id) "
                      "FROM account a WHERE book = ? AND name = ?");
      purse.bind(known->first.first).bind(known->first.second);
      if (purse.step()) known->second = purse.integer(0);
    }
    return known->second;
  }

  SqliteConnection& connection_;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> available_;
};

}  // namespace

/// What a killed process left in its log. What is in its place already stays as it is: it may be newer.
void SqliteStorage::recover_log() {
  const auto left = log_.read();
  if (!left.ok()) throw SqliteProblem{SQLITE_IOERR, left.failure().text};
  in_transaction([&] {
    Purses purses(writer_);
    for (const NewAdmission& one : *left) {
      SqliteRun known(writer_, "SELECT 1 FROM admission WHERE id = ?");
      known.bind(one.row.id);
      if (known.step()) continue;
      if (one.lien && purses.take(*one.lien)) write(*one.lien);
      write_new(one.row);
    }
  });
  if (::fdatasync(wal_fd_) != 0) throw SqliteProblem{SQLITE_IOERR, std::string("couldn't sync the ledger: ") + std::strerror(errno)};
  const auto cleared = log_.clear();
  if (!cleared.ok()) throw SqliteProblem{SQLITE_IOERR, cleared.failure().text};
}

void SqliteStorage::write(const Batch& batch) {
  for (const Document& document : batch.documents) {
    SqliteRun(writer_, "INSERT OR IGNORE INTO document(sha256, kind, text, author, loaded_at) VALUES(?,?,?,?,?)")
        .bind(document.sha256).bind(document.kind).bind(document.text).bind(document.author).bind(document.loaded_at)
        .done();
  }
  for (const Event& event : batch.events) write(event);
  for (const Object& object : batch.objects) {
    SqliteRun(writer_, "INSERT INTO object(kind, id, body) VALUES(?,?,?) ON CONFLICT(kind, id) DO UPDATE SET body = excluded.body")
        .bind(object.kind).bind(object.id).bind(object.body).done();
  }
  for (const AdmissionRow& row : batch.admissions) write(row);
  for (const ChargeRow& row : batch.charges) write(row);
  for (const TagRow& tag : batch.tags) {
    SqliteRun(writer_, "INSERT INTO tag(cluster, job_id, state_number, submit, end, text) VALUES(?,?,?,?,?,?)")
        .bind(tag.cluster).bind(std::int64_t{tag.job_id}).bind(std::int64_t{tag.state_number}).bind(tag.submit)
        .bind(tag.end).bind(tag.text).done();
  }
  for (const std::int64_t id : batch.tags_done) SqliteRun(writer_, "DELETE FROM tag WHERE id = ?").bind(id).done();
}

void SqliteStorage::write(const AdmissionRow& row) {
  SqliteRun(writer_, "UPDATE admission SET open = ?, body = ? WHERE id = ?").bind(std::int64_t{row.open}).bind(row.body).bind(row.id).done();
  if (sqlite3_changes(writer_.get()) == 0) write_new(row);
}

void SqliteStorage::write_new(const AdmissionRow& row) {
  SqliteRun(writer_, "INSERT OR ROLLBACK INTO admission(id, open, created_at, cluster, user_id, content_sha256, body) VALUES(?,?,?,?,?,?,?)")
      .bind(row.id).bind(std::int64_t{row.open}).bind(row.created_at).bind(row.cluster).bind(row.user_id)
      .bind(row.content_sha256).bind(row.body).done();
}

void SqliteStorage::write(const Event& event) {
  SqliteRun(writer_,
            "INSERT OR ROLLBACK INTO event(id, kind, actor_uid, actor_name, approver_uid, approver_name, posted_at, usage_from, "
            "usage_to, period, document, corrects, memo) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(event.id).bind(static_cast<std::int64_t>(event.kind)).bind(event.actor.uid).bind(event.actor.name)
      .bind(event.approver.uid).bind(event.approver.name).bind(event.posted_at).bind(event.usage_from)
      .bind(event.usage_to).bind(event.period).bind(event.document).bind(event.corrects).bind(event.memo)
      .done();
  const std::int64_t seq = sqlite3_last_insert_rowid(writer_.get());
  const std::string* resolved = nullptr;
  for (const Transfer& transfer : event.transfers) {
    write(transfer, seq);
    // In part settled and in part voided: its two transfers follow each other.
    if (!resolves(transfer.state) || (resolved != nullptr && *resolved == transfer.lien)) continue;
    resolved = &transfer.lien;
    SqliteRun(writer_, "DELETE FROM lien WHERE id = ?").bind(transfer.lien).done();
  }
}

void SqliteStorage::write(const Transfer& transfer, std::int64_t event) {
  const std::int64_t debit = account_id(transfer.debit);
  const std::int64_t credit = account_id(transfer.credit);
  const bool moves = transfer.state == TransferState::posted || transfer.state == TransferState::settled;
  SqliteRun(writer_, "INSERT OR ROLLBACK INTO transfer(event, book, debit, credit, amount, state, lien) VALUES(?,?,?,?,?,?,?)")
      .bind(event).bind(static_cast<std::int64_t>(transfer.debit.book)).bind(debit).bind(credit)
      .bind(transfer.amount.micro).bind(static_cast<std::int64_t>(transfer.state)).bind(transfer.lien)
      .done();
  if (moves) {
    add_to(moved_[debit].debits, transfer.amount);
    add_to(moved_[credit].credits, transfer.amount);
  }
  if (transfer.state == TransferState::pending) {
    SqliteRun(writer_, "INSERT INTO lien(id, debit, credit, amount) VALUES(?,?,?,?)")
        .bind(transfer.lien).bind(debit).bind(credit).bind(transfer.amount.micro).done();
  }
}

/// Replacing isn't part of the insert: SQLite would copy each page that it touches.
void SqliteStorage::write(const ChargeRow& row) {
  constexpr const char* insert =
      "INSERT OR ROLLBACK INTO charge(key, cluster, job_id, array_job_id, submit, start, end, user, account, partition, state, "
      "admission, voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, record, body) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
  constexpr const char* replace =
      "UPDATE charge SET cluster = ?2, job_id = ?3, array_job_id = ?4, submit = ?5, start = ?6, end = ?7, user = ?8, account = ?9, "
      "partition = ?10, state = ?11, admission = ?12, voucher = ?13, programme = ?14, amount = ?15, by_voucher = ?16, "
      "by_self = ?17, overrun = ?18, posted = ?19, rated = ?20, record = ?21, body = ?22 WHERE key = ?1";
  SqliteRun(writer_, row.replaces ? replace : insert)
      .bind(row.key).bind(row.cluster).bind(std::int64_t{row.job_id}).bind(std::int64_t{row.array_job_id})
      .bind(row.submit).bind(row.start).bind(row.end).bind(row.user).bind(row.account).bind(row.partition)
      .bind(row.state).bind(row.admission).bind(row.voucher).bind(row.programme).bind(row.amount.micro)
      .bind(row.by_voucher.micro).bind(row.by_self.micro).bind(row.overrun.micro).bind(std::int64_t{row.posted})
      .bind(std::int64_t{row.rated}).bind(row.record).bind(row.body)
      .done();
  if (sqlite3_changes(writer_.get()) != 1) throw SqliteProblem{SQLITE_CONSTRAINT, "there is no charge " + row.key + " to be replaced"};
}

/// Once for each account that a transaction has touched, whatever number of times: many jobs are
/// charged to few accounts.
void SqliteStorage::write_moved() {
  for (const auto& [id, sums] : moved_) {
    SqliteRun(writer_, "UPDATE account SET debits = debits + ?, credits = credits + ? WHERE id = ?")
        .bind(sums.debits.micro).bind(sums.credits.micro).bind(id).done();
  }
  moved_.clear();
}

std::int64_t SqliteStorage::account_id(const AccountRef& account) {
  const auto found = account_ids_.find(account);
  if (found != account_ids_.end()) return found->second;
  SqliteRun(writer_, "INSERT OR IGNORE INTO account(book, name) VALUES(?,?)")
      .bind(static_cast<std::int64_t>(account.book)).bind(account.name).done();
  SqliteRun read(writer_, "SELECT id FROM account WHERE book = ? AND name = ?");
  read.bind(static_cast<std::int64_t>(account.book)).bind(account.name);
  read.step();
  return account_ids_[account] = read.integer(0);
}

}  // namespace

Result<std::unique_ptr<Storage>> open_sqlite(const std::string& file) {
  // A lock of our own beside the database: SQLite would let a second process in.
  const std::string lock_file = file + ".lock";
  FileLock lock(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.fd() < 0) return fault("couldn't open " + lock_file + ": " + std::strerror(errno));
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
    return fault(file + " is open in another sluiced; stop that one first");
  }
  // Made here, so that nobody else may read it; SQLite gives its other files the same mode.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0) return fault("couldn't open " + file + ": " + std::strerror(errno));
  ::close(made);
  auto log = AdmissionLog::open(file + "-admitted");
  if (!log.ok()) return log.failure();
  try {
    return std::unique_ptr<Storage>(std::make_unique<SqliteStorage>(file, std::move(lock), std::move(*log)));
  } catch (const SqliteProblem& problem) {
    return storage_fault(("open " + file).c_str(), problem);
  }
}

}  // namespace sluice::ledger
