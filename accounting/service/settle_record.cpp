// SPDX-License-Identifier: Apache-2.0
//
// Books::settle_one: whose a record is, what it costs, who bears it, and what that does to the lien.

#include <algorithm>

#include "accounting/core/digest.hpp"
#include "accounting/programme/eligibility.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/member_text.hpp"
#include "accounting/service/settling.hpp"

namespace sluice::service {
namespace {

constexpr UnixTime quote_binds_seconds = 24 * 3600;

/// The job goes on under the same id: put back into the queue, or its size was changed.
bool goes_on(const slurm::UsageRecord& record) { return record.state == "REQUEUED" || record.state == "RESIZING"; }

/// No fault of the job's. Slurm may start it again under the same id, of which this record says nothing.
bool may_go_on(const slurm::UsageRecord& record) {
  return record.state == "NODE_FAIL" || record.state == "PREEMPTED" || record.state == "BOOT_FAIL";
}

bool was_used(const slurm::UsageRecord& record) { return record.start && record.elapsed_seconds > 0; }

/// The id by which an admission knows a job: of a task, its array's.
std::uint32_t kept_id(std::uint32_t job_id, std::uint32_t array_job_id) { return array_job_id != 0 ? array_job_id : job_id; }

}  // namespace

std::string charge_key(const slurm::UsageRecord& record) {
  return record.cluster + "/" + std::to_string(record.job_id) + "/" + std::to_string(record.submit);
}

/// What the tag points at. On this cluster every answer carries our mac; a tag without an id was
/// left by a plugin that got no answer. What isn't believed is forgotten, voucher and all.
std::string Books::believed_id(Settling& s) const {
  if (!s.tag) return {};
  if (s.tag->id) {
    const bool ours = s.record.cluster == config_->cluster;
    if (!ours || s.read.mac_fits) return *s.tag->id;
    s.reasons.emplace_back("the tag in AdminComment is not ours; it was not believed");
    s.tag.reset();
    return {};
  }
  if (!s.tag->nonce) return {};
  // Nobody answered in time; sluiced may have seen the request all the same.
  return nonce_id(*s.tag->nonce, s.record.user_id, s.record.het_job_id != 0 ? s.record.het_job_offset : std::nullopt);
}

/// Where the ledger can't be read the record waits: without its admission the job would be charged otherwise.
Result<bool> Books::take_admission(Settling& s, const std::string& named) {
  const std::string id = resolve(named, s.working);
  auto here = s.working.find(id);
  if (here == s.working.end()) {
    if (const auto open = open_.find(id); open != open_.end()) here = s.working.emplace(id, open->second).first;
  }
  std::optional<Admission> stored;
  if (here == s.working.end()) {
    const auto row = storage_.admission(id);
    if (!row.ok()) return row.failure();
    if (!*row) return false;
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
    s.admission = s.holder = &here->second;
    if (const auto holder = open_.find(s.admission->lien_with); holder != open_.end()) {
      s.holder = &s.working.try_emplace(holder->first, holder->second).first->second;
    }
  }
  return true;
}

Result<void> Books::find_admission(Settling& s) {
  // One that has ended since can't be found again by what the job looks like.
  const std::string id = s.found_before.empty() ? believed_id(s) : s.found_before;
  const auto named = id.empty() ? Result<bool>(false) : take_admission(s, id);
  if (!named.ok()) return named.failure();
  if (*named) return {};
  // Overwritten, or a federation sibling's own: the job id tells, or what was asked for.
  std::string how;
  const JobSeen job{s.record.cluster,  s.record.job_id,    s.record.array_job_id, s.record.user_id,
                    s.record.account, s.record.partition, s.record.submit,       !s.tag};
  const auto matched = match_job(job, s.working, &how);
  if (!how.empty()) s.reasons.push_back("no tag of ours names its admission; " + how);
  if (!matched) return {};
  const auto taken = take_admission(s, *matched);
  return taken.ok() ? Result<void>{} : taken.failure();
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
  const auto* lien = s.holder != nullptr ? open_lien(*s.holder) : nullptr;
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

Result<bool> Books::find_amount(Settling& s) {
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
    auto bound = price_book(known->price_book);
    if (!bound.ok()) return bound.failure();
    if (*bound != nullptr) {
      book = std::move(*bound);
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
void Books::close_or_renew(const Settling& s, Admission& after, Admission& holder, std::vector<ledger::Transfer>& transfers) const {
  after.job_ids.insert(kept_id(s.record.job_id, s.record.array_job_id));
  const bool is_task = after.tasks_total <= 1 || s.record.array_task_id.has_value();
  // Records come in any order: the newest run says whether the job may go on.
  if (s.record.submit >= after.newest_run) {
    after.newest_run = s.record.submit;
    after.interrupted = may_go_on(s.record);
  }
  if (!s.again && !goes_on(s.record) && !may_go_on(s.record) && is_task) ++after.tasks_charged;
  const auto is_over = [](const Admission& a) { return a.tasks_charged >= a.tasks_total; };
  const auto close = [](Admission& a) {
    a.open = false;
    a.closed_because = "all of its records were read";
  };
  // The first component of a heterogeneous job stays as long as its lien is another's too.
  const auto others = covered_beside(after, s.working);
  if (is_over(after) && (&after != &holder || others.empty())) close(after);
  if (!after.open && &after != &holder && is_over(holder) && others.size() == 1) close(holder);

  const auto voucher = vouchers_.find(holder.voucher);
  const Money wanted = checked_add(wanted_beside(after, s.working), lien_wanted(after).value_or(Money{})).value_or(Money{});
  if (wanted.is_zero() || voucher == vouchers_.end()) return;
  const ledger::AccountRef purse = ledger::voucher(holder.voucher);
  Money given_back;
  Money taken;
  for (const auto& transfer : transfers) {
    if (transfer.credit != purse) continue;
    if (transfer.state == ledger::TransferState::voided) given_back = given_back + transfer.amount;
    if (transfer.state == ledger::TransferState::posted) taken = taken + transfer.amount;
  }
  const bool active = voucher->second.state == VoucherState::active;
  const Money available = active ? ledger_.balance(purse).available() - taken + given_back : given_back;
  const Money amount = std::min(wanted, available);
  if (amount.micro <= 0) return;
  ++holder.lien_number;
  holder.lien_voided_at = 0;
  holder.lien_voided_because.clear();
  const auto lien = ledger::lien_transfers(holder.lien_id(holder.lien_number), holder.voucher, amount);
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
  std::optional<Admission> holder_after;  // where that is another
  // Read once more and still without a price: its lien was given back when it was read first.
  if (s.admission != nullptr && (charges || !s.again)) {
    after = *s.admission;
    if (s.holder != s.admission) holder_after = *s.holder;
    Admission& holder = holder_after ? *holder_after : *after;
    holder.lien_used = holder.lien_used || settles;
    // A lien that this record's charge does not settle (the voucher does not pay, nothing was
    // rated) goes back; the books must not keep it for a job that is over.
    const bool resolved = std::any_of(transfers.begin(), transfers.end(), [](const auto& t) { return !t.lien.empty(); });
    if (const auto* lien = open_lien(holder); lien != nullptr && !resolved) {
      const auto voided = ledger::void_transfers(*lien);
      transfers.insert(transfers.end(), voided.begin(), voided.end());
      holder.lien_voided_at = s.now;
      holder.lien_voided_because = s.reasons.empty() ? "nothing was to be paid" : s.reasons.back();
    }
    close_or_renew(s, *after, holder, transfers);
  }
  if (!transfers.empty()) {
    const std::string id = (charges ? "charge/" : "void/") + charge_key(s.record);
    ledger::Event event = new_event(id, charges ? ledger::EventKind::charge : ledger::EventKind::void_lien, {-1, "sluiced"}, s.now);
    event.usage_from = s.record.start;
    event.usage_to = s.record.end;
    event.document = s.read.sha256;
    event.transfers = std::move(transfers);
    const auto posted = transaction.post(std::move(event));
    if (!posted.ok()) return posted;
  }
  if (after) *s.admission = std::move(*after);
  if (holder_after) *s.holder = std::move(*holder_after);
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
    facts.quote = known->unpriced ? "" : format_at_least(known->quote);
  }
  const Site* site = config_->site_of_cluster(s.record.cluster);
  facts.site = site != nullptr ? site->name : s.record.cluster;
  facts.charge = format_money(s.amount - s.refunded.sum());
  facts.by_voucher = format_money(s.split.by_voucher - s.refunded.by_voucher);
  facts.by_self = format_money(s.split.by_self - s.refunded.by_self);
  const std::string mac = tag_mac(mac_key_, facts.id, s.record.cluster, s.record.user_id);
  const auto text = slurm::with_tag_text(s.read.comment, tag_text(facts, mac, true));
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
  row.replaces = s.again;
  row.record = s.read.text;
  MemberText body;
  body.number("at", s.now);
  body.text("mode", name_of(s.mode));
  body.text_if("price_book", s.price_book);
  if (s.programme != nullptr) body.text("programme", s.programme_hashes.of(*s.programme));
  body.texts("reasons", s.reasons);
  row.body = std::move(body).whole();
  return row;
}

/// In the transaction of the charge, so that it happens once. What can't be given back is told, and
/// keeps nobody from being charged.
Result<void> Books::refund_what_the_rule_says(Transaction& transaction, Settling& s) {
  if (!config_->refund_rule || s.mode != Mode::enforce || !s.rated) return {};
  const Money amount = refund_by_rule(*config_->refund_rule, s.record.state, s.amount, s.record.elapsed_seconds);
  if (amount.micro <= 0) return {};
  const std::string why = "the site's rule gives " + format_money(amount) + " back after " + s.record.state;
  const auto back = post_refund(transaction, charge_row(s), amount, {"refund/rule/" + charge_key(s.record), {-1, "sluiced"}, {}, why}, s.now);
  if (!back.ok() && back.failure().kind != Failure::Kind::refusal) return back.failure();
  s.reasons.push_back(back.ok() ? why : why + ", which couldn't be posted: " + back.failure().text);
  if (back.ok()) s.refunded = *back;
  return {};
}

Result<bool> Books::settle_one(Transaction& transaction, Settling& s) {
  const auto found = find_admission(s);
  if (!found.ok()) return found.failure();
  const Admission* known = s.known();
  if (known == nullptr && (s.record.submit < since_ || !is_ours(s.record.cluster))) return false;
  // Slurm may have moved it since without a question to us: no way out of what is in force elsewhere.
  const bool moved = known != nullptr && (known->account != s.record.account || known->partition != s.record.partition);
  s.mode = known != nullptr && !moved ? known->mode : config_->mode_for(s.record.cluster, s.record.partition, s.record.account);
  const auto rated = find_amount(s);
  if (!rated.ok()) return rated.failure();
  s.rated = *rated;
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
  const auto refunded = refund_what_the_rule_says(transaction, s);
  if (!refunded.ok()) return refunded.failure();
  transaction.batch.charges.push_back(charge_row(s));
  add_tag(transaction, s);
  return true;
}

}  // namespace sluice::service
