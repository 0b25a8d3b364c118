// SPDX-License-Identifier: Apache-2.0
//
// Books::view_job: one job from its submission on, as E of API.md.

#include <algorithm>
#include <deque>
#include <iterator>

#include "accounting/service/books.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t tasks_max = 1000;  // an array may have millions, and people read some

json names_asked_for(const JobName& asked, const std::optional<slurm::LiveJob>& live) {
  // A record of an array's pending tasks stands for all of them.
  if (live && (live->array_task_id || !asked.task)) return names_of(live->job_id, live->array_job_id, live->array_task_id);
  return names_of(asked.id, asked.task ? asked.id : 0, asked.task);
}

json from_live(const slurm::LiveJob& live, const std::string& user) {
  return {{"user", user}, {"account", live.account}, {"cluster", live.cluster}, {"partition", live.partition}, {"state", live.state}};
}

json from_admission(const Admission& a) {
  return {{"user", a.user}, {"account", a.account}, {"cluster", a.target}, {"partition", a.partition}, {"state", "open"}};
}

json from_row(const ledger::ChargeRow& row) {
  return {{"user", row.user}, {"account", row.account}, {"cluster", row.cluster}, {"partition", row.partition}, {"state", row.state}};
}

json other_record(const ledger::ChargeRow& row, const Zone& zone) {
  json other = names_of(row.job_id, row.array_job_id, task_of(json::parse(row.record, nullptr, false)));
  other.update({{"cluster", row.cluster}, {"submit", format_time(row.submit, zone)}, {"state", row.state}, {"charge", format_money(row.amount)}});
  return other;
}

}  // namespace

/// Of an array's task its records, else those of the job and of the tasks of an array of that id.
Result<std::vector<ledger::ChargeRow>> Books::rows_of(const JobName& name, const std::optional<std::string>& cluster) {
  std::vector<ledger::ChargeRow> rows;
  std::deque<ledger::ChargeRow> tasks;  // the newest
  ledger::ChargeQuery query;
  query.job_id = name.id;
  query.cluster = cluster;
  const auto read = storage_.charges(query, [&](ledger::ChargeRow&& row) {
    if (name.task && (row.array_job_id != name.id || task_of(json::parse(row.record, nullptr, false)) != name.task)) return true;
    if (name.task || row.job_id == name.id) {
      rows.push_back(std::move(row));
    } else {
      tasks.push_back(std::move(row));
      if (tasks.size() > tasks_max) tasks.pop_front();
    }
    return true;
  });
  if (!read.ok()) return read.failure();
  std::move(tasks.begin(), tasks.end(), std::back_inserter(rows));
  return rows;
}

std::optional<Admission> Books::stored_admission(const std::string& id) {
  if (id.empty()) return std::nullopt;
  const auto row = storage_.admission(id);
  if (!row.ok() || !*row) return std::nullopt;
  auto admission = admission_from_row(**row);
  if (!admission.ok()) return std::nullopt;
  return std::move(*admission);
}

/// Also of a component whose heterogeneous job is over.
json Books::explain_lien(const Admission& a) {
  const auto stored = a.lien_with.empty() || open_.contains(a.lien_with) ? std::nullopt : stored_admission(a.lien_with);
  const Admission& holder = stored ? *stored : holder_of(a);
  if (holder.lien_number == 0) return nullptr;
  const auto* open = open_lien(holder);
  const bool voided = open == nullptr && (holder.lien_voided_at != 0 || !holder.lien_used);
  return {{"id", holder.lien_id(holder.lien_number)},
          {"voucher", holder.voucher},
          {"amount", format_money(open != nullptr ? open->amount : holder.lien_first)},
          {"state", open != nullptr ? "open" : voided ? "voided" : "settled"},
          {"voided_at", voided && holder.lien_voided_at != 0 ? json(format_time(holder.lien_voided_at, config_->zone)) : json(nullptr)},
          {"voided_because", voided && !holder.lien_voided_because.empty() ? json(holder.lien_voided_because) : json(nullptr)}};
}

json Books::explain_admission(const Admission& a) {
  const auto time = [&](UnixTime at) { return at == 0 ? json(nullptr) : json(format_time(at, config_->zone)); };
  json quote = nullptr;
  if (!a.unpriced) {
    quote = {{"amount", format_money(a.quote)},
             {"by_voucher", format_money(a.quote_by_voucher)},
             {"by_self", format_money(a.quote_by_self)},
             {"tasks", a.tasks_total},
             {"voucher", a.voucher.empty() ? json(nullptr) : json(a.voucher)},
             {"price_book", price_book_name(a.price_book)},
             {"priced_by", a.price_book},
             {"at", time(a.created_at)}};
  }
  const json answer = json::parse(a.answer, nullptr, false);
  const bool tagged = answer.is_object() && answer.contains("admin_comment");
  return {{"lien", explain_lien(a)}, {"quote", std::move(quote)}, {"tag", tagged ? answer["admin_comment"] : json(nullptr)}};
}

json Books::price_book_name(const std::string& sha256) {
  const auto book = price_book(sha256);
  return book.ok() && *book != nullptr ? json((*book)->name()) : json(nullptr);
}

json Books::explain_charge(const ledger::ChargeRow& row, const json& record, const json& how) {
  if (!row.rated) return nullptr;
  json charge = show(borne(row));
  charge["amount"] = charge["charge"];
  charge.erase("charge");
  charge["voucher"] = row.voucher.empty() ? json(nullptr) : json(row.voucher);
  charge["elapsed_seconds"] = record.value("elapsed_seconds", 0);
  charge["tres"] = record.value("tres_alloc", json::object());
  charge["posted_at"] = row.posted ? json(format_time(how.at("at").get<UnixTime>(), config_->zone)) : json(nullptr);
  charge["priced_by"] = how.value("price_book", "");
  charge["price_book"] = price_book_name(how.value("price_book", ""));
  return charge;
}

Result<json> Books::view_job(const Caller& caller, const JobName& name, const std::optional<std::string>& cluster,
                             SlurmFacts& facts, UnixTime now) {
  auto read = rows_of(name, cluster);
  if (!read.ok()) return read.failure();
  std::vector<ledger::ChargeRow> rows = std::move(*read);
  auto live = live_.find(name, cluster);
  // Before the mutex: a directory service may be asked.
  const std::string live_user = live ? facts.user_name(live->user_id, now).value_or(std::to_string(live->user_id)) : "";
  // The job itself before tasks of an array of that number, then the newest.
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return std::pair(a.job_id == name.id, a.end) > std::pair(b.job_id == name.id, b.end);
  });
  bool hidden = false;
  std::optional<Admission> admission;
  {
    // Ids begin anew on every cluster: what is not the caller's must not stand before what is.
    const std::lock_guard lock(mutex_);
    const auto is_hidden = [&](const std::string& user, const std::string& account) {
      const bool seen = may_see(caller, user, account, facts, now);
      hidden = hidden || !seen;
      return !seen;
    };
    std::erase_if(rows, [&](const auto& row) { return is_hidden(row.user, row.account); });
    if (live && is_hidden(live_user, live->account)) live.reset();
    const auto [first, last] = open_of_job_.equal_range(name.id);
    for (auto it = first; it != last && rows.empty(); ++it) {
      const Admission& one = open_.at(it->second);
      if ((cluster && one.target != *cluster && one.cluster != *cluster) || is_hidden(one.user, one.account)) continue;
      if (!admission || one.created_at > admission->created_at) admission = one;
    }
  }
  if (!rows.empty()) admission = stored_admission(rows.front().admission);
  // An array's admission knows how many tasks it has, not which: Slurm does, or a record.
  if (rows.empty() && name.task && !live) admission.reset();
  if (rows.empty() && !admission && !live) {
    if (hidden) return refusal("not_yours", "job " + to_text(name) + " is not one of yours");
    return refusal("job_unknown", "job " + to_text(name) + " is not known; check its id and cluster");
  }

  std::unique_lock lock(mutex_);
  json body = {{"lien", nullptr}, {"quote", nullptr}, {"charge", nullptr}, {"tag", nullptr}};
  json reasons = json::array();
  if (admission) {
    body.update(explain_admission(*admission));
    for (const auto& reason : admission->reasons) reasons.push_back(reason);
  }
  if (rows.empty()) {
    body.update(names_asked_for(name, live));
    body.update(live ? from_live(*live, live_user) : from_admission(*admission));
    if (!admission && live->submit < since_) reasons.push_back("it was submitted before this service began and is not charged");
    if (!admission && live->submit >= since_) reasons.push_back("nobody answered for it when it was submitted; it is priced and charged when it has ended");
    if (live && live->finished) reasons.push_back("it has ended; it is charged when slurmdbd has all of its record, a minute or two later");
    body["reasons"] = std::move(reasons);
    return body;
  }
  const auto& row = rows.front();
  const json record = json::parse(row.record, nullptr, false);
  const json how = json::parse(row.body, nullptr, false);
  body.update(names_of(row.job_id, row.array_job_id, task_of(record)));
  body.update(from_row(row));
  body["charge"] = explain_charge(row, record, how);
  if (!body["tag"].is_string() && record.contains("admin_comment")) body["tag"] = record["admin_comment"];
  for (const auto& reason : how.at("reasons")) reasons.push_back(reason);
  // Put back into the queue, a job is submitted anew under its id.
  if (live && !live->finished && live->cluster == row.cluster && live->job_id == row.job_id && live->submit > row.submit) {
    body["state"] = live->state;
    reasons.push_back("its run before was " + row.state + "; what it uses now is charged when it has ended");
  }
  body["reasons"] = std::move(reasons);
  const auto config = config_;
  lock.unlock();  // the others are many
  for (std::size_t i = 1; i < rows.size(); ++i) body["others"].push_back(other_record(rows[i], config->zone));
  return body;
}

}  // namespace sluice::service
