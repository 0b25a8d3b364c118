// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/memory_storage.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::simulation {
namespace {

void write(Tables& tables, const Entry& entry) {
  if (entry.batch != nullptr) tables.write(entry.batch);
  if (entry.admission != nullptr) tables.write(entry.admission);
}

/// As the real storage brings an admission of the log back: without a lien on what the database has lost.
std::shared_ptr<const ledger::NewAdmission> still_fits(const Tables& tables, const std::shared_ptr<const ledger::NewAdmission>& admission) {
  if (!admission->lien) return admission;
  const auto& transfer = admission->lien->transfers.front();
  const auto purse = tables.accounts.find(transfer.credit);
  const bool fits = purse != tables.accounts.end() && purse->second.debits - purse->second.credits - purse->second.credits_pending >= transfer.amount.micro;
  return fits ? admission : std::make_shared<const ledger::NewAdmission>(ledger::NewAdmission{admission->row, std::nullopt});
}

template <typename Row, typename Key>
std::optional<Row> found(const std::map<Key, std::shared_ptr<const Row>>& rows, const Key& key) {
  const auto at = rows.find(key);
  return at == rows.end() ? std::nullopt : std::optional<Row>(*at->second);
}

bool fits(const ledger::ChargeQuery& query, const ledger::ChargeRow& row) {
  const auto is = [](const auto& wanted, const auto& value) { return !wanted || *wanted == value; };
  return is(query.key, row.key) && is(query.cluster, row.cluster) && is(query.account, row.account) && is(query.user, row.user) &&
         is(query.voucher, row.voucher) &&
         (is(query.job_id, row.job_id) || is(query.job_id, row.array_job_id)) && (!query.end_from || row.end >= *query.end_from) &&
         (!query.end_to || row.end < *query.end_to) && !(query.unrated_only && row.rated) && !(query.posted_only && !row.posted);
}

}  // namespace

Result<void> MemoryStorage::may_fail(int permille, const char* doing) {
  may_die();
  if (!dice_.chance(permille)) return {};
  ++faults_;
  return fault(std::string("couldn't ") + doing + " the ledger: the simulated disk failed");
}

void MemoryStorage::may_die() {
  if (dice_.chance(weather_.killed)) throw Killed{};
}

void MemoryStorage::place_waiting() {
  for (const Entry& entry : waiting_) {
    now_.write(entry.admission);
    unsynced_.push_back(entry);
  }
  waiting_.clear();
  logged_ = 0;
  if (dice_.chance(50)) log_.clear();
}

Result<void> MemoryStorage::append(const ledger::Batch& batch) {
  // Two transactions, either of which can fail.
  auto placed = may_fail(waiting_.empty() ? 0 : weather_.write_fails, "write to");
  if (!placed.ok()) return placed;
  place_waiting();
  auto allowed = may_fail(weather_.write_fails, "write to");
  if (!allowed.ok()) return allowed;
  const Entry entry{++last_, std::make_shared<const ledger::Batch>(batch), nullptr};
  write(now_, entry);
  unsynced_.push_back(entry);
  journal_.push_back(entry);
  may_die();
  return {};
}

Result<void> MemoryStorage::is_writable() { return log_fails_ ? flush() : Result<void>{}; }

void MemoryStorage::append_soon(ledger::NewAdmission admission) {
  const Entry entry{++last_, nullptr, std::make_shared<const ledger::NewAdmission>(std::move(admission))};
  waiting_.push_back(entry);
  journal_.push_back(entry);
}

Result<void> MemoryStorage::append_logged(ledger::NewAdmission admission) {
  auto flushed = flush();
  if (flushed.ok()) flushed = may_fail(weather_.write_fails, "write to");
  log_fails_ = !flushed.ok();
  if (!flushed.ok()) return flushed;
  append_soon(std::move(admission));
  log_.push_back(waiting_[logged_++]);
  may_die();
  return {};
}

Result<void> MemoryStorage::flush() {
  while (logged_ < waiting_.size()) {
    auto allowed = may_fail(weather_.write_fails, "write to");
    log_fails_ = !allowed.ok();
    if (log_fails_) return allowed;
    log_.push_back(waiting_[logged_++]);
    may_die();
  }
  log_fails_ = false;
  return {};
}

Result<void> MemoryStorage::sync() {
  auto placed = may_fail(waiting_.empty() ? 0 : weather_.write_fails, "write to");
  if (!placed.ok()) return placed;
  place_waiting();
  auto allowed = may_fail(sync_failed_ ? 1000 : weather_.sync_fails, "sync");
  if (!allowed.ok()) {
    sync_failed_ = weather_.sync_stays_failed;
    return allowed;
  }
  for (const Entry& entry : unsynced_) write(safe_, entry);
  unsynced_.clear();
  synced_to_ = last_;
  may_die();
  return {};
}

std::vector<std::uint64_t> MemoryStorage::crash(bool machine) {
  const auto kept = [&](std::size_t count) { return machine ? static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(count) + 1)) : count; };
  unsynced_.resize(kept(unsynced_.size()));
  log_.resize(kept(log_.size()));
  std::vector<std::uint64_t> survivors;
  for (const Entry& entry : unsynced_) {
    write(safe_, entry);
    survivors.push_back(entry.number);
  }
  // What is in its place already may be newer than the log.
  for (const Entry& entry : log_) {
    if (safe_.admissions.contains(entry.admission->row.id)) continue;
    safe_.write(still_fits(safe_, entry.admission));
    survivors.push_back(entry.number);
  }
  now_ = safe_;
  unsynced_.clear();
  waiting_.clear();
  logged_ = 0;
  log_fails_ = false;
  log_.clear();
  synced_to_ = last_;
  sync_failed_ = false;
  return survivors;
}

ledger::Snapshot MemoryStorage::snapshot() const {
  ledger::Snapshot all;
  all.schema_version = 1;
  for (const auto& [account, sums] : now_.accounts) all.balances.push_back({account, {{sums.debits}, {sums.credits}, {}, {}}});
  for (const auto& [id, lien] : now_.liens) all.liens.push_back(lien);
  return all;
}

Result<ledger::Snapshot> MemoryStorage::load() {
  const auto allowed = may_fail(weather_.read_fails, "read");
  if (!allowed.ok()) return allowed.failure();
  place_waiting();
  ledger::Snapshot all = snapshot();
  for (const auto& [key, object] : now_.objects) {
    if (object->kind != "request") all.objects.push_back(*object);
  }
  for (const auto& [id, row] : now_.admissions) {
    if (row->open) all.admissions.push_back(*row);
  }
  return all;
}

Result<std::optional<ledger::Object>> MemoryStorage::object(const std::string& kind, const std::string& id) {
  const auto allowed = may_fail(weather_.read_fails, "read");
  if (!allowed.ok()) return allowed.failure();
  return found(now_.objects, {kind, id});
}

Result<std::optional<ledger::Document>> MemoryStorage::document(const std::string& sha256) {
  const auto allowed = may_fail(weather_.read_fails, "read");
  if (!allowed.ok()) return allowed.failure();
  return found(now_.documents, sha256);
}

Result<std::optional<ledger::AdmissionRow>> MemoryStorage::admission(const std::string& id) {
  const auto allowed = may_fail(weather_.read_fails, "read");
  if (!allowed.ok()) return allowed.failure();
  return found(now_.admissions, id);
}

Result<void> MemoryStorage::charges(const ledger::ChargeQuery& query, const std::function<bool(ledger::ChargeRow&&)>& each) {
  auto allowed = may_fail(weather_.read_fails, "read");
  if (!allowed.ok()) return allowed;
  // As they are now: who reads them may append meanwhile.
  std::vector<std::shared_ptr<const ledger::ChargeRow>> rows;
  const auto add = [&](const std::string& key) {
    const auto one = now_.charges.find(key);
    if (one != now_.charges.end() && fits(query, *one->second)) rows.push_back(one->second);
  };
  if (query.key) {
    add(*query.key);
  } else {
    const std::set<std::string> keys(query.keys.begin(), query.keys.end());
    for (const std::string& key : keys) add(key);
    for (const auto& [key, row] : now_.charges) {
      if (keys.empty() && fits(query, *row)) rows.push_back(row);
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a->end < b->end; });
  }
  if (query.limit >= 0 && rows.size() > static_cast<std::size_t>(query.limit)) rows.resize(static_cast<std::size_t>(query.limit));
  for (const auto& row : rows) {
    if (!each(ledger::ChargeRow(*row))) break;
  }
  return {};
}

Result<ledger::Snapshot> MemoryStorage::audit(const std::function<void(ledger::Event&&)>& each,
                                              const std::function<void(ledger::ChargeRow&&)>& each_charge) {
  place_waiting();
  for (const auto& event : now_.events) each(ledger::Event(*event));
  for (const auto& [key, row] : now_.charges) each_charge(ledger::ChargeRow(*row));
  return snapshot();
}

}  // namespace sluice::simulation
