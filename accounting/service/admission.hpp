// SPDX-License-Identifier: Apache-2.0
//
// An admission: what the service remembers of a submission that it let in, from
// the answer to slurmctld until its records have been read. Pure.

#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/ledger/storage/storage.hpp"
#include "accounting/service/config.hpp"
#include "accounting/service/job_change.hpp"

namespace sluice::service {

struct Admission {
  std::string id;
  std::string nonce_id;       ///< what nonce_id() gives for its submission; empty: it had no nonce, or one in use
  bool open = true;
  UnixTime created_at = 0;
  std::string cluster;        ///< where it was submitted
  std::string target;         ///< cluster where it is meant to run
  std::int64_t user_id = 0;
  std::string user;
  std::string account;
  std::string partition;
  std::string voucher;        ///< empty: none
  std::string programme;      ///< of the voucher
  std::string workload;
  std::string scenario;
  Mode mode = Mode::observe;
  bool unpriced = false;
  std::string price_book;     ///< SHA-256 of the book that priced the quote
  std::string content_sha256; ///< of the request, to tell a repetition from a reuse
  std::string answer;         ///< the answer given, for a repetition
  Money quote;                ///< all of an array's tasks
  Money quote_by_voucher;
  Money quote_by_self;
  Money task_quote;           ///< one task
  Money task_by_voucher;
  Money task_by_self;
  std::optional<Money> max_self;  ///< the user's own limit, per job or task
  std::int64_t tasks_total = 1;
  std::int64_t tasks_at_once = 1;
  std::string lien_with;          ///< id of the admission whose lien covers this one too; empty: its own does
  std::int64_t lien_number = 0;   ///< of the newest lien; 0: none was placed
  Money lien_first;               ///< amount of the lien that an answer placed last, for explain
  bool lien_used = false;         ///< a charge took something of a lien
  UnixTime lien_voided_at = 0;    ///< of the newest lien; 0: it was not voided
  std::string lien_voided_because;
  std::int64_t tasks_charged = 0; ///< records that ended a task, paid or not
  UnixTime newest_run = 0;        ///< submit time of the newest record that was read; 0: none was
  bool interrupted = false;       ///< that one says an end after which Slurm may start it again
  std::set<std::uint32_t> job_ids;  ///< as seen in slurmctld or slurmdbd; of an array only its own id
  std::vector<std::string> reasons; ///< how it was decided, in order
  std::string closed_because;
  std::string asked;                    ///< price fields of what was asked for; empty: not kept
  std::vector<TaskPart> parts;          ///< tasks of its array that were changed on their own
  std::optional<PendingChange> change;  ///< asked of Slurm, and not seen there yet

  [[nodiscard]] std::string lien_id(std::int64_t number) const { return id + "." + std::to_string(number); }
};

[[nodiscard]] Terms terms_of(const Admission& admission);
/// Puts `terms` and the quotes that follow from them into place; false, and nothing is changed, where
/// these are beyond all numbers.
[[nodiscard]] bool set_terms(Admission& admission, const Terms& terms);

/// What is to be set aside for what can still run, zero where nothing is enforced.
/// Nothing where it is beyond all numbers.
[[nodiscard]] std::optional<Money> lien_wanted(const Admission& admission);
/// What it may still cost its account itself.
[[nodiscard]] Money self_quote_left(const Admission& admission);

[[nodiscard]] ledger::AdmissionRow to_row(const Admission& admission);
[[nodiscard]] Result<Admission> admission_from_row(const ledger::AdmissionRow& row);

/// What all calls of one submission have in common, on every cluster: the same for the same nonce
/// and user. Nobody can name somebody else's.
[[nodiscard]] std::string nonce_id(const std::string& nonce, std::int64_t user_id, std::optional<std::uint32_t> het_offset);

}  // namespace sluice::service
