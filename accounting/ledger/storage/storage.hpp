// SPDX-License-Identifier: Apache-2.0
//
// Storage: the one small interface between the service and what lies on disk.
//
// append() writes a batch whole or not at all and survives the death of this
// process; append_soon() takes a new admission and flush() does the same for it, only
// cheaper; sync() makes everything appended so far survive the death of the machine. A
// lien is answered before its flush, posted transfers only after sync. Calls may come from several
// threads; the caller sees to the order of its appends.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/ledger/ledger.hpp"

namespace sluice::ledger {

/// A named thing whose newest text replaces the older one: programme, voucher,
/// proposal, request (an answered request id) or mark (a watermark).
struct Object {
  std::string kind;
  std::string id;
  std::string body;  ///< canonical JSON
};

/// A text that rated or decided something, kept for ever under its hash.
struct Document {
  std::string sha256;
  std::string kind;  ///< price_book, programme
  std::string text;
  std::string author;
  UnixTime loaded_at = 0;
};

/// A submission that was admitted. It stays open until its records have been read.
struct AdmissionRow {
  std::string id;
  bool open = true;
  UnixTime created_at = 0;
  std::string cluster;
  std::int64_t user_id = 0;
  std::string content_sha256;
  std::string body;  ///< JSON of the service's Admission
};

/// One usage record as it was read, rated and charged.
struct ChargeRow {
  std::string key;  ///< cluster/job id/submit time
  std::string cluster;
  std::uint32_t job_id = 0;
  std::uint32_t array_job_id = 0;
  UnixTime submit = 0;
  std::optional<UnixTime> start;
  UnixTime end = 0;
  std::string user;
  std::string account;
  std::string partition;
  std::string state;
  std::string admission;  ///< empty: none
  std::string voucher;    ///< empty: none
  std::string programme;
  Money amount, by_voucher, by_self, overrun;
  bool posted = false;    ///< false: observed only, or not rated yet
  bool rated = false;     ///< false: no price was known
  std::string record;     ///< the usage record, canonical JSON
  std::string body;       ///< how it was decided: reasons and hashes, canonical JSON
  bool replaces = false;  ///< not kept: a row of this key stands there that was not rated
};

/// A final tag that still has to be written into slurmdbd.
struct TagRow {
  std::int64_t id = 0;  ///< given by the storage
  std::string cluster;
  std::uint32_t job_id = 0;
  std::uint32_t state_number = 0;
  UnixTime submit = 0;
  UnixTime end = 0;
  std::string text;
};

/// What is written together.
struct Batch {
  std::vector<Event> events;
  std::vector<Object> objects;
  std::vector<Document> documents;
  std::vector<AdmissionRow> admissions;  ///< new, or newer than the stored one
  std::vector<ChargeRow> charges;        ///< new, or `replaces`
  std::vector<TagRow> tags;
  std::vector<std::int64_t> tags_done;
};

/// A new admission and the event of its lien, where it got one.
struct NewAdmission {
  AdmissionRow row;
  std::optional<Event> lien;
};

/// What the service needs in memory at start.
struct Snapshot {
  std::vector<std::pair<AccountRef, Balance>> balances;  ///< posted sums
  std::vector<Lien> liens;
  std::vector<Object> objects;          ///< programmes, vouchers, proposals, marks; no requests
  std::vector<AdmissionRow> admissions; ///< the open ones
  std::int64_t schema_version = 0;
};

struct ChargeQuery {
  std::optional<std::string> key, cluster, account, user, voucher;
  std::vector<std::string> keys;             ///< any of them; empty: it doesn't matter
  std::optional<std::uint32_t> job_id;       ///< its own or its array's
  std::optional<UnixTime> end_from, end_to;  ///< [from, to)
  bool unrated_only = false;
  bool posted_only = false;
  std::int64_t limit = -1;
};

class Storage {
 public:
  virtual ~Storage() = default;

  virtual Result<Snapshot> load() = 0;
  virtual Result<void> append(const Batch& batch) = 0;
  /// Whether to take another admission: not after a flush() that failed, as long as the disk
  /// still does. No system call while flush() works and comes in time; where it doesn't, this waits.
  virtual Result<void> is_writable() = 0;
  /// Takes it into memory; flush(), or what comes before, writes it.
  virtual void append_soon(NewAdmission admission) = 0;
  /// The same and its flush at once, or nothing.
  virtual Result<void> append_logged(NewAdmission admission) = 0;
  /// Until the next append, sync or audit the admissions are found only after a restart.
  /// Where those can't bring them to their place they fail, and the next one tries again.
  virtual Result<void> flush() = 0;
  virtual Result<void> sync() = 0;

  virtual Result<std::optional<Object>> object(const std::string& kind, const std::string& id) = 0;
  virtual Result<std::optional<Document>> document(const std::string& sha256) = 0;
  virtual Result<std::optional<AdmissionRow>> admission(const std::string& id) = 0;
  /// Ordered by (end, key); `each` returns false to stop.
  virtual Result<void> charges(const ChargeQuery& query, const std::function<bool(ChargeRow&&)>& each) = 0;
  virtual Result<std::vector<TagRow>> tags_due(std::int64_t limit) = 0;
  /// Every event with its transfers in the order of posting, then every charge (without
  /// its record and body), then the balances and liens, all as stored at one instant.
  /// Others may append meanwhile. Transfers of no event come as events without id.
  virtual Result<Snapshot> audit(const std::function<void(Event&&)>& each,
                                 const std::function<void(ChargeRow&&)>& each_charge) = 0;
};

}  // namespace sluice::ledger
