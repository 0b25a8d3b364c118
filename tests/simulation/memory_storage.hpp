// SPDX-License-Identifier: Apache-2.0
//
// MemoryStorage: the storage interface on a simulated disk that fails by the dice.
//
// What was appended survives the death of the process, as does a new admission once it was
// flushed; what was synced survives that of the machine. Of what was appended since, a machine that dies keeps the first so many
// batches, as a write-ahead log does whose last record is torn; the log of admissions
// is a file of its own and keeps its own first so many.
//
// One thread; not to be copied.

#pragma once

#include <deque>
#include <vector>

#include "tests/simulation/dice.hpp"
#include "tests/simulation/tables.hpp"

namespace sluice::simulation {

/// Thrown out of a call: the process died in it.
struct Killed {};

/// How likely a call goes wrong, in permille.
struct Weather {
  int write_fails = 0;  ///< the disk is full
  int sync_fails = 0;
  int read_fails = 0;
  int killed = 0;
  bool sync_stays_failed = false;  ///< until the next start
};

/// Something that became visible at once: a batch, or an admission that was appended soon.
struct Entry {
  std::uint64_t number = 0;
  std::shared_ptr<const ledger::Batch> batch;
  std::shared_ptr<const ledger::NewAdmission> admission;
};

class MemoryStorage final : public ledger::Storage {
 public:
  explicit MemoryStorage(Dice& dice) : dice_(dice) {}

  void set_weather(const Weather& weather) { weather_ = weather; }
  [[nodiscard]] const Tables& tables() const { return now_; }

  /// Entries since it was asked last, in their order.
  [[nodiscard]] std::vector<Entry> take_journal() { return std::exchange(journal_, {}); }
  /// The newest entry that a machine's death can't take any more.
  [[nodiscard]] std::uint64_t synced_to() const { return synced_to_; }
  [[nodiscard]] bool sync_failed() const { return sync_failed_; }
  [[nodiscard]] bool all_is_synced() const { return synced_to_ == last_; }
  /// Admissions wait to be brought into the tables.
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  /// Those of them that go with the process: they were answered a moment ago, or the disk is full.
  [[nodiscard]] std::size_t unlogged() const { return waiting_.size() - logged_; }
  /// Calls that failed so far.
  [[nodiscard]] std::uint64_t faults() const { return faults_; }

  /// The process, or the machine, is dead; the disk is as the next one finds it. Returns the
  /// entries after synced_to() that are still there: they are synced now.
  std::vector<std::uint64_t> crash(bool machine);

  Result<ledger::Snapshot> load() override;
  Result<void> append(const ledger::Batch& batch) override;
  Result<void> is_writable() override;
  void append_soon(ledger::NewAdmission admission) override;
  Result<void> append_logged(ledger::NewAdmission admission) override;
  Result<void> flush() override;
  Result<void> sync() override;
  Result<std::optional<ledger::Object>> object(const std::string& kind, const std::string& id) override;
  Result<std::optional<ledger::Document>> document(const std::string& sha256) override;
  Result<std::optional<ledger::AdmissionRow>> admission(const std::string& id) override;
  Result<void> charges(const ledger::ChargeQuery& query, const std::function<bool(ledger::ChargeRow&&)>& each) override;
  Result<std::vector<ledger::TagRow>> tags_due(std::int64_t) override { return std::vector<ledger::TagRow>{}; }
  Result<ledger::Snapshot> audit(const std::function<void(ledger::Event&&)>& each,
                                 const std::function<void(ledger::ChargeRow&&)>& each_charge) override;

 private:
  [[nodiscard]] Result<void> may_fail(int permille, const char* doing);
  void may_die();
  void place_waiting();
  [[nodiscard]] ledger::Snapshot snapshot() const;

  Dice& dice_;
  Weather weather_;
  Tables now_;                    ///< what the process reads in the database
  Tables safe_;                   ///< what the disk is sure to hold of it
  std::deque<Entry> unsynced_;    ///< in now_, not in safe_; in the order of the database
  std::vector<Entry> waiting_;    ///< admissions that are not yet in now_
  std::size_t logged_ = 0;        ///< so many of them are in the log
  bool log_fails_ = false;
  std::vector<Entry> log_;        ///< all of that log
  std::vector<Entry> journal_;
  bool sync_failed_ = false;
  std::uint64_t last_ = 0;
  std::uint64_t synced_to_ = 0;
  std::uint64_t faults_ = 0;
};

}  // namespace sluice::simulation
