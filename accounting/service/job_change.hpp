// SPDX-License-Identifier: Apache-2.0
//
// A change that somebody asks of a job that was admitted (`scontrol update`): what priced the
// job, what would price it then, and whether Slurm has made the change. Pure.

#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/service/config.hpp"
#include "accounting/slurm/record.hpp"
#include "accounting/tariff/job_request.hpp"

namespace sluice::service {

/// What `scontrol update` names: 123, 123_4-6 (some tasks of an array) or 123+1 (one component of a
/// heterogeneous job).
struct ChangedJob {
  std::uint32_t id = 0;
  std::string tasks;                       ///< "4-6", without brackets; empty: not of some tasks only
  std::optional<std::uint32_t> component;
};
[[nodiscard]] Result<ChangedJob> parse_changed_job(std::string_view text);

/// A request of kind "modify" of plugins/job_submit/PROTOCOL.md.
struct ModifyRequest {
  std::string name;             ///< as typed, for texts
  ChangedJob job;
  std::uint32_t submit_uid = 0; ///< who asks
  tariff::JobRequest changes;   ///< what is set changes; an empty text takes it away; `array` is the throttle
  std::optional<UnixTime> end_time;
};
/// Whether a request may be of that kind, at the price of a search.
[[nodiscard]] bool may_be_modify_request(std::string_view text);
/// Refuses with this code what is of another kind.
inline constexpr const char* not_modify = "not_modify";
[[nodiscard]] Result<ModifyRequest> modify_request_from_text(std::string_view text);

/// What of a job prices it, as a JSON object, and back. `account` is the one that it is charged to,
/// whether it was named or not.
[[nodiscard]] std::string price_fields_text(const tariff::JobRequest& job, const std::string& account);
[[nodiscard]] Result<tariff::JobRequest> job_from_price_fields(const std::string& text, std::uint32_t user_id);

/// `before` as it is once `changes` are made.
[[nodiscard]] tariff::JobRequest with_changes(tariff::JobRequest before, const tariff::JobRequest& changes);

/// What of a job somebody asked to be changed, as far as it has a price.
enum class ChangeKind { time_limit, partition, account, resources, throttle };
[[nodiscard]] std::set<ChangeKind> kinds_of(const ModifyRequest& request);

/// Some tasks of an array that were changed on their own. Amounts are of one task.
struct TaskPart {
  std::string tasks;
  std::int64_t count = 0;
  Money quote;
  Money by_voucher;
  std::string asked;  ///< price fields
};

[[nodiscard]] nlohmann::json to_json(const std::vector<TaskPart>& parts);
/// Throws nlohmann::json::exception where it isn't what to_json makes; so do the others below.
[[nodiscard]] std::vector<TaskPart> parts_from_json(const nlohmann::json& list);

/// What a quote and its lien follow from.
struct Terms {
  std::string account;
  std::string partition;
  std::string target;
  Mode mode = Mode::observe;
  bool unpriced = false;
  std::string price_book;
  std::int64_t tasks_at_once = 1;
  Money task_quote;
  Money task_by_voucher;
  std::string asked;  ///< price fields
  std::vector<TaskPart> parts;
};
[[nodiscard]] nlohmann::json to_json(const Terms& terms);
[[nodiscard]] Terms terms_from_json(const nlohmann::json& object);

/// A change that was asked of Slurm and isn't seen there yet: Slurm may still refuse it. Until that is
/// known the dearer terms hold.
struct PendingChange {
  UnixTime asked_at = 0;
  std::string tasks;        ///< of an array, where it is for some only
  std::set<ChangeKind> kinds;
  std::string tres_before;  ///< LiveJob::tres_req; empty: not known
  std::optional<std::int64_t> limit_before;  ///< LiveJob's, −1: unlimited; none: not known
  Terms before;
  Terms after;
};
[[nodiscard]] nlohmann::json to_json(const PendingChange& change);
[[nodiscard]] PendingChange pending_change_from_json(const nlohmann::json& object);

/// The time limit of a live job in minutes, −1 where it has none.
[[nodiscard]] std::int64_t limit_of(const slurm::LiveJob& job);

/// Whether a live job is dearer than what was asked for, or another account's, though nobody asked
/// for that. `asked` holds price fields, as price_fields_text writes them.
[[nodiscard]] bool was_changed_unasked(const std::string& asked, const slurm::LiveJob& job);

enum class Made { no, yes, in_part };
/// What a record that was read after the change says of it.
[[nodiscard]] Made was_made(const PendingChange& change, const slurm::LiveJob& job);

}  // namespace sluice::service
