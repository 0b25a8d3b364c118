// SPDX-License-Identifier: Apache-2.0
//
// Books::settle: from the records of finished jobs to charges, each once; what becomes of one
// stands in settle_record.cpp.

#include <algorithm>
#include <future>
#include <unordered_map>
#include <unordered_set>

#include "accounting/core/digest.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/fault_point.hpp"
#include "accounting/service/record_text.hpp"
#include "accounting/service/settling.hpp"
#include "accounting/slurm/codec.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t records_per_lock = 25;    // how long an admission may wait for us
constexpr std::size_t records_read_ahead = 500;
constexpr std::size_t unrated_at_once = 1000;
constexpr std::size_t keys_at_once = 500;

/// What the ledger has of a record already.
struct StoredCharge {
  bool rated = false;
  std::string record;
  std::string admission;
};
using StoredCharges = std::unordered_map<std::string, StoredCharge>;

/// By key. Most records were read before: they are asked for many at a time.
Result<StoredCharges> stored_charges(ledger::Storage& storage, const std::vector<slurm::UsageRecord>& records) {
  StoredCharges stored;
  ledger::ChargeQuery query;
  for (auto record = records.begin(); record != records.end();) {
    query.keys.clear();
    for (; record != records.end() && query.keys.size() < keys_at_once; ++record) query.keys.push_back(charge_key(*record));
    const auto read = storage.charges(query, [&](ledger::ChargeRow&& row) {
      stored.emplace(std::move(row.key), StoredCharge{row.rated, row.rated ? "" : std::move(row.record), std::move(row.admission)});
      return true;
    });
    if (!read.ok()) return read.failure();
  }
  return stored;
}

}  // namespace

Books::ReadRecord Books::read_comment(const slurm::UsageRecord& record) const {
  ReadRecord read{slurm::read_tagged(record.admin_comment)};
  const auto& tag = read.comment.tag;
  read.mac_fits = tag && tag->id && tag->mac &&
                  equal_constant_time(*tag->mac, tag_mac(mac_key_, *tag->id, record.cluster, record.user_id));
  return read;
}

std::vector<Books::ReadRecord> Books::read_some(std::span<const DueRecord> records) const {
  std::vector<ReadRecord> all;
  for (const DueRecord& due : records) {
    ReadRecord& read = all.emplace_back(read_comment(*due.record));
    read.text = record_text(*due.record);
    read.sha256 = sha256_hex(read.text);
  }
  return all;
}

Result<SettleCount> Books::settle_some(std::span<const DueRecord> records, std::span<ReadRecord> read, UnixTime now) {
  const std::lock_guard lock(mutex_);
  SettleCount count;
  Working working;
  ProgrammeHashes hashes;
  Transaction transaction(*this);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const DueRecord& due = records[i];
    Settling settling{*due.record, read[i], now, due.again, due.newer, due.admission, working, hashes};
    const auto settled = settle_one(transaction, settling);
    if (!settled.ok()) return settled.failure();
    ++(!*settled ? count.known : settling.rated ? count.charged : count.unrated);
  }
  for (const auto& [id, admission] : working) transaction.batch.admissions.push_back(to_row(admission));
  fault_point("settle.before_append");
  const auto committed = transaction.commit();
  fault_point("settle.after_append");
  if (!committed.ok()) return committed.failure();
  for (auto& [id, admission] : working) put(std::move(admission));
  for (const auto& refund : transaction.batch.objects) refunds_[refund.id] = json::parse(refund.body);
  return count;
}

/// A tracker at a federated job's origin says REVOKED when a sibling starts the job: no end, but
/// the tag that the origin set and the job's id stand in it together.
Result<void> Books::note_trackers(const std::vector<slurm::UsageRecord>& records) {
  const std::lock_guard lock(mutex_);
  Working working;
  const std::string none;
  for (const auto& record : records) {
    if (record.state != "REVOKED") continue;
    ProgrammeHashes hashes;
    ReadRecord read = read_comment(record);
    Settling settling{record, read, 0, false, false, none, working, hashes};
    const std::string id = believed_id(settling);
    if (id.empty() || !open_.contains(id)) continue;
    const auto taken = take_admission(settling, id);
    if (!taken.ok()) return taken.failure();
    if (!*taken) continue;
    settling.admission->job_ids.insert(record.job_id);
  }
  std::erase_if(working, [&](const auto& entry) { return entry.second.job_ids.size() == open_.at(entry.first).job_ids.size(); });
  if (working.empty()) return {};
  Transaction transaction(*this);
  for (const auto& [id, admission] : working) transaction.batch.admissions.push_back(to_row(admission));
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  for (auto& [id, admission] : working) put(std::move(admission));
  return {};
}

/// While some are charged the next are read: that needs no lock.
Result<SettleCount> Books::settle_due(std::span<const DueRecord> due, UnixTime now) {
  SettleCount count;
  const auto take = [](auto& from, std::size_t size) {
    const auto taken = from.first(std::min(size, from.size()));
    from = from.subspan(taken.size());
    return taken;
  };
  std::span<const DueRecord> records = take(due, records_read_ahead);
  std::vector<ReadRecord> read = read_some(records);
  while (!records.empty()) {
    const std::span<const DueRecord> next = take(due, records_read_ahead);
    std::future<std::vector<ReadRecord>> reading;
    if (!next.empty()) reading = std::async([this, next] { return read_some(next); });
    for (std::span<ReadRecord> left(read); !left.empty();) {
      const auto some = settle_some(take(records, records_per_lock), take(left, records_per_lock), now);
      if (!some.ok()) return some.failure();
      count.add(*some);
    }
    if (reading.valid()) read = reading.get();
    records = next;
  }
  return count;
}

Result<SettleCount> Books::settle_records(const std::vector<slurm::UsageRecord>& records, UnixTime now, bool again) {
  SettleCount count;
  std::vector<DueRecord> due;
  std::unordered_set<std::string> keys;
  const auto stored = stored_charges(storage_, records);
  if (!stored.ok()) return stored.failure();
  for (const auto& record : records) {
    if (!record.end || record.state == "REVOKED") continue;
    const std::string key = charge_key(record);
    // Twice in one answer of slurmdbd is once.
    bool known = !keys.insert(key).second;
    DueRecord one{&record};
    if (const auto before = stored.value().find(key); before != stored.value().end()) {
      one.again = true;
      one.admission = before->second.admission;
      // What had no price may have been half-written then; what slurmdbd says now counts.
      one.newer = !before->second.rated && before->second.record != record_text(record);
      known = known || before->second.rated || !(again || one.newer);
    }
    if (known) {
      ++count.known;
    } else {
      due.push_back(one);
    }
  }
  const auto settled = settle_due(due, now);
  if (!settled.ok()) return settled.failure();
  count.add(*settled);
  // Also where all was known: what an earlier call appended it may not have synced.
  if (!records.empty()) {
    const auto synced = storage_.sync();
    if (!synced.ok()) return synced.failure();
  }
  fault_point("settle.after_sync");
  return count;
}

Result<SettleCount> Books::settle(const std::vector<slurm::UsageRecord>& records, UnixTime now) {
  const std::lock_guard one_settler(settling_);
  const auto noted = note_trackers(records);
  if (!noted.ok()) return noted.failure();
  return settle_records(records, now, false);
}

Result<SettleCount> Books::settle_unrated(UnixTime now) {
  const std::lock_guard one_settler(settling_);
  SettleCount count;
  std::vector<slurm::UsageRecord> records;
  Result<void> outcome;
  const auto rate = [&] {
    const auto some = settle_records(records, now, true);
    records.clear();
    if (!some.ok()) {
      outcome = some.failure();
      return;
    }
    count.add(*some);
  };
  ledger::ChargeQuery query;
  query.unrated_only = true;
  // All of them, however many have still no price: those must not stand in front of others for ever.
  const auto read = storage_.charges(query, [&](ledger::ChargeRow&& row) {
    auto record = slurm::usage_record_from_json(json::parse(row.record, nullptr, false));
    if (record.ok()) records.push_back(std::move(*record));
    if (records.size() >= unrated_at_once) rate();
    return outcome.ok();
  });
  if (!read.ok()) return read.failure();
  if (outcome.ok() && !records.empty()) rate();
  if (!outcome.ok()) return outcome.failure();
  return count;
}

}  // namespace sluice::service
