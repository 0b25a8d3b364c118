// SPDX-License-Identifier: Apache-2.0
//
// Books::sweep and Books::expire: what happens because time has passed.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "accounting/core/digest.hpp"
#include "accounting/service/books.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {
namespace {

// How long an admission may wait for us: about a millisecond, of a deadline of ten.
constexpr std::size_t jobs_per_lock = 500;
constexpr std::size_t buckets_per_lock = 500;
constexpr std::size_t changes_per_lock = 10;
constexpr std::size_t closed_per_lock = 5;

}  // namespace

void Books::let_admissions_pass() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

Result<void> Books::close(Transaction& transaction, const Admission& a, const std::string& why, UnixTime now) {
  Admission after = a;
  if (const auto* lien = open_lien(a); lien != nullptr) {
    const auto voided = void_lien(transaction, after, *lien, why, {-1, "sluiced"}, now);
    if (!voided.ok()) return voided;
  }
  after.open = false;
  after.closed_because = why;
  after.reasons.push_back(why);
  transaction.batch.admissions.push_back(to_row(after));
  return {};
}

Result<void> Books::close_some(Closing::const_iterator& next, const Closing& closing, UnixTime now) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(*this);
  std::vector<std::string> closed;
  for (std::size_t looked_at = 0; next != closing.end() && looked_at < closed_per_lock; ++next, ++looked_at) {
    const auto found = open_.find(next->first);
    if (found == open_.end()) continue;
    // What holds a lien for another component goes with the last of them.
    const Admission& a = found->second;
    const auto others = a.lien_with.empty() ? covered_beside(a) : std::vector<const Admission*>{};
    if (std::any_of(others.begin(), others.end(), [&](const Admission* other) { return !closing.contains(other->id); })) continue;
    const auto done = close(transaction, a, next->second, now);
    if (!done.ok()) return done;
    closed.push_back(a.id);
  }
  if (closed.empty()) return {};
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  for (const auto& id : closed) forget(id);
  return {};
}

/// Notes which admissions the first of `jobs` belong to, and says how many it looked at: all,
/// or as many as one hold of the lock has time for.
Result<std::size_t> Books::see_some(std::span<const slurm::LiveJob> jobs, std::span<const JobText> texts, UnixTime now) {
  const std::lock_guard lock(mutex_);
  Working working;
  std::size_t looked_at = 0;
  for (; looked_at < jobs.size() && working.size() < changes_per_lock; ++looked_at) {
    const auto& job = jobs[looked_at];
    auto found = open_.find(resolve(texts[looked_at].id, working));
    if (found == open_.end() || found->second.user_id != static_cast<std::int64_t>(job.user_id)) {
      const auto matched = match_job({job.cluster, job.job_id, job.array_job_id, job.user_id, job.account, job.partition,
                                      job.submit, texts[looked_at].bare}, working, nullptr);
      if (!matched) continue;
      found = open_.find(*matched);
    }
    Sighting& sighting = sightings_[found->first];
    sighting.seen = true;
    if (!job.finished && !job.revoked) {
      sighting.last_alive = now;
      sighting.asked_at = 0;
    }
    if (job.revoked && !job.finished) sighting.handed_over_at = now;
    const std::uint32_t id = job.array_job_id != 0 ? job.array_job_id : job.job_id;
    if (!found->second.job_ids.contains(id)) working.try_emplace(found->first, found->second).first->second.job_ids.insert(id);
  }
  if (working.empty()) return looked_at;
  Transaction transaction(*this);
  for (const auto& [id, admission] : working) transaction.batch.admissions.push_back(to_row(admission));
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed.failure();
  for (auto& [id, admission] : working) put(std::move(admission));
  return looked_at;
}

/// Notes which admissions have a job, and their job ids.
Result<void> Books::see_live_jobs(const slurm::LiveCluster& cluster, UnixTime now) {
  const auto config = this->config();
  const bool ours = cluster.cluster == config->cluster;
  for (std::size_t first = 0; first < cluster.jobs.size(); first += jobs_per_lock) {
    const std::size_t last = std::min(cluster.jobs.size(), first + jobs_per_lock);
    // Texts are read before the lock is taken.
    std::vector<JobText> texts;
    for (std::size_t i = first; i < last; ++i) {
      const auto& job = cluster.jobs[i];
      const auto tag = slurm::find_tag(job.admin_comment);
      std::string id = tag && tag->id ? *tag->id : "";
      // Left by a plugin that got no answer; sluiced may have seen the request all the same.
      if (tag && !tag->id && tag->nonce) id = nonce_id(*tag->nonce, job.user_id, job.het_job_id != 0 ? job.het_job_offset : std::nullopt);
      const bool forged = tag && tag->id && ours && (!tag->mac || *tag->mac != tag_mac(mac_key_, id, cluster.cluster, job.user_id));
      texts.push_back({forged ? "" : std::move(id), !tag || forged});
    }
    for (std::size_t next = first; next < last;) {
      const auto seen = see_some(std::span(cluster.jobs).subspan(next, last - next), std::span(texts).subspan(next - first), now);
      if (!seen.ok()) return seen.failure();
      next += *seen;
      let_admissions_pass();
    }
  }
  return {};
}

Result<void> Books::tell_of_stranded(const std::set<std::string>& ids) {
  static const std::string reason =
      "no cluster holds the job: the one that was to run it has refused it, and its slurmctld's log says why; "
      "cancel the job and submit it again";
  const std::lock_guard lock(mutex_);
  Transaction transaction(*this);
  std::vector<Admission> told;
  for (const auto& id : ids) {
    const auto found = open_.find(id);
    if (found == open_.end()) continue;
    Admission after = found->second;
    if (std::find(after.reasons.begin(), after.reasons.end(), reason) != after.reasons.end()) continue;
    after.reasons.push_back(reason);
    transaction.batch.admissions.push_back(to_row(after));
    told.push_back(std::move(after));
  }
  if (told.empty()) return {};
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  for (auto& admission : told) {
    spdlog::warn("job {} of {}, meant for cluster {}: {}", admission.job_ids.empty() ? 0 : *admission.job_ids.begin(), admission.user,
                 admission.target, reason);
    put(std::move(admission));
  }
  return {};
}

/// Decides what becomes of an open admission. Twice in one sweep does no harm.
void Books::look_over(const Admission& a, const SweepTimes& times, SweepFindings& findings) {
  Sighting& sighting = sightings_[a.id];
  if (!sighting.seen && a.job_ids.empty()) {
    // After a start its record may have to be read first.
    if (times.as_of - std::max(a.created_at, loaded_at_) < times.patience) return;
    findings.closing.emplace(a.id, "no job came of this submission: Slurm refused it or it was given up");
    return;
  }
  const UnixTime alive = std::max({sighting.last_alive, loaded_at_, a.created_at});
  if (times.now - alive < times.patience) return;
  const bool asked = sighting.asked_at != 0 && sighting.asked_at != times.now;
  // Tasks that were cancelled while pending never get a record of their own, nor does a job that
  // was interrupted say whether it goes on. That nothing is left is known once slurmdbd was asked
  // for it and was read beyond its end.
  const bool asked_in_vain = asked && collected_to_ - alive >= times.patience;
  if ((a.tasks_total > 1 || a.interrupted) && asked_in_vain && times.now - alive >= 2 * times.patience) {
    findings.closing.emplace(a.id, a.tasks_total > 1 ? "none of its tasks is left in Slurm" : "Slurm didn't start it again");
    return;
  }
  if (asked && sighting.handed_over_at == times.now) findings.stranded.insert(a.id);
  sighting.asked_at = times.now;
  findings.overdue[a.target].insert(a.job_ids.begin(), a.job_ids.end());
  if (a.cluster != a.target) findings.overdue[a.cluster].insert(a.job_ids.begin(), a.job_ids.end());
}

Books::SweepFindings Books::look_over_open(const SweepTimes& times) {
  SweepFindings findings;
  std::size_t buckets = 0;
  for (std::size_t next = 0;; let_admissions_pass()) {
    const std::lock_guard lock(mutex_);
    if (buckets != open_.bucket_count()) {  // the table has grown, and all stand elsewhere
      buckets = open_.bucket_count();
      next = 0;
    }
    const std::size_t last = std::min(buckets, next + buckets_per_lock);
    for (; next < last; ++next) {
      for (auto it = open_.begin(next); it != open_.end(next); ++it) look_over(it->second, times, findings);
    }
    if (next == buckets) return findings;
  }
}

Result<std::map<std::string, std::vector<std::uint32_t>>> Books::sweep(std::vector<slurm::LiveCluster> live, UnixTime now) {
  const std::lock_guard one_settler(settling_);
  const auto config = this->config();
  std::map<std::string, std::vector<std::uint32_t>> overdue;
  UnixTime as_of = now;
  for (auto& cluster : live) {
    if (!cluster.ok) continue;
    as_of = std::min(as_of, cluster.as_of);
    const auto seen = see_live_jobs(cluster, now);
    if (!seen.ok()) return seen.failure();
    live_.replace(cluster.cluster, std::move(cluster.jobs));
  }
  // What one cluster does not hold another may: without all of them nothing is given up.
  const auto wanted = config->clusters();
  const bool all_read = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::any_of(live.begin(), live.end(), [&](const auto& one) { return one.cluster == name && one.ok; });
  });
  if (!all_read) return overdue;

  const SweepFindings findings = look_over_open({now, as_of, config->collector.void_after_seconds});
  for (auto next = findings.closing.begin(); next != findings.closing.end();) {
    const auto closed = close_some(next, findings.closing, now);
    if (!closed.ok()) return closed.failure();
    let_admissions_pass();
  }
  for (const auto& [cluster, ids] : findings.overdue) overdue[cluster].assign(ids.begin(), ids.end());
  const auto told = tell_of_stranded(findings.stranded);
  if (!told.ok()) return told.failure();
  return overdue;
}

Result<void> Books::expire(UnixTime now) {
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*this);
    std::vector<std::string> expired;
    for (const auto& [id, voucher] : vouchers_) {
      const Programme& programme = programmes_.at(voucher.programme);
      const bool revoked = voucher.state == VoucherState::revoked;
      if (!revoked && now < std::min(voucher.valid_to, programme.valid_to)) continue;
      // Again and again: what a lien or a charge gives back later must not stay either.
      const Money available = ledger_.balance(ledger::voucher(id)).available();
      if (available.micro > 0) {
        const auto kind = revoked ? ledger::EventKind::revoke : ledger::EventKind::expire;
        ledger::Event event = new_event(random_id(std::string(name_of(kind)) + "/" + id + "/"), kind, {-1, "sluiced"}, now);
        event.transfers = ledger::expire_transfers(voucher.programme, id, available, revoked || programme.expiry_to == ExpiryTo::budget);
        const auto posted = transaction.post(std::move(event));
        if (!posted.ok()) return posted;
      }
      if (!revoked && voucher.state != VoucherState::expired) {
        Voucher after = voucher;
        after.state = VoucherState::expired;
        transaction.batch.objects.push_back(voucher_object(after));
        expired.push_back(id);
      }
    }
    changed = !transaction.batch.events.empty() || !transaction.batch.objects.empty();
    if (changed) {
      const auto committed = transaction.commit();
      if (!committed.ok()) return committed;
      for (const auto& id : expired) vouchers_.at(id).state = VoucherState::expired;
    }
  }
  return changed ? storage_.sync() : Result<void>{};
}

}  // namespace sluice::service
