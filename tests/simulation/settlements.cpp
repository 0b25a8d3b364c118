// SPDX-License-Identifier: Apache-2.0
//
// Centre: records of jobs that are over are read, late, twice and out of order, and each
// job is charged once.

#include <algorithm>

#include "tests/simulation/centre.hpp"

namespace sluice::simulation {
namespace {

constexpr Second clock_skew = 5;

bool is_untagged(const Usage& usage) { return usage.tag == Usage::Tag::none || usage.tag == Usage::Tag::forged; }

}  // namespace

void Centre::settle() {
  // slurmdbd may not answer for a while; then there is much to read at once.
  if (slurmdbd_down_until_ == 0 && dice_.chance(4)) slurmdbd_down_until_ = steps_ + static_cast<std::uint64_t>(dice_.between(100, 400));
  if (slurmdbd_down_until_ > steps_) return;
  std::vector<std::size_t> chosen;
  const bool everything = slurmdbd_down_until_ != 0 || dice_.chance(15);
  slurmdbd_down_until_ = 0;
  const std::int64_t most = everything ? 1000 : dice_.between(1, 8);
  for (const std::size_t index : undelivered_) {
    const Usage& usage = cluster_.records[index].usage;
    const bool wanted = std::any_of(wanted_jobs_.begin(), wanted_jobs_.end(), [&](std::uint32_t id) { return id == usage.job_id || id == usage.array_id; });
    // Some come late.
    if (wanted || (static_cast<std::int64_t>(chosen.size()) < most && !dice_.chance(250))) chosen.push_back(index);
  }
  wanted_jobs_.clear();
  if (!cluster_.records.empty() && dice_.chance(250)) {
    for (std::int64_t more = dice_.between(1, 3); more > 0; --more) chosen.push_back(static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(cluster_.records.size()))));
  }
  if (!chosen.empty() && dice_.chance(50)) chosen.push_back(dice_.pick(chosen));
  if (dice_.chance(200)) {
    for (std::size_t i = chosen.size(); i > 1; --i) std::swap(chosen[i - 1], chosen[static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(i)))]);
  }
  deliver(chosen);
}

void Centre::deliver(const std::vector<std::size_t>& chosen) {
  std::vector<slurm::UsageRecord> records;
  std::map<std::string, Usage> usages;
  for (const std::size_t index : chosen) {
    const Cluster::Record& one = cluster_.records[index];
    Usage& usage = usages[one.usage.key] = one.usage;
    if (dice_.chance(10)) {
      // As it was read while the job still ran.
      records.push_back(one.record);
      records.back().end.reset();
    }
    records.push_back(one.record);
    if (one.half_written) {
      records.back().tres_alloc.clear();
      usage.whole = false;
    }
  }
  const auto usage_of = [&](const std::string& key) {
    const auto found = usages.find(key);
    return found == usages.end() ? nullptr : &found->second;
  };
  const auto count = perform([&](const Entry& entry) { judge_charges(entry, false, usage_of); }, [&] { return books_->settle(records, now_); });
  if (!count) return;
  if (!count->ok()) return explain_fault(count->failure());
  if (!records.empty()) told();
  for (const auto& [key, usage] : usages) {
    const auto charge = state().charges.find(key);
    // From before the service began and of no admission; what it looks like is no sure sign by now.
    const bool may_be_foreign = usage.submit < rules_.since && (is_untagged(usage) || admission_of(usage).empty());
    if (charge == state().charges.end() && may_be_foreign) continue;
    if (charge == state().charges.end() || charge->second.usage.whole < usage.whole) fail("job " + key + " was read and not charged");
  }
  require((*count)->charged + (*count)->unrated + (*count)->known == chosen.size(), "settled records are not counted");
  for (const std::size_t index : chosen) {
    Cluster::Record& one = cluster_.records[index];
    one.delivered = one.delivered || usages.at(one.usage.key).whole;
    one.half_written = false;
  }
  std::erase_if(undelivered_, [&](std::size_t index) { return cluster_.records[index].delivered; });
}

void Centre::settle_unrated() {
  const bool some = !state().unrated.empty();
  Usage held;
  const auto usage_of = [&](const std::string& key) {
    held = state().charges.at(key).usage;
    return &held;
  };
  const auto count = perform([&](const Entry& entry) { judge_charges(entry, true, usage_of); }, [&] { return books_->settle_unrated(now_); });
  if (!count) return;
  if (!count->ok()) return explain_fault(count->failure());
  if (some) told();
  for (const std::string& key : state().unrated) {
    const Charge& charge = state().charges.at(key);
    if (rules_.bill(state(), charge.usage, charge.bill.admission, charge.bill.voucher, true).rated) fail("job " + key + " has a price and was not charged");
  }
}

void Centre::judge_charges(const Entry& entry, bool again, const std::function<const Usage*(const std::string&)>& usage_of) {
  require(entry.batch != nullptr && entry.batch->documents.empty(), "a settlement stores charges and no more");
  std::size_t refunds = 0;
  for (const auto& row : entry.batch->charges) {
    const Usage* usage = usage_of(row.key);
    if (usage == nullptr) fail("job " + row.key + " was charged, and its record was not read");
    // What had no price, or was read before all of it was written, may come again.
    const auto before = state().charges.find(row.key);
    const bool known = before != state().charges.end();
    if (known && (!state().unrated.contains(row.key) || !(again || before->second.usage.whole < usage->whole))) fail("job " + row.key + " was charged twice");
    if (again && !known) fail("job " + row.key + " was rated again, and never was before");
    judge_charge(entry.number, row, *usage, known);
    refunds += judge_back_at_once(entry, row.key);
  }
  require(entry.batch->objects.size() == refunds, "a settlement gave something back that it should not");
  for (const auto& event : entry.batch->events) {
    const bool known = std::any_of(entry.batch->charges.begin(), entry.batch->charges.end(), [&](const auto& row) {
      return event.id == (row.posted ? "charge/" : "void/") + row.key || event.id == "refund/rule/" + row.key;
    });
    if (!known || event.document.empty() || event.usage_to == std::nullopt) fail("event " + event.id + " is of no job that was read");
  }
  for (const auto& row : entry.batch->admissions) {
    const auto admission = state().admissions.find(row.id);
    if (admission == state().admissions.end() || admission->second.open != row.open) fail("admission " + row.id + " is open, or closed, and should not be");
  }
}

std::string Centre::admission_of(const Usage& usage) const {
  if (usage.tag == Usage::Tag::ours && state().admissions.contains(usage.admission)) return usage.admission;
  if (usage.tag == Usage::Tag::outage) {
    if (const Admission* of_nonce = state().open_of_nonce(usage.asked)) return of_nonce->id;
  }
  // Without such a tag the job's own id tells, once it is known; without any, what it asked for.
  std::vector<std::string> alike;
  std::optional<std::pair<Second, std::string>> by_id;
  for (const std::string& id : state().open) {
    const Admission& a = state().admissions.at(id);
    if (a.asked.uid != usage.uid || usage.submit < a.created_at - clock_skew) continue;
    if (a.jobs.contains(usage.kept_id())) by_id = std::max(by_id, std::optional(std::pair(a.created_at, id)));
    const bool fits = a.jobs.empty() && usage.submit <= a.created_at + clock_skew && a.asked.account == usage.account &&
                      a.asked.partition == usage.partition && (a.asked.tasks > 1) == (usage.array_id != 0);
    if (fits) alike.push_back(id);
  }
  if (by_id) return by_id->second;
  return is_untagged(usage) && alike.size() == 1 ? alike.front() : "";
}

void Centre::judge_charge(std::uint64_t number, const ledger::ChargeRow& row, const Usage& usage, bool again) {
  const auto& admissions = state().admissions;
  // Once found it stays the same, however its tag was lost.
  std::string named = again ? state().charges.at(row.key).bill.admission : "";
  if (named.empty()) named = admission_of(usage);
  if (row.admission != named) fail("job " + row.key + " belongs to admission '" + named + "' and was charged by '" + row.admission + "', since " + row.body);
  const Bill due = rules_.bill(state(), usage, row.admission, row.voucher, again);
  const auto text = [](bool posted, bool rated, const std::string& voucher, Micro amount, Micro by_voucher, Micro by_self, Micro overrun) {
    return std::string(posted ? "posted" : rated ? "recorded" : "unrated") + " " + text_of(amount) + " = voucher '" + voucher + "' " + text_of(by_voucher) +
           " + user " + text_of(by_self) + " + overrun " + text_of(overrun);
  };
  const bool same = row.posted == due.posted && row.rated == due.rated && row.voucher == due.voucher && row.amount.micro == due.amount &&
                    row.by_voucher.micro == due.by_voucher && row.by_self.micro == due.by_self && row.overrun.micro == due.overrun;
  if (!same) {
    fail("job " + row.key + ": " + text(row.posted, row.rated, row.voucher, row.amount.micro, row.by_voucher.micro, row.by_self.micro, row.overrun.micro) +
         ", but due is " + text(due.posted, due.rated, due.voucher, due.amount, due.by_voucher, due.by_self, due.overrun));
  }
  require(row.account == usage.account && row.user == usage.user && row.job_id == usage.job_id && !row.record.empty(), "a charge doesn't hold its record");
  ++tally_.records_charged;
  if (row.posted && row.amount.micro > 0) charges_seen_.push_back(row.key);
  touch_account(usage.account);
  if (!due.voucher.empty()) touch_voucher(due.voucher);
  if (const auto its = admissions.find(due.admission); its != admissions.end()) {
    touch_admission(its->first);
    if (!its->second.voucher.empty()) touch_voucher(its->second.voucher);
  }
  change(number, [usage, due](State& s) { s.charge(usage, due); });
}

/// What the site's rule gives back goes with the charge. Returns how many refunds are due: one, or none.
std::size_t Centre::judge_back_at_once(const Entry& entry, const std::string& key) {
  const Charge& charge = state().charges.at(key);
  const Micro amount = rules_.back_at_once(charge.usage, charge.bill);
  if (amount == 0) return 0;
  const auto& events = entry.batch->events;
  const auto event = std::find_if(events.begin(), events.end(), [&](const auto& one) { return one.id == "refund/rule/" + key; });
  if (event == events.end()) fail("job " + key + " ended in state " + charge.usage.state + " and nothing was given back");
  judge_refund(entry, *event, key, amount);
  return 1;
}

}  // namespace sluice::simulation
