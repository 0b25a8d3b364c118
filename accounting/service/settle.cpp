// SPDX-License-Identifier: Apache-2.0
//
// Books::settle: from a finished job's record to a charge, once.

#include <algorithm>

#include "accounting/core/digest.hpp"
#include "accounting/programme/eligibility.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/fault_point.hpp"
#include "accounting/slurm/codec.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t records_per_lock = 50;  // how long an admission may wait for us
constexpr std::size_t unrated_at_once = 1000;
constexpr UnixTime quote_binds_seconds = 24 * 3600;

std::string charge_key(const slurm::UsageRecord& record) {
  return record.cluster + "/" + std::to_string(record.job_id) + "/" + std::to_string(record.submit);
}

/// The job goes on under the same id: put back into the queue, or its size was changed.
bool goes_on(const slurm::UsageRecord& record) { return record.state == "REQUEUED" || record.state == "RESIZING"; }

bool was_used(const slurm::UsageRecord& record) { return record.start && record.elapsed_seconds > 0; }

/// The id by which an admission knows a job: of a task, its array's.
std::uint32_t kept_id(std::uint32_t job_id, std::uint32_t array_job_id) { return array_job_id != 0 ? array_job_id : job_id; }

}  // namespace

/// One record on its way.
struct Books::Settling {
  const slurm::UsageRecord& record;
  UnixTime now = 0;
  bool again = false;              ///< read before, without a price: its task is counted already
  bool newer = false;              ///< and says something else now
  Working& working;                ///< admissions as this batch leaves them
  std::optional<slurm::Tag> tag{};       ///< none where it is not believed
  Admission* admission = nullptr;        ///< of working; null: none, or it is closed
  std::optional<Admission> closed{};
  const Voucher* voucher = nullptr;
  const Programme* programme = nullptr;
  const ledger::Lien* lien = nullptr;    ///< of the admission, where its voucher pays
  Mode mode = Mode::observe;
  bool rated = true;
  std::string price_book{};
  Money amount{};
  Split split{};
  std::vector<std::string> reasons{};

  /// The admission, open or not.
  [[nodiscard]] const Admission* known() const { return admission != nullptr ? admission : closed ? &*closed : nullptr; }
};

/// What the tag points at. On this cluster every answer carries our mac; a tag without an id was
/// left by a plugin that got no answer. What isn't believed is forgotten, voucher and all.
std::string Books::believed_id(Settling& s) const {
  s.tag = slurm::find_tag(s.record.admin_comment);
  if (!s.tag) return {};
  if (s.tag->id) {
    const bool ours = s.record.cluster == config_->cluster;
    const std::string mac = tag_mac(mac_key_, *s.tag->id, s.record.cluster, s.record.user_id);
    if (!ours || (s.tag->mac && equal_constant_time(*s.tag->mac, mac))) return *s.tag->id;
    s.reasons.emplace_back("the tag in AdminComment is not ours; it was not believed");
    s.tag.reset();
    return {};
  }
  if (!s.tag->nonce) return {};
  // Nobody answered in time; sluiced may have seen the request all the same.
  const bool component = s.record.het_job_id != 0 && s.record.het_job_offset;
  return id_from("A", *s.tag->nonce + "\n" + std::to_string(s.record.user_id) + "\n" +
                          (component ? std::to_string(*s.record.het_job_offset) : ""));
}

bool Books::take_admission(Settling& s, const std::string& id) {
  auto here = s.working.find(id);
  if (here == s.working.end()) {
    if (const auto open = open_.find(id); open != open_.end()) here = s.working.emplace(id, open->second).first;
  }
  std::optional<Admission> stored;
  if (here == s.working.end()) {
    const auto row = storage_.admission(id);
    if (!row.ok() || !*row) return false;
    auto read = admission_from_row(**row);
    if (!read.ok()) return false;
    stored = std::move(*read);
  } else if (!here->second.open) {
    stored = here->second;
  }
  if ((stored ? stored->user_id : here->second.user_id) != static_cast<std::int64_t>(s.record.user_id)) {
    s.reasons.emplace_back("the tag in AdminComment points at another user's admission; it was not believed");
    s.tag.reset();
    return false;
  }
  if (stored) {
    s.closed = std::move(stored);
  } else {
    s.admission = &here->second;
  }
  return true;
}

void Books::find_admission(Settling& s) {
  const std::string id = believed_id(s);
  if (!id.empty() && take_admission(s, id)) return;
  // Overwritten, or a federation sibling's own: the job id tells, or what was asked for.
  std::string how;
  const JobSeen job{s.record.cluster,  s.record.job_id,    s.record.array_job_id, s.record.user_id,
                    s.record.account, s.record.partition, s.record.submit,       !s.tag};
  const auto matched = match_job(job, &how);
  if (!how.empty()) s.reasons.push_back("no tag of ours names its admission; " + how);
  if (matched) take_admission(s, *matched);
}

void Books::find_voucher(Settling& s) {
  const Admission* known = s.known();
  std::string id;
  if (known != nullptr) {
    id = known->voucher;
  } else if (s.tag && !s.tag->vouchers.empty()) {
    id = s.tag->vouchers.front();
  } else if (s.tag) {
    const auto option = s.tag->options.find("voucher");
    if (option != s.tag->options.end()) id = option->second;
  }
  if (id.empty() || !s.record.start) return;
  const Use use{s.record.user, s.record.account, s.record.cluster, s.record.partition, *s.record.start};
  if (known == nullptr && id == "auto") {
    const auto fitting = fitting_vouchers(use);
    if (fitting.empty()) {
      s.reasons.emplace_back("--voucher=auto: no voucher fits");
      return;
    }
    const auto enough = std::find_if(fitting.begin(), fitting.end(), [&](const Voucher* one) {
      const Money due = floor_share(s.amount, share_of(*one, programmes_.at(one->programme)));
      return due <= ledger_.balance(ledger::voucher(one->id)).available();
    });
    id = (enough != fitting.end() ? *enough : fitting.front())->id;
    s.reasons.push_back("--voucher=auto: " + id);
  }
  const auto found = vouchers_.find(id);
  if (found == vouchers_.end()) {
    s.reasons.push_back("there is no voucher " + id);
    return;
  }
  const Programme& programme = programmes_.at(found->second.programme);
  const auto* lien = s.admission != nullptr && s.admission->lien_number > 0 ? ledger_.lien(s.admission->lien_id(s.admission->lien_number)) : nullptr;
  for (const Failure& broken : check_eligibility(found->second, programme, use, config_->zone)) {
    // A lien is a promise: a voucher suspended, expired or revoked meanwhile still honours it, and no more.
    const bool lapsed = broken.code == "voucher_suspended" || broken.code == "voucher_expired" || broken.code == "voucher_revoked";
    if (lapsed && lien != nullptr) continue;
    s.reasons.push_back("voucher " + id + " does not pay: " + broken.text);
    return;
  }
  s.voucher = &found->second;
  s.programme = &programme;
  s.lien = lien;
}

bool Books::find_amount(Settling& s) {
  if (!was_used(s.record)) {
    s.reasons.emplace_back("the job used nothing");
    return true;
  }
  if (s.record.tres_alloc.empty()) {
    s.reasons.emplace_back("slurmdbd does not tell what it had allocated");
    return false;
  }
  const Admission* known = s.known();
  std::shared_ptr<const tariff::PriceBook> book = prices_;
  UnixTime priced_at = *s.record.start;
  if (known != nullptr && !known->unpriced && !known->price_book.empty() &&
      *s.record.start - known->created_at <= quote_binds_seconds) {
    if (auto bound = price_book(known->price_book)) {
      book = std::move(bound);
      priced_at = known->created_at;
    }
  }
  const auto* row = book == nullptr ? nullptr : book->find(s.record.cluster, s.record.partition, priced_at);
  if (row == nullptr && prices_ != nullptr) {
    // It ran where the quote knew no price: the newest book decides, as of the start.
    book = prices_;
    priced_at = *s.record.start;
    row = book->find(s.record.cluster, s.record.partition, priced_at);
  }
  if (row == nullptr) {
    s.reasons.push_back("no price is set for partition " + s.record.partition + " of cluster " + s.record.cluster);
    return false;
  }
  const auto rated = tariff::rate(*row, s.record.tres_alloc, s.record.elapsed_seconds);
  if (!rated.ok() || !rated->unpriced.empty()) {
    s.reasons.push_back(rated.ok() ? "no price is set for " + rated->unpriced.front() + " in partition " + s.record.partition
                                   : rated.failure().text);
    return false;
  }
  s.amount = rated->amount;
  s.price_book = book->sha256();
  s.reasons.push_back("rated by price book " + book->name() + " as of " + format_time(priced_at, config_->zone) + " for " +
                      std::to_string(s.record.elapsed_seconds) + " s: " + format_money(s.amount));
  return true;
}

void Books::find_split(Settling& s) {
  s.split = {};
  if (!s.rated || s.amount.micro == 0) return;
  const Admission* known = s.known();
  SplitInput input{s.amount, *s.record.start, *s.record.end, std::nullopt, std::nullopt};
  if (s.voucher != nullptr) {
    const Money lien = s.lien != nullptr ? s.lien->amount : Money{};
    const Money available = s.voucher->state == VoucherState::active ? ledger_.balance(ledger::voucher(s.voucher->id)).available() : Money{};
    input.voucher = VoucherSide{share_of(*s.voucher, *s.programme), lien + std::max(Money{}, available),
                                std::max(s.voucher->valid_from, s.programme->valid_from),
                                std::min(s.voucher->valid_to, s.programme->valid_to), is_state_eligible(*s.programme, s.record.state)};
  }
  const auto rule = config_->account_rule(s.record.account);
  if (!rule || rule->self_pay == SelfPay::none) {
    input.self_max = Money{};
  } else if (rule->self_pay == SelfPay::limit) {
    const auto room = checked_subtract(rule->limit, ledger_.balance(ledger::receivable_user(s.record.account)).net());
    input.self_max = std::max(Money{}, room.value_or(rule->limit));
  }
  std::optional<Money> max_self = known != nullptr ? known->max_self : std::nullopt;
  if (known == nullptr && s.tag) {
    // Nobody could check the user's own limit when the job came in; it holds all the same.
    const auto option = s.tag->options.find("max-self");
    const auto asked = option == s.tag->options.end() ? parse_money("") : parse_money(option->second);
    if (asked.ok() && !asked->is_negative()) max_self = *asked;
  }
  if (max_self) input.self_max = std::min(input.self_max.value_or(*max_self), *max_self);
  s.split = split_charge(input);
  s.reasons.insert(s.reasons.end(), s.split.reasons.begin(), s.split.reasons.end());
}

/// Counts the record's task; what can still run is set aside again, since the charge resolved the
/// lien whole. The purse gives at most what it has, a voucher that is not active at most what the old lien held.
void Books::close_or_renew(const Settling& s, Admission& after, std::vector<ledger::Transfer>& transfers) const {
  after.job_ids.insert(kept_id(s.record.job_id, s.record.array_job_id));
  const bool is_task = after.tasks_total <= 1 || s.record.array_task_id.has_value();
  if (!s.again && !goes_on(s.record) && is_task) ++after.tasks_charged;
  const std::int64_t remaining = after.tasks_total - after.tasks_charged;
  if (remaining <= 0) {
    after.open = false;
    after.closed_because = "all of its records were read";
    return;
  }
  const auto voucher = vouchers_.find(after.voucher);
  if (after.mode != Mode::enforce || after.task_by_voucher.micro == 0 || voucher == vouchers_.end()) return;
  const ledger::AccountRef purse = ledger::voucher(after.voucher);
  Money given_back;
  Money taken;
  for (const auto& transfer : transfers) {
    if (transfer.credit != purse) continue;
    if (transfer.state == ledger::TransferState::voided) given_back = given_back + transfer.amount;
    if (transfer.state == ledger::TransferState::posted) taken = taken + transfer.amount;
  }
  const bool active = voucher->second.state == VoucherState::active;
  const Money available = active ? ledger_.balance(purse).available() - taken + given_back : given_back;
  const auto wanted = divide_half_even(static_cast<Int128>(after.task_by_voucher.micro) * std::min(after.tasks_at_once, remaining), 1);
  const Money amount = std::min(wanted.value_or(Money{}), available);
  if (amount.micro <= 0) return;
  ++after.lien_number;
  after.lien_voided_at = 0;
  after.lien_voided_because.clear();
  const auto lien = ledger::lien_transfers(after.lien_id(after.lien_number), after.voucher, amount);
  transfers.insert(transfers.end(), lien.begin(), lien.end());
}

Result<void> Books::post_charge(Transaction& transaction, Settling& s) {
  std::vector<ledger::Transfer> transfers;
  if (s.mode == Mode::enforce && s.rated) {
    const ledger::ChargeParts parts{s.record.cluster,
                                    s.record.account,
                                    s.programme != nullptr ? s.programme->id : "",
                                    s.voucher != nullptr ? s.voucher->id : "",
                                    s.split.by_voucher,
                                    s.split.by_self,
                                    s.split.overrun};
    const Money prepaid{-ledger_.balance(ledger::advance_user(s.record.account)).net().micro};
    transfers = ledger::charge_transfers(parts, s.lien, std::max(Money{}, prepaid));
  }
  const bool settles = std::any_of(transfers.begin(), transfers.end(), [](const auto& t) { return t.state == ledger::TransferState::settled; });
  const bool charges = s.mode == Mode::enforce && s.rated;
  std::optional<Admission> after;
  std::string lien_id;
  if (s.admission != nullptr) {
    after = *s.admission;
    after->lien_used = after->lien_used || settles;
    lien_id = after->lien_number > 0 ? after->lien_id(after->lien_number) : "";
    // A lien that this record's charge does not settle (the voucher does not pay, nothing was
    // rated) goes back; the books must not keep it for a job that is over.
    const bool resolved = std::any_of(transfers.begin(), transfers.end(), [](const auto& t) { return !t.lien.empty(); });
    if (const auto* lien = lien_id.empty() ? nullptr : ledger_.lien(lien_id); lien != nullptr && !resolved) {
      const auto voided = ledger::void_transfers(*lien);
      transfers.insert(transfers.end(), voided.begin(), voided.end());
      after->lien_voided_at = s.now;
      after->lien_voided_because = s.reasons.empty() ? "nothing was to be paid" : s.reasons.back();
    }
    close_or_renew(s, *after, transfers);
  }
  if (!transfers.empty()) {
    const std::string id = (charges ? "charge/" : "void/") + charge_key(s.record);
    ledger::Event event = new_event(id, charges ? ledger::EventKind::charge : ledger::EventKind::void_lien, {-1, "sluiced"}, s.now);
    event.usage_from = s.record.start;
    event.usage_to = s.record.end;
    event.document = sha256_hex(slurm::to_json(s.record).dump());
    event.transfers = std::move(transfers);
    const auto posted = transaction.post(std::move(event));
    if (!posted.ok()) return posted;
  }
  if (after) *s.admission = std::move(*after);
  return {};
}

void Books::add_tag(Transaction& transaction, const Settling& s) const {
  const bool wanted = config_->final_tag == Config::FinalTag::all ||
                      (config_->final_tag == Config::FinalTag::voucher && s.voucher != nullptr);
  if (!wanted || !s.rated || !was_used(s.record)) return;
  const Admission* known = s.known();
  TagFacts facts;
  facts.id = known != nullptr ? known->id : s.tag && s.tag->id ? *s.tag->id : "";
  facts.voucher = s.voucher != nullptr ? s.voucher->id : "";
  if (known != nullptr) {
    facts.workload = known->workload;
    facts.quote = known->unpriced ? "" : format_fen(fen_at_least(known->quote));
  }
  const Site* site = config_->site_of_cluster(s.record.cluster);
  facts.site = site != nullptr ? site->name : s.record.cluster;
  json tag = tag_object(facts, tag_mac(mac_key_, facts.id, s.record.cluster, s.record.user_id), true);
  tag["charge"] = format_money(s.amount);
  tag["by_voucher"] = format_money(s.split.by_voucher);
  tag["by_self"] = format_money(s.split.by_self);
  const auto text = slurm::with_tag(s.record.admin_comment, tag);
  if (!text.ok()) return;
  transaction.batch.tags.push_back({0, s.record.cluster, s.record.job_id, s.record.state_number, s.record.submit, *s.record.end, *text});
}

ledger::ChargeRow Books::charge_row(const Settling& s) const {
  ledger::ChargeRow row;
  row.key = charge_key(s.record);
  row.cluster = s.record.cluster;
  row.job_id = s.record.job_id;
  row.array_job_id = s.record.array_job_id;
  row.submit = s.record.submit;
  row.start = s.record.start;
  row.end = *s.record.end;
  row.user = s.record.user;
  row.account = s.record.account;
  row.partition = s.record.partition;
  row.state = s.record.state;
  row.admission = s.known() != nullptr ? s.known()->id : "";
  row.voucher = s.voucher != nullptr ? s.voucher->id : "";
  row.programme = s.programme != nullptr ? s.programme->id : "";
  row.amount = s.amount;
  row.by_voucher = s.split.by_voucher;
  row.by_self = s.split.by_self;
  row.overrun = s.split.overrun;
  row.posted = s.mode == Mode::enforce && s.rated;
  row.rated = s.rated;
  row.record = slurm::to_json(s.record).dump();
  json body = {{"reasons", s.reasons}, {"mode", name_of(s.mode)}, {"at", s.now}};
  if (!s.price_book.empty()) body["price_book"] = s.price_book;
  if (s.programme != nullptr) body["programme"] = sha256_hex(to_json(*s.programme).dump());
  row.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return row;
}

Result<bool> Books::settle_one(Transaction& transaction, Settling& s) {
  find_admission(s);
  const Admission* known = s.known();
  if (known == nullptr && s.record.submit < since_) return false;
  s.mode = known != nullptr ? known->mode : config_->mode_for(s.record.cluster, s.record.partition, s.record.account);
  s.rated = find_amount(s);
  find_voucher(s);
  find_split(s);
  if (s.again && !s.rated && !s.newer) return true;  // still no price: nothing has changed
  if (s.mode != Mode::enforce) s.reasons.push_back(std::string("mode ") + name_of(s.mode) + ": recorded, nothing was posted");
  auto posted = post_charge(transaction, s);
  if (!posted.ok() && posted.failure().kind == Failure::Kind::refusal) {
    // One job that the books can't hold must not keep all others from being charged: it waits, with an alarm.
    s.reasons.push_back("it couldn't be posted: " + posted.failure().text);
    s.rated = false;
    s.amount = {};
    s.split = {};
    s.price_book.clear();
    if (s.again && !s.newer) return true;
    posted = post_charge(transaction, s);
  }
  if (!posted.ok()) return posted.failure();
  transaction.batch.charges.push_back(charge_row(s));
  add_tag(transaction, s);
  return true;
}

Result<SettleCount> Books::settle_some(std::span<const DueRecord> records, UnixTime now) {
  const std::lock_guard lock(mutex_);
  SettleCount count;
  Working working;
  Transaction transaction(*this);
  for (const auto& due : records) {
    Settling settling{*due.record, now, due.again, due.newer, working};
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
  return count;
}

/// A tracker at a federated job's origin says REVOKED when a sibling starts the job: no end, but
/// the tag that the origin set and the job's id stand in it together.
Result<void> Books::note_trackers(const std::vector<slurm::UsageRecord>& records) {
  const std::lock_guard lock(mutex_);
  Working working;
  for (const auto& record : records) {
    if (record.state != "REVOKED") continue;
    Settling settling{record, 0, false, false, working};
    const std::string id = believed_id(settling);
    if (id.empty() || !open_.contains(id) || !take_admission(settling, id)) continue;
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

Result<SettleCount> Books::settle_records(const std::vector<slurm::UsageRecord>& records, UnixTime now, bool again) {
  SettleCount count;
  std::vector<DueRecord> due;
  std::set<std::string> keys;
  for (const auto& record : records) {
    if (!record.end || record.state == "REVOKED") continue;
    ledger::ChargeQuery query;
    query.key = charge_key(record);
    // Twice in one answer of slurmdbd is once.
    bool known = !keys.insert(*query.key).second;
    DueRecord one{&record};
    const auto read = storage_.charges(query, [&](ledger::ChargeRow&& row) {
      one.again = true;
      // What had no price may have been half-written then; what slurmdbd says now counts.
      one.newer = !row.rated && row.record != slurm::to_json(record).dump();
      known = known || row.rated || !(again || one.newer);
      return false;
    });
    if (!read.ok()) return read.failure();
    if (known) {
      ++count.known;
    } else {
      due.push_back(one);
    }
  }
  for (std::size_t first = 0; first < due.size(); first += records_per_lock) {
    const std::span<const DueRecord> all(due);
    const auto some = settle_some(all.subspan(first, std::min(records_per_lock, due.size() - first)), now);
    if (!some.ok()) return some.failure();
    count.charged += some->charged;
    count.known += some->known;
    count.unrated += some->unrated;
  }
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
    count.charged += some->charged;
    count.known += some->known;
    count.unrated += some->unrated;
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
