// SPDX-License-Identifier: Apache-2.0
//
// Books::modify and Books::follow_changes: from `scontrol update` to another lien, or to a refusal.
//
// Slurm asks before it has checked the change itself, and may refuse it afterwards. What costs more
// is set aside at once; what costs less counts only when Slurm is seen to have done it. So nobody gets
// a smaller lien for a change that Slurm was never going to make.

#include <algorithm>
#include <unordered_map>

#include "accounting/service/books.hpp"
#include "accounting/slurm/tag.hpp"
#include "accounting/tariff/index_list.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t parts_max = 64;    // of an array; with more, a change counts for all of its tasks
constexpr std::size_t reasons_max = 64;  // of an admission: whoever asks in a loop doesn't fill the ledger
constexpr std::size_t jobs_per_lock = 500;

std::string describe(const std::set<ChangeKind>& kinds) {
  static constexpr const char* names[] = {"time limit", "partition", "account", "resources", "tasks at once"};
  std::string text;
  for (const ChangeKind kind : kinds) text += (text.empty() ? "" : ", ") + std::string(names[static_cast<int>(kind)]);
  return text;
}

void add_reason(Admission& admission, const std::string& reason) {
  if (admission.reasons.size() >= reasons_max || (!admission.reasons.empty() && admission.reasons.back() == reason)) return;
  admission.reasons.push_back(reason);
}

/// Minutes from the start of a job to `end`; of one that isn't known to have started, from before its start.
std::int64_t minutes_to(UnixTime end, const std::optional<slurm::LiveJob>& live, UnixTime admitted_at) {
  const UnixTime start = live && live->start > 0 ? live->start : admitted_at;
  return std::max<std::int64_t>(1, (end - start + 59) / 60);
}

/// The first task of "4-9%5".
std::optional<std::uint32_t> first_task(const std::string& tasks) {
  if (tasks.empty() || tasks.front() < '0' || tasks.front() > '9') return std::nullopt;
  return static_cast<std::uint32_t>(std::strtoul(tasks.c_str(), nullptr, 10));
}

bool is_of_tasks(const slurm::LiveJob& job, const std::string& tasks) {
  if (tasks.empty()) return true;
  const auto task = job.array_task_id ? job.array_task_id : first_task(job.array_tasks);
  return task && may_hold_task(tasks, *task);
}

/// Lien and own part of an admission: what is compared to tell dearer from cheaper.
std::pair<Int128, Money> cost_of(const Admission& admission) {
  const auto lien = lien_wanted(admission);
  return {lien ? static_cast<Int128>(lien->micro) : static_cast<Int128>(INT64_MAX) + 1, self_quote_left(admission)};
}

/// The terms of all tasks, as far as they follow from an appraisal that nothing stands against.
void put_whole(Terms& terms, const Appraisal& appraisal, const Config& config) {
  if (!appraisal.refusals.empty()) return;
  const bool moved = terms.account != appraisal.account || terms.partition != appraisal.partition || terms.target != appraisal.target;
  terms.account = appraisal.account;
  terms.partition = appraisal.partition;
  terms.target = appraisal.target;
  terms.unpriced = appraisal.unpriced;
  terms.tasks_at_once = appraisal.tasks_at_once;
  terms.task_quote = appraisal.task_quote;
  // What was let in under one mode keeps it until it is moved.
  if (moved) terms.mode = mode_of(config, appraisal);
}

}  // namespace

/// Which admissions somebody speaks of.
struct Books::Named {
  std::vector<std::string> ids;
  ChangedJob job;       ///< of an array's task that was named by its own id: the array and its task
  bool unsure = false;  ///< a job too new to be told from others of its user
};

/// A job priced once more.
struct Books::PricedAgain {
  Appraisal appraisal;
  std::string price_book;
  std::string asked;   ///< price fields
  Money by_voucher;    ///< of appraisal.task_quote
};

struct Books::Change {
  std::set<ChangeKind> kinds;
  std::string tasks;  ///< of an array, where it is for some only
  Terms terms;        ///< that follow
  std::string tres_before;
  std::optional<std::int64_t> limit_before;
  std::vector<Failure> refusals;
};

Books::Named Books::admissions_of(const ModifyRequest& request) const {
  Named named{{}, request.job, false};
  const std::string& here = config_->cluster;
  const auto add = [&](std::uint32_t job_id) {
    const Admission* newest = nullptr;
    const auto [first, last] = open_of_job_.equal_range(job_id);
    for (auto it = first; it != last; ++it) {
      const Admission& a = open_.at(it->second);
      if (a.cluster == here && (newest == nullptr || a.created_at > newest->created_at)) newest = &a;
    }
    if (newest != nullptr) named.ids.push_back(newest->id);
  };
  for (const slurm::LiveJob& component : live_.components(here, request.job.id)) {
    if (!request.job.component || component.het_job_offset == request.job.component) add(component.job_id);
  }
  if (named.ids.empty() && !request.job.component) add(request.job.id);
  if (!named.ids.empty()) return named;
  const auto live = live_.find(JobName(request.job.id), here);
  if (live && live->array_job_id != 0 && live->array_task_id) {
    named.job = {live->array_job_id, std::to_string(*live->array_task_id), {}};
    add(live->array_job_id);
  }
  if (live) return named;
  // Slurm hasn't been read since it was submitted.
  const auto unseen = unseen_of_user_.find(request.changes.user_id);
  if (unseen == unseen_of_user_.end()) return named;
  std::vector<std::string> new_ones;
  std::copy_if(unseen->second.begin(), unseen->second.end(), std::back_inserter(new_ones),
               [&](const std::string& id) { return open_.at(id).cluster == here; });
  if (new_ones.size() == 1) named.ids = std::move(new_ones);
  named.unsure = new_ones.size() > 1;
  return named;
}

/// Whom Slurm may let change the job. In 22.05 it asks us before it looks.
bool Books::may_change(const Admission& admission, std::uint32_t uid, const std::string& name, const SlurmFacts& facts) const {
  if (uid == 0 || static_cast<std::int64_t>(uid) == admission.user_id) return true;
  const auto& control = config_->control_users;
  if (std::find(control.begin(), control.end(), name) != control.end()) return true;
  const auto here = facts.cluster(config_->cluster);
  return here != nullptr && here->inventory.operators.contains(name);
}

/// Priced by the price book that binds its quote, as long as that has a price.
Books::PricedAgain Books::price_again(const Admission& a, const Terms& terms, tariff::JobRequest job, const SlurmFacts& facts, UnixTime now) {
  if (!job.account) job.account = terms.account;
  AdmissionRequest asked;
  asked.job = std::move(job);
  const Site* site = config_->site_of_cluster(terms.target);
  if (terms.target != config_->cluster && site != nullptr && !asked.job.cluster_features) asked.options["place"] = site->name;
  const auto here = facts.cluster(config_->cluster);
  const auto stored = price_book(a.price_book);
  const auto bound = stored.ok() && !a.unpriced ? *stored : nullptr;
  PricedAgain priced;
  if (bound != nullptr) {
    priced.appraisal = appraise({asked, *config_, bound.get(), here, a.user, a.created_at});
    priced.price_book = a.price_book;
  }
  if (bound == nullptr || priced.appraisal.unpriced) {
    priced.appraisal = appraise({asked, *config_, prices_.get(), here, a.user, now});
    priced.price_book = prices_ != nullptr ? prices_->sha256() : "";
  }
  priced.asked = price_fields_text(asked.job, *asked.job.account);
  if (const auto voucher = vouchers_.find(a.voucher); voucher != vouchers_.end()) {
    priced.by_voucher = floor_share(priced.appraisal.task_quote, share_of(voucher->second, programmes_.at(voucher->second.programme)));
  }
  return priced;
}

Result<Books::Change> Books::change_of(const Admission& before, const ModifyRequest& request, const SlurmFacts& facts, UnixTime now) {
  Change change;
  change.kinds = kinds_of(request);
  change.tasks = before.tasks_total > 1 ? request.job.tasks : "";
  change.terms = before.change ? before.change->after : terms_of(before);
  auto& parts = change.terms.parts;
  const auto same = std::find_if(parts.begin(), parts.end(), [&](const TaskPart& part) { return part.tasks == change.tasks; });
  if (same == parts.end() && parts.size() >= parts_max) change.tasks.clear();

  const std::uint32_t job_id = before.job_ids.empty() ? request.job.id : *before.job_ids.begin();
  const auto live = live_.find(JobName(job_id, first_task(change.tasks)), before.target);
  // What it was before a change that waits isn't known to be what Slurm has now.
  if (live && !before.change) {
    change.tres_before = live->tres_req;
    change.limit_before = limit_of(*live);
  }
  tariff::JobRequest changes = request.changes;
  if (request.end_time) changes.time_limit_minutes = minutes_to(*request.end_time, live, before.created_at);
  const auto again = [&](const std::string& asked) -> Result<PricedAgain> {
    auto job = job_from_price_fields(asked, static_cast<std::uint32_t>(before.user_id));
    if (!job.ok()) return job.failure();
    return price_again(before, change.terms, with_changes(std::move(*job), changes), facts, now);
  };
  const auto put = [](TaskPart& part, const PricedAgain& priced) {
    part.asked = priced.asked;
    if (!priced.appraisal.refusals.empty()) return;
    part.quote = priced.appraisal.task_quote;
    part.by_voucher = priced.by_voucher;
  };
  const bool of_some = !change.tasks.empty();
  const auto priced = again(of_some && same != parts.end() ? same->asked : change.terms.asked);
  if (!priced.ok()) return priced.failure();
  if (of_some) {
    if (same != parts.end()) {
      put(*same, *priced);
    } else {
      const auto size = tariff::parse_array(change.tasks);
      const std::int64_t count = size.ok() ? std::min(size->tasks_total, before.tasks_total) : before.tasks_total;
      put(parts.emplace_back(TaskPart{change.tasks, count, {}, {}, {}}), *priced);
    }
  } else {
    for (TaskPart& part : parts) {
      const auto of_part = again(part.asked);
      if (!of_part.ok()) return of_part.failure();
      put(part, *of_part);
    }
    put_whole(change.terms, priced->appraisal, *config_);
    change.terms.asked = priced->asked;
    if (priced->appraisal.refusals.empty()) {
      change.terms.price_book = priced->price_book;
      change.terms.task_by_voucher = priced->by_voucher;
    }
  }
  change.refusals = check_change(before, change, *priced, now);
  return change;
}

/// What stands against it once it is in force, in the order of an admission's own refusals.
std::vector<Failure> Books::check_change(const Admission& before, const Change& change, const PricedAgain& priced, UnixTime now) {
  const Appraisal& appraisal = priced.appraisal;
  std::vector<Failure> refusals = appraisal.refusals;
  Admission after = before;
  const auto open = open_self_quotes_.find(before.account);
  const bool countable = set_terms(after, change.terms) && lien_wanted(after) &&
                         (open == open_self_quotes_.end() || checked_add(open->second, after.quote_by_self));
  if (!countable) {
    refusals.push_back(refusal("request_too_large", "the price of all tasks together can't be computed; ask for less"));
    return refusals;
  }
  after.mode = Mode::enforce;  // what would stand against it also where it isn't in force yet
  const bool moved = appraisal.account != before.account || appraisal.partition != before.partition || appraisal.target != before.target;
  // Of a heterogeneous job's lien, this component's part.
  const auto* lien = open_lien(holder_of(before));
  const Money held = lien != nullptr ? std::max(Money{}, lien->amount - wanted_beside(before)) : Money{};
  const Money wanted = lien_wanted(after).value_or(Money{});
  const auto voucher = vouchers_.find(before.voucher);
  if (voucher != vouchers_.end() && (moved || wanted > held)) {
    const Use use{before.user, appraisal.account, appraisal.target, appraisal.partition, now};
    const auto broken = check_eligibility(voucher->second, programmes_.at(voucher->second.programme), use, config_->zone);
    if (!broken.empty()) refusals.push_back(broken.front());
  }
  if (!change.tasks.empty()) {
    // --max-self is of each task.
    after.account = appraisal.account;
    after.task_by_self = std::max(after.task_by_self, appraisal.task_quote - priced.by_voucher);
  }
  if (moved || after.quote_by_self > before.quote_by_self) {
    if (auto refused = check_new_self_part(before, after)) refusals.push_back(std::move(*refused));
  }
  if (voucher != vouchers_.end() && wanted > held) {
    const Money available = ledger_.balance(ledger::voucher(before.voucher)).available();
    if (wanted - held > available) {
      refusals.push_back(refusal("insufficient_balance", "voucher " + before.voucher + " has " + format_at_most(available) + " yuan available besides " +
                                                             format_at_most(held) + " set aside for this job, which may then need " + format_at_least(wanted)));
    }
  }
  return refusals;
}

/// The account's rule, with what the job was quoted before left out of what is open.
std::optional<Failure> Books::check_new_self_part(const Admission& before, const Admission& after) {
  Money& quoted = open_self_quotes_[before.account];
  const Money all = quoted;
  quoted = quoted - self_quote_left(before);
  auto refused = check_self_pay(after);
  quoted = all;
  return refused;
}

/// An administrator's own AdminComment with our tag in it, whatever it claims to be.
std::optional<std::string> Books::keep_tag(const Admission& a, const std::string& comment) const {
  const json answer = json::parse(a.answer, nullptr, false);
  if (!answer.is_object() || !answer.contains("admin_comment")) return std::nullopt;
  const auto tag = slurm::find_tag(answer["admin_comment"].get<std::string>());
  if (!tag) return std::nullopt;
  const auto kept = slurm::with_tag(comment, slurm::to_json(*tag));
  if (!kept.ok() || kept->size() > comment_bytes_max) return std::nullopt;
  return *kept;
}

Result<Answer> Books::refuse_change(const std::vector<std::string>& ids, const ModifyRequest& request, const std::string& who,
                                    const std::vector<Failure>& refusals) {
  Answer answer;
  answer.admit = false;
  answer.mode = Mode::enforce;
  answer.refusal = refusals.front().code;
  for (const Failure& one : refusals) answer.lines.push_back("sluice: " + one.text);
  // In 22.05 nobody is shown these lines: `sluice explain` is where the reason can be read.
  Transaction transaction(*this);
  std::vector<Admission> noted;
  for (const std::string& id : ids) {
    Admission after = open_.at(id);
    for (const Failure& one : refusals) {
      add_reason(after, "refused to " + who + ": another " + describe(kinds_of(request)) + ": " + one.code + ": " + one.text);
    }
    if (after.reasons == open_.at(id).reasons) continue;
    transaction.batch.admissions.push_back(to_row(after));
    noted.push_back(std::move(after));
  }
  if (noted.empty()) return answer;
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed.failure();
  for (Admission& after : noted) put(std::move(after));
  return answer;
}

Result<void> Books::move_lien(Transaction& transaction, Working& working, const Admission& a, bool may_grow, const std::string& why, const ledger::Actor& actor, UnixTime now) {
  const std::string& holder_id = holder_of(a).id;
  Admission& holder = working.try_emplace(holder_id, open_.at(holder_id)).first->second;
  const auto* lien = open_lien(holder);
  const Money held = lien != nullptr ? lien->amount : Money{};
  const auto voucher = vouchers_.find(a.voucher);
  if (voucher == vouchers_.end()) return {};
  const bool active = voucher->second.state == VoucherState::active;
  const Money free = may_grow && active ? std::max(Money{}, ledger_.balance(ledger::voucher(a.voucher)).available()) : Money{};
  const auto own = lien_wanted(a);
  const auto wanted = own ? checked_add(*own, wanted_beside(a, working)) : std::nullopt;
  const Money amount = std::min(wanted.value_or(held), held + free);
  if (amount == held) return {};
  if (lien != nullptr) {
    const auto voided = void_lien(transaction, holder, *lien, why, actor, now);
    if (!voided.ok()) return voided;
  }
  if (amount.is_zero()) return {};
  ++holder.lien_number;
  holder.lien_first = amount;
  holder.lien_voided_at = 0;
  holder.lien_voided_because.clear();
  ledger::Event event = new_event("lien/" + holder.lien_id(holder.lien_number), ledger::EventKind::lien, actor, now);
  event.memo = why;
  event.document = a.content_sha256;
  event.transfers = ledger::lien_transfers(holder.lien_id(holder.lien_number), holder.voucher, amount);
  return transaction.post(std::move(event));
}

Result<void> Books::store(Transaction& transaction, Working& working) {
  if (working.empty()) return {};
  for (const auto& [id, admission] : working) transaction.batch.admissions.push_back(to_row(admission));
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  for (auto& [id, admission] : working) put(std::move(admission));
  return {};
}

Result<void> Books::make_change(Transaction& transaction, Working& working, const Admission& before, const Change& change,
                                const ledger::Actor& actor, UnixTime now) {
  // With the lien as another component's change may have left it.
  Admission& after = working.try_emplace(before.id, before).first->second;
  const Admission unchanged = after;
  if (!set_terms(after, change.terms)) return {};
  // How many tasks run at once Slurm has changed before it asks; all else it may still refuse.
  const bool done = change.kinds == std::set{ChangeKind::throttle};
  const std::string what = actor.name + " asked for another " + describe(change.kinds) + ": up to " + format_at_least(after.quote) +
                           " yuan instead of " + format_at_least(before.quote);
  if (!done) {
    after.change = PendingChange{now, change.tasks, change.kinds, change.tres_before, change.limit_before, terms_of(before), change.terms};
    if (cost_of(after) < cost_of(before)) {
      auto pending = std::move(after.change);
      after = unchanged;
      after.change = std::move(pending);
      add_reason(after, what + ", once Slurm has made the change");
      return {};
    }
  }
  add_reason(after, what);
  return move_lien(transaction, working, after, true, what, actor, now);
}

Answer Books::modify(const ModifyRequest& request, SlurmFacts& facts, UnixTime now) {
  const std::string who = facts.user_name(request.submit_uid, now).value_or(std::to_string(request.submit_uid));
  const std::lock_guard lock(mutex_);
  Named named = admissions_of(request);
  std::erase_if(named.ids, [&](const std::string& id) { return !may_change(open_.at(id), request.submit_uid, who, facts); });
  Answer answer;
  if (request.changes.admin_comment && named.ids.size() == 1) {
    answer.admin_comment = keep_tag(open_.at(named.ids.front()), *request.changes.admin_comment);
  }
  const auto kinds = kinds_of(request);
  if (kinds.empty()) return answer;
  if (named.unsure && request.submit_uid == request.changes.user_id) {
    answer.admit = false;
    answer.refusal = "job_unknown";
    answer.lines.push_back("sluice: job " + request.name + " is too new to be changed; try again in half a minute");
    return answer;
  }
  ModifyRequest asked = request;
  asked.job = named.job;
  std::vector<Change> changes;
  std::vector<Failure> refusals;
  for (const std::string& id : named.ids) {
    const Admission& before = open_.at(id);
    Change change;
    if (!before.asked.empty()) {
      auto made = change_of(before, asked, facts, now);
      if (!made.ok()) throw std::runtime_error(made.failure().text);
      change = std::move(*made);
    }
    // Slurm changes how many tasks run at once before it asks: there is nothing left to refuse.
    const bool acts = change.terms.mode == Mode::enforce && kinds != std::set{ChangeKind::throttle};
    if (acts) refusals.insert(refusals.end(), change.refusals.begin(), change.refusals.end());
    changes.push_back(std::move(change));
  }
  if (refusals.empty()) {
    const auto made = make_changes(named.ids, changes, {request.submit_uid, who}, now);
    if (made.ok()) {
      answer.lines = *made;
      return answer;
    }
    if (made.failure().kind != Failure::Kind::refusal) throw std::runtime_error(made.failure().text);
    refusals.push_back(made.failure());
  }
  auto refused = refuse_change(named.ids, request, who, refusals);
  if (!refused.ok()) throw std::runtime_error(refused.failure().text);
  return *refused;
}

/// All of them or none. Says what its user may be told.
Result<std::vector<std::string>> Books::make_changes(const std::vector<std::string>& ids, const std::vector<Change>& changes,
                                                     const ledger::Actor& actor, UnixTime now) {
  std::vector<std::string> lines;
  Working working;
  Transaction transaction(*this);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Admission& before = open_.at(ids[i]);
    if (before.asked.empty()) continue;
    const auto made = make_change(transaction, working, before, changes[i], actor, now);
    if (!made.ok()) return made.failure();
    const Money quote = working.at(before.id).quote;
    const bool acts = changes[i].terms.mode == Mode::enforce;
    for (const Failure& one : changes[i].refusals) {
      if (changes[i].terms.mode == Mode::warn) lines.push_back("sluice: would be refused once in force: " + one.text);
    }
    if (acts && quote != before.quote) lines.push_back("sluice: up to " + format_at_least(quote) + " yuan instead of " + format_at_least(before.quote));
  }
  const auto stored = store(transaction, working);
  if (!stored.ok()) return stored.failure();
  return lines;
}

Result<void> Books::follow_changes(const std::vector<slurm::LiveCluster>& live, const SlurmFacts& facts, UnixTime now) {
  for (const slurm::LiveCluster& cluster : live) {
    if (!cluster.ok) continue;
    const auto confirmed = confirm_changes(cluster, now);
    if (!confirmed.ok()) return confirmed;
    const auto followed = follow_unasked(cluster, facts, now);
    if (!followed.ok()) return followed;
  }
  return {};
}

/// Looks which changes Slurm has made. What was asked in the second in which Slurm was read waits
/// for the next time.
Result<void> Books::confirm_changes(const slurm::LiveCluster& cluster, UnixTime now) {
  std::unordered_map<std::uint32_t, std::pair<std::string, PendingChange>> waiting;  // by job id
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : changing_) {
      const Admission& a = open_.at(id);
      if (a.target != cluster.cluster || a.change->asked_at >= cluster.as_of) continue;
      for (const std::uint32_t job : a.job_ids) waiting.emplace(job, std::pair(id, *a.change));
    }
  }
  if (waiting.empty()) return {};
  struct Seen {
    UnixTime asked_at = 0;
    std::set<Made> made;
  };
  std::map<std::string, Seen> seen;
  for (const slurm::LiveJob& job : cluster.jobs) {
    const auto found = waiting.find(job.array_job_id != 0 ? job.array_job_id : job.job_id);
    if (found == waiting.end() || job.finished || job.revoked || !is_of_tasks(job, found->second.second.tasks)) continue;
    Seen& one = seen[found->second.first];
    one.asked_at = found->second.second.asked_at;
    one.made.insert(was_made(found->second.second, job));
  }
  for (const auto& [id, one] : seen) {
    // Of an array it is enough that one of its tasks has changed: those that are left do what they did.
    const Made made = one.made.contains(Made::yes) ? Made::yes : one.made.contains(Made::in_part) ? Made::in_part : Made::no;
    const auto confirmed = confirm(id, one.asked_at, made, now);
    if (!confirmed.ok()) return confirmed;
  }
  return {};
}

Result<void> Books::confirm(const std::string& id, UnixTime asked_at, Made made, UnixTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(id);
  if (found == open_.end() || !found->second.change || found->second.change->asked_at != asked_at) return {};
  Working working{{id, found->second}};
  Admission& after = working.at(id);
  const PendingChange change = *after.change;
  after.change.reset();
  if (made != Made::in_part && !set_terms(after, made == Made::yes ? change.after : change.before)) return {};
  const std::string why = made == Made::yes ? "Slurm made the change" : made == Made::no ? "Slurm did not make the change"
                                                                                           : "Slurm made the change in part; the dearer quote holds";
  add_reason(after, why);
  Transaction transaction(*this);
  const auto moved = move_lien(transaction, working, after, true, why, {-1, "sluiced"}, now);
  if (!moved.ok()) return moved;
  return store(transaction, working);
}

/// Jobs that were changed while nobody could be asked.
Result<void> Books::follow_unasked(const slurm::LiveCluster& cluster, const SlurmFacts& facts, UnixTime now) {
  for (std::size_t first = 0; first < cluster.jobs.size(); first += jobs_per_lock, let_admissions_pass()) {
    const std::lock_guard lock(mutex_);
    const std::size_t last = std::min(cluster.jobs.size(), first + jobs_per_lock);
    for (std::size_t i = first; i < last; ++i) {
      const slurm::LiveJob& job = cluster.jobs[i];
      if (job.finished || job.revoked) continue;
      const auto id = match_job({job.cluster, job.job_id, job.array_job_id, job.user_id, job.account, job.partition, job.submit, false}, {}, nullptr);
      if (!id) continue;
      const Admission& a = open_.at(*id);
      if (a.mode != Mode::enforce || a.asked.empty() || a.change || a.target != job.cluster || a.cluster != config_->cluster) continue;
      const auto part = std::find_if(a.parts.begin(), a.parts.end(), [&](const TaskPart& one) { return is_of_tasks(job, one.tasks); });
      if (!was_changed_unasked(part == a.parts.end() ? a.asked : part->asked, job)) continue;
      const auto followed = follow_one(a, job, facts, now);
      if (!followed.ok()) return followed;
    }
  }
  return {};
}

/// The change is made: the lien follows as far as the voucher reaches, and is not refused.
Result<void> Books::follow_one(const Admission& before, const slurm::LiveJob& job, const SlurmFacts& facts, UnixTime now) {
  ModifyRequest seen;
  seen.job = {job.array_job_id != 0 ? job.array_job_id : job.job_id, job.array_task_id ? std::to_string(*job.array_task_id) : "", {}};
  seen.changes.user_id = job.user_id;
  seen.changes.account = job.account;
  seen.changes.time_limit_minutes = job.time_limit_minutes;
  seen.changes.time_limit_infinite = !job.time_limit_minutes;
  const auto change = change_of(before, seen, facts, now);
  if (!change.ok()) return change.failure();
  Working working{{before.id, before}};
  Admission& after = working.at(before.id);
  if (!set_terms(after, change->terms)) return {};
  const std::string why = "changed in Slurm without a question to us: up to " + format_at_least(after.quote) + " yuan instead of " + format_at_least(before.quote);
  add_reason(after, why);
  for (const Failure& one : change->refusals) add_reason(after, one.code + ": " + one.text);
  Transaction transaction(*this);
  const auto moved = move_lien(transaction, working, after, true, why, {-1, "sluiced"}, now);
  if (!moved.ok()) return moved;
  return store(transaction, working);
}

}  // namespace sluice::service
