// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/collector.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>

#include "accounting/core/thread.hpp"
#include "accounting/service/fault_point.hpp"

namespace sluice::service {
namespace {

constexpr std::int64_t inventory_seconds = 60;
constexpr std::int64_t diagnosis_seconds = 10;
constexpr std::int64_t unanswered_seconds = 3600;
constexpr std::int64_t unrated_seconds = 60;
constexpr std::int64_t window_seconds_max = 6 * 3600;  // one reply stays small after a long absence
constexpr std::int64_t window_seconds_min = 60;
constexpr std::int64_t late_seconds_max = 35 * 86'400;
// Whoever waits for a look holds a thread of the public listener.
constexpr auto look_wait = std::chrono::seconds(10);
constexpr int looking_max = 2;
// Live jobs by the ten thousand are read less often: slurmctld starts none while it packs them.
constexpr int pause_in_readings = 20;
constexpr auto sweep_pause_max = std::chrono::seconds(20);  // a lien without a job is void within two minutes
// Somebody waits, but anybody may have it read again and again.
constexpr int look_pause_in_readings = 4;
constexpr std::size_t ids_per_call_max = 2000;  // a line of the helper's has room for many more; an array has many records

/// A shorter question may have an answer.
bool was_too_much(const Failure& failure) { return failure.code == "too_many_rows" || failure.code == "slurm_timeout"; }

}  // namespace

UnixTime clock_now() { return static_cast<UnixTime>(std::time(nullptr)); }

Collector::Collector(Parts parts) : parts_(std::move(parts)), window_seconds_(window_seconds_max) {
  reading_ = std::thread([this] {
    name_thread("collect");
    read_forever();
  });
  if (parts_.tagger == nullptr || parts_.books == nullptr) return;
  tagging_ = std::thread([this] {
    name_thread("tag");
    tag_forever();
  });
}

Collector::~Collector() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  reading_.join();
  if (tagging_.joinable()) tagging_.join();
}

void Collector::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    sweep_wanted_ = std::max(sweep_wanted_, sweeps_begun_ + 1);
  }
  changed_.notify_all();
}

bool Collector::look() {
  std::unique_lock lock(mutex_);
  if (looking_ >= looking_max) return false;
  ++looking_;
  // One that has begun may have read Slurm before the job was there.
  const std::uint64_t wanted = sweeps_begun_ + 1;
  sweep_wanted_ = std::max(sweep_wanted_, wanted);
  changed_.notify_all();
  changed_.wait_for(lock, look_wait, [&] { return stopping_ || sweeps_done_ >= wanted; });
  --looking_;
  return sweeps_done_ >= wanted && sweep_succeeded_;
}

bool Collector::wait_for_inventory(std::int64_t milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return inventory_is_read_; });
}

bool Collector::wait(std::int64_t milliseconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return stopping_; });
  return !stopping_;
}

void Collector::note(const std::string& doing, const Result<void>& outcome, UnixTime now) {
  if (outcome.ok()) {
    parts_.health.succeeded(doing, now);
  } else if (parts_.health.failed(doing, outcome.failure().text, now)) {
    spdlog::warn("{}: {}", doing, outcome.failure().text);
  }
}

Collector::Work Collector::wait_for_work(Clock::time_point round_at) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return Work::stop;
    const auto now = Clock::now();
    if (woken_ || now >= round_at) {
      woken_ = false;
      return Work::round;
    }
    const bool looked_for = parts_.books != nullptr && sweeps_done_ < sweep_wanted_;
    if (looked_for && now >= look_from_) return Work::look;
    changed_.wait_until(lock, looked_for ? std::min(round_at, look_from_) : round_at);
  }
}

void Collector::read_forever() {
  auto round_at = Clock::now();
  for (Work work = wait_for_work(round_at); work != Work::stop; work = wait_for_work(round_at)) {
    try {
      if (work == Work::round) {
        round(parts_.clock());
      } else {
        sweep(parts_.clock());
      }
    } catch (const std::exception& problem) {
      if (parts_.health.failed("collect", problem.what(), parts_.clock())) spdlog::error("collect: {}", problem.what());
    }
    if (work == Work::round) round_at = Clock::now() + std::chrono::seconds(parts_.config()->collector.interval_seconds);
  }
}

void Collector::round(UnixTime now) {
  read_inventory(now);
  if (parts_.books != nullptr) keep_books(now);
  // Last, as it is what can wait best where Slurm hangs.
  read_diagnosis(now);
  if (parts_.disk != nullptr) note("disk use", parts_.disk->look(now), now);
}

void Collector::keep_books(UnixTime now) {
  note("collect", collect(now), now);
  if (sweep_is_due()) sweep(now);
  note("collect late records", collect_late(now), now);
  note("expire", parts_.books->expire(now), now);
  if (now - unrated_tried_at_ >= unrated_seconds) {
    unrated_tried_at_ = now;
    const auto rated = parts_.books->settle_unrated(now);
    note("rate again", rated.ok() ? Result<void>{} : Result<void>{rated.failure()}, now);
    if (rated.ok() && rated->unrated > 0) {
      parts_.health.failed("prices", std::to_string(rated->unrated) + " finished jobs have no price", now);
    } else if (rated.ok()) {
      parts_.health.succeeded("prices", now);
    }
  }
}

void Collector::read_inventory(UnixTime now) {
  if (now - inventory_read_at_ < inventory_seconds) return;
  const auto config = parts_.config();
  auto inventory = parts_.reader->inventory(config->cluster);
  if (inventory.ok()) {
    inventory_read_at_ = now;
    parts_.facts.set(std::move(*inventory));
    parts_.facts.warm_users(now);
    note("inventory", {}, now);
    {
      const std::lock_guard lock(mutex_);
      inventory_is_read_ = true;
    }
    changed_.notify_all();
  } else {
    note("inventory", inventory.failure(), now);
  }
}

void Collector::read_diagnosis(UnixTime now) {
  if (now - diagnosis_read_at_ < diagnosis_seconds) return;
  auto diagnosis = parts_.reader->diagnosis(parts_.config()->cluster);
  if (diagnosis.ok()) {
    diagnosis_read_at_ = now;
    parts_.facts.set(std::move(*diagnosis));
  }
  note("diagnosis", diagnosis.ok() ? Result<void>{} : Result<void>{diagnosis.failure()}, now);
}

Result<UnixTime> Collector::settle_window(UnixTime from, UnixTime to, UnixTime now) {
  const auto config = parts_.config();
  for (;;) {
    const UnixTime until = std::min(to, from + window_seconds_);
    const auto records = parts_.reader->finished(config->clusters(), from, until);
    if (!records.ok()) {
      if (!was_too_much(records.failure()) || until - from <= window_seconds_min) return records.failure();
      window_seconds_ = std::max(window_seconds_min, (until - from) / 2);
      spdlog::info("slurmdbd's answer for {} s was too large; asking for {} s at a time", until - from, window_seconds_);
      continue;
    }
    const auto settled = parts_.books->settle(*records, now);
    if (!settled.ok()) return settled.failure();
    if (settled->unrated > 0) spdlog::warn("{} finished jobs have no price and wait for one", settled->unrated);
    window_seconds_ = std::min(window_seconds_max, window_seconds_ * 2);
    return until;
  }
}

Result<void> Collector::collect(UnixTime now) {
  Books& books = *parts_.books;
  UnixTime from = std::max(books.since(), books.collected_to()) - parts_.config()->collector.overlap_seconds;
  while (from < now) {
    const auto until = settle_window(from, now, now);
    if (!until.ok()) return until.failure();
    fault_point("collect.before_mark");
    if (*until > books.collected_to()) {
      const auto marked = books.set_collected_to(*until);
      if (!marked.ok()) return marked;
    }
    from = *until;
  }
  return {};
}

Result<void> Collector::collect_late(UnixTime now) {
  const std::string day = format_date(now, parts_.config()->zone);
  if (day != late_day_) {
    late_day_ = day;
    late_from_ = std::max(parts_.books->since(), now - late_seconds_max);
  }
  if (!late_from_) return {};
  // One window a round: what has just ended never waits for what ended long ago.
  const auto until = settle_window(*late_from_, now, now);
  if (!until.ok()) return until.failure();
  late_from_ = *until < now ? std::optional(*until) : std::nullopt;
  return {};
}

bool Collector::sweep_is_due() {
  const std::lock_guard lock(mutex_);
  return Clock::now() >= sweep_from_ || sweeps_done_ < sweep_wanted_;
}

void Collector::sweep(UnixTime now) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++sweeps_begun_;
  }
  Result<void> outcome;
  try {
    outcome = read_live_jobs(now);
  } catch (const std::exception& problem) {
    outcome = fault(problem.what());
  }
  note("sweep", outcome, now);
  {
    const std::lock_guard lock(mutex_);
    sweeps_done_ = number;
    sweep_succeeded_ = outcome.ok();
    const auto done_at = Clock::now();
    const auto reading = outcome.ok() ? reading_took_ : Clock::duration{};
    look_from_ = done_at + std::max<Clock::duration>(parts_.look_interval, look_pause_in_readings * reading);
    sweep_from_ = done_at + std::min<Clock::duration>(sweep_pause_max, pause_in_readings * reading);
  }
  changed_.notify_all();
}

Result<void> Collector::read_live_jobs(UnixTime now) {
  const auto config = parts_.config();
  const auto begun_at = Clock::now();
  auto live = parts_.reader->live(config->clusters());
  if (!live.ok()) return live.failure();
  // Of one that is away it says nothing how long it took.
  const bool all_answered = std::all_of(live->begin(), live->end(), [](const auto& cluster) { return cluster.ok; });
  reading_took_ = all_answered ? Clock::now() - begun_at : Clock::duration{};
  for (const auto& cluster : *live) {
    note("slurmctld of " + cluster.cluster,
         cluster.ok ? Result<void>{} : Result<void>{fault(cluster.problem)}, now);
    if (cluster.ok && cluster.cluster == config->cluster) {
      parts_.facts.set_unanswered_submit(newest_unanswered(cluster.jobs, now - unanswered_seconds));
    }
  }
  const auto followed = parts_.books->follow_changes(*live, parts_.facts, now);
  if (!followed.ok()) return followed.failure();
  const auto overdue = parts_.books->sweep(std::move(*live), now);
  if (!overdue.ok()) return overdue.failure();
  for (const auto& [cluster, ids] : *overdue) {
    const auto settled = settle_by_id(cluster, ids, now);
    if (!settled.ok()) return settled;
  }
  return {};
}

Result<void> Collector::settle_by_id(const std::string& cluster, const std::vector<std::uint32_t>& ids, UnixTime now) {
  std::size_t count = ids_per_call_max;
  for (std::size_t first = 0; first < ids.size();) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<std::uint32_t> some(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, ids.size() - first)));
    const auto records = parts_.reader->by_id(cluster, some);
    if (!records.ok()) {
      if (!was_too_much(records.failure()) || some.size() == 1) return records.failure();
      count = some.size() / 2;
      continue;
    }
    const auto settled = parts_.books->settle(*records, now);
    if (!settled.ok()) return settled.failure();
    first += some.size();
  }
  return {};
}

void Collector::tag_forever() {
  do {
    const auto config = parts_.config();
    const auto due = parts_.books->tags_due(100);
    if (!due.ok() || due->empty()) continue;
    const std::int64_t pause = 1000 / config->final_tags_per_second;
    for (const auto& tag : *due) {
      const UnixTime now = parts_.clock();
      const auto written = parts_.tagger->tag({tag.cluster, tag.job_id, tag.state_number, tag.submit, tag.end, tag.text});
      if (!written.ok()) {
        note("final tags", written.failure(), now);
        break;
      }
      if (!*written) spdlog::warn("final tag: slurmdbd has not exactly one record of job {} on {}", tag.job_id, tag.cluster);
      fault_point("tag.before_done");
      note("final tags", parts_.books->tags_done({tag.id}), now);
      if (!wait(pause)) return;
    }
  } while (wait(1000));
}

}  // namespace sluice::service
