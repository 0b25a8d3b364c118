// SPDX-License-Identifier: Apache-2.0
//
// What the model expects of a submission and of a record.

#include <algorithm>
#include <tuple>

#include "tests/simulation/model.hpp"

namespace sluice::simulation {
namespace {

__extension__ typedef __int128 Wide;

constexpr std::int64_t whole_share = 1'000'000;
constexpr Second quote_binds = 24 * 3600;

}  // namespace

Micro cost(std::int64_t cpus, Micro price, std::int64_t seconds) {
  const Wide product = static_cast<Wide>(cpus) * price * seconds;
  const Wide twice = product % 3600 * 2;
  Wide amount = product / 3600;
  if (twice > 3600 || (twice == 3600 && amount % 2 != 0)) ++amount;
  return static_cast<Micro>(amount);
}

Micro floor_part(Micro amount, std::int64_t part, std::int64_t whole) {
  return static_cast<Micro>(static_cast<Wide>(amount) * part / whole);
}

std::int64_t share_of(const State& state, const Voucher& voucher) {
  return voucher.share.value_or(state.programmes.at(voucher.programme).share);
}

std::optional<Micro> Rules::price(int book, const std::string& partition) const {
  const auto& of_book = prices.at(static_cast<std::size_t>(book));
  const auto found = of_book.find(partition);
  return found == of_book.end() ? std::nullopt : std::optional(found->second);
}

bool Rules::is_over(const State& state, const Voucher& voucher, Second now) const {
  return now >= std::min(voucher.to, state.programmes.at(voucher.programme).to);
}

std::string Rules::not_eligible(const State& state, const Voucher& v, const std::string& user, const std::string& account, Second at) const {
  if (v.account != account || (!v.user.empty() && v.user != user)) return "voucher_not_yours";
  if (v.state == Voucher::State::revoked) return "voucher_revoked";
  if (v.state == Voucher::State::suspended) return "voucher_suspended";
  if (v.state == Voucher::State::expired || is_over(state, v, at)) return "voucher_expired";
  if (at < std::max(v.from, state.programmes.at(v.programme).from)) return "voucher_not_yet_valid";
  return {};
}

/// Nearest end first, then what is smaller, then by id.
std::string Rules::choose(const State& state, const Submission& asked, Micro task_quote, Second now) const {
  std::optional<std::tuple<Second, Micro, std::string>> best;
  for (const auto& [id, v] : state.vouchers) {
    if (v.account != asked.account || v.available <= 0 || !not_eligible(state, v, asked.user, asked.account, now).empty()) continue;
    if (floor_part(task_quote, share_of(state, v), whole_share) * std::min(asked.at_once, asked.tasks) > v.available) continue;
    const std::tuple<Second, Micro, std::string> one{v.to, v.available, id};
    if (!best || one < *best) best = one;
  }
  return best ? std::get<2>(*best) : std::string{};
}

/// What the account may pay itself from here on; negative where too much is promised.
Micro Rules::may_still_pay(const State& state, const std::string& account) const {
  const auto owed = state.owes.find(account);
  return *accounts.at(account).limit - (owed == state.owes.end() ? 0 : owed->second);
}

const Admission* Rules::repeated(const State& state, const Submission& asked, Second now) const {
  const Admission* a = state.open_of_nonce(asked);
  return a != nullptr && a->asked == asked && a->jobs.empty() && now - a->created_at < repetition_seconds ? a : nullptr;
}

Rules::Verdict Rules::judge(const State& state, const Submission& asked, Second now) const {
  Verdict verdict;
  Admission& a = verdict.admission;
  a.asked = asked;
  a.created_at = now;
  const auto refuse = [&](const std::string& code) {
    if (verdict.refusal.empty()) verdict.refusal = code;
  };
  const auto priced = price(state.book, asked.partition);
  if (priced) {
    a.book = state.book;
    a.task_quote = cost(asked.cpus, *priced, asked.minutes * 60);
  }
  if (asked.voucher == "auto") {
    a.voucher = choose(state, asked, a.task_quote, now);
    if (a.voucher.empty()) refuse("no_voucher_fits");
  } else if (!asked.voucher.empty()) {
    const auto v = state.vouchers.find(asked.voucher);
    const std::string why = v == state.vouchers.end() ? "voucher_unknown" : not_eligible(state, v->second, asked.user, asked.account, now);
    if (why.empty()) a.voucher = asked.voucher;
    if (!why.empty()) refuse(why);
  }
  const Voucher* voucher = a.voucher.empty() ? nullptr : &state.vouchers.at(a.voucher);
  if (voucher != nullptr) a.task_by_voucher = floor_part(a.task_quote, share_of(state, *voucher), whole_share);
  const Rule& rule = accounts.at(asked.account);
  const Micro by_self = a.task_quote - a.task_by_voucher;
  if (verdict.refusal.empty() && asked.max_self && by_self > *asked.max_self) refuse("over_max_self");
  if (verdict.refusal.empty() && rule.limit && by_self > 0) {
    Wide promised = 0;
    for (const auto& id : state.open) {
      const Admission& one = state.admissions.at(id);
      if (one.asked.account != asked.account) continue;
      promised += static_cast<Wide>(one.task_quote - one.task_by_voucher) * std::max<std::int64_t>(0, one.asked.tasks - one.charged);
    }
    if (*rule.limit == 0) refuse("self_pay_not_allowed");
    if (static_cast<Wide>(by_self) * asked.tasks > may_still_pay(state, asked.account) - promised) refuse("over_account_limit");
  }
  const Micro lien = a.task_by_voucher * std::min(asked.at_once, asked.tasks);
  if (voucher != nullptr && lien > voucher->available) refuse("insufficient_balance");
  if (rule.observed) {
    verdict.refusal.clear();
  } else if (lien > 0) {
    a.lien = lien;
    a.lien_number = 1;
  }
  return verdict;
}

Bill Rules::bill(const State& state, const Usage& usage, const std::string& admission, const std::string& auto_voucher, bool again) const {
  Bill bill;
  const auto at = state.admissions.find(admission);
  const Admission* a = at == state.admissions.end() ? nullptr : &at->second;
  const Rule& rule = accounts.at(usage.account);
  const bool used = usage.start && usage.elapsed > 0;
  bill.admission = admission;

  // What it costs.
  std::optional<Micro> priced;
  if (used && a != nullptr && a->book && *usage.start - a->created_at <= quote_binds && state.books.contains(*a->book)) priced = price(*a->book, usage.partition);
  if (used && !priced) priced = price(state.book, usage.partition);
  if (!usage.whole) priced.reset();
  bill.rated = !used || priced;
  if (used && priced) bill.amount = cost(usage.cpus, *priced, usage.elapsed);

  // Who may be asked to pay.
  const Micro lien = a != nullptr && a->open ? a->lien : 0;
  const std::string named = a != nullptr ? a->voucher : usage.tag == Usage::Tag::ours ? usage.tag_voucher : usage.tag == Usage::Tag::outage ? usage.asked.voucher : "";
  const auto v = state.vouchers.find(named == "auto" ? auto_voucher : named);
  if (v != state.vouchers.end() && usage.start) {
    const std::string why = not_eligible(state, v->second, usage.user, usage.account, *usage.start);
    // A lien is a promise: what ended the voucher meanwhile does not break it.
    const bool ended = why == "voucher_revoked" || why == "voucher_suspended" || why == "voucher_expired";
    const bool begun = *usage.start >= std::max(v->second.from, state.programmes.at(v->second.programme).from);
    const bool kept = lien > 0 && ended && (begun || v->second.state == Voucher::State::expired);
    if (why.empty() || kept) bill.voucher = v->first;
  }
  Micro due = 0;
  if (bill.rated && !bill.voucher.empty()) {
    const Programme& p = state.programmes.at(v->second.programme);
    const Second from = std::max(v->second.from, p.from);
    const Second to = std::min(v->second.to, p.to);
    const bool in_time = *usage.start >= from && *usage.start < to && (p.states.empty() || p.states.contains(usage.state));
    Micro covered = in_time ? bill.amount : 0;
    if (in_time && usage.end > to) covered = floor_part(bill.amount, to - *usage.start, usage.end - *usage.start);
    due = floor_part(covered, share_of(state, v->second), whole_share);
    const Micro has = lien + (v->second.state == Voucher::State::active ? v->second.available : 0);
    bill.by_voucher = std::min(due, has);
  }
  Micro self_max = bill.amount;
  if (rule.limit) self_max = std::max<Micro>(0, may_still_pay(state, usage.account));
  const auto& max_self = a != nullptr ? a->asked.max_self : usage.tag == Usage::Tag::outage ? usage.asked.max_self : std::nullopt;
  if (max_self) self_max = std::min(self_max, *max_self);
  bill.by_self = std::min(bill.amount - due, self_max);
  bill.overrun = bill.amount - bill.by_voucher - bill.by_self;
  bill.posted = bill.rated && !rule.observed;

  // What can still run is set aside again.
  // After a node's failure Slurm may start it again, and doesn't say so in the record.
  const bool goes_on = usage.state == "REQUEUED" || usage.state == "RESIZING" || usage.state == "NODE_FAIL" || usage.state == "PREEMPTED";
  if (a == nullptr || !a->open) return bill;
  bill.counts = !again && !goes_on && (a->asked.tasks <= 1 || usage.task);
  const std::int64_t left = a->asked.tasks - a->charged - (bill.counts ? 1 : 0);
  const auto purse = state.vouchers.find(a->voucher);
  if (left <= 0 || rule.observed || purse == state.vouchers.end()) return bill;
  const Micro taken = bill.posted && bill.voucher == a->voucher ? bill.by_voucher : 0;
  const Micro freed = lien - std::min(lien, taken);
  const bool active = purse->second.state == Voucher::State::active;
  const Micro has = active ? purse->second.available + lien - taken : freed;
  bill.new_lien = std::max<Micro>(0, std::min(a->task_by_voucher * std::min(a->asked.at_once, left), has));
  return bill;
}

Micro Rules::back_at_once(const Usage& usage, const Bill& bill) const {
  if (!bill.posted || bill.amount == 0 || !given_back.states.contains(usage.state)) return 0;
  const Micro counts = floor_part(bill.amount, std::min(usage.elapsed, given_back.seconds_max), usage.elapsed);
  return floor_part(counts, given_back.share, whole_share);
}

bool Rules::is_fair(const Charge& charge, const Back& total) {
  const auto fair = [&](Micro part, Micro borne, Micro before) {
    const Wide off = static_cast<Wide>(part) * charge.bill.amount - static_cast<Wide>(borne) * total.all;
    const Wide most = static_cast<Wide>(3) * charge.bill.amount;
    return part >= before && part <= borne && off <= most && -off <= most;
  };
  return total.all <= charge.bill.amount && total.by_voucher + total.by_self + total.overrun == total.all &&
         fair(total.by_voucher, charge.bill.by_voucher, charge.back.by_voucher) &&
         fair(total.by_self, charge.bill.by_self, charge.back.by_self) && fair(total.overrun, charge.bill.overrun, charge.back.overrun);
}

}  // namespace sluice::simulation
