// SPDX-License-Identifier: Apache-2.0
//
// The collector: reads Slurm in rounds and hands what it finds to the books. It
// owns two threads, one that reads and one that writes final tags, so that slow
// tags never delay a charge. Each has its own child process for libslurm.

#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "accounting/service/books.hpp"
#include "accounting/service/disk_use.hpp"
#include "accounting/service/health.hpp"
#include "accounting/slurm/reader.hpp"

namespace sluice::service {

/// Seconds since the epoch now.
[[nodiscard]] UnixTime clock_now();

class Collector {
 public:
  struct Parts {
    SlurmFacts& facts;
    Health& health;
    Books* books = nullptr;  ///< null: a site without a ledger only reads the inventory
    std::function<std::shared_ptr<const Config>()> config;
    std::unique_ptr<slurm::Reader> reader;
    std::unique_ptr<slurm::Reader> tagger;  ///< null: no final tags
    std::chrono::milliseconds look_interval{1000};  ///< each look reads all of Slurm's live jobs
    std::function<UnixTime()> clock = clock_now;
    DiskUse* disk = nullptr;  ///< measured now and then, where there is one
  };

  explicit Collector(Parts parts);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// Begins the next round now instead of at its time, a whole one.
  void wake();
  /// Reads the live jobs of all clusters now, for somebody who waits for a job that was just
  /// submitted; back once the books know what Slurm holds. False: that took too long, it failed, or
  /// enough others wait already.
  bool look();
  /// Waits until Slurm's partitions were read once; false where that took longer.
  bool wait_for_inventory(std::int64_t milliseconds);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Work { stop, round, look };

  void read_forever();
  Work wait_for_work(Clock::time_point round_at);
  void tag_forever();
  void round(UnixTime now);
  void read_inventory(UnixTime now);
  void keep_books(UnixTime now);
  /// What `sluice doctor` wants to know of Slurm.
  void read_diagnosis(UnixTime now);
  /// What has ended since the mark, with an overlap.
  Result<void> collect(UnixTime now);
  /// Some of what ended in the last weeks, once a day all of it: a record may come to slurmdbd
  /// long after its job's end, as from a cluster that was cut off.
  Result<void> collect_late(UnixTime now);
  /// Settles what ended from `from` on, up to `to` or as much of it as one answer can hold; says until when.
  Result<UnixTime> settle_window(UnixTime from, UnixTime to, UnixTime now);
  /// Reads the live jobs; counted for those who look.
  void sweep(UnixTime now);
  /// False: the last one took so long that slurmctld, and this host, are left alone for a while.
  [[nodiscard]] bool sweep_is_due();
  Result<void> read_live_jobs(UnixTime now);
  /// Asks slurmdbd for jobs by their ids and settles what has ended.
  Result<void> settle_by_id(const std::string& cluster, const std::vector<std::uint32_t>& ids, UnixTime now);
  void note(const std::string& doing, const Result<void>& outcome, UnixTime now);
  /// Waits; false: the service is stopping.
  bool wait(std::int64_t milliseconds);

  Parts parts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool woken_ = false;
  bool inventory_is_read_ = false;
  int looking_ = 0;                  ///< callers of look() that wait
  std::uint64_t sweep_wanted_ = 0;   ///< number of the sweep that they wait for
  std::uint64_t sweeps_begun_ = 0;
  std::uint64_t sweeps_done_ = 0;
  bool sweep_succeeded_ = false;     ///< the last one
  Clock::time_point look_from_{};    ///< earliest time of the next sweep for a caller of look()
  Clock::time_point sweep_from_{};   ///< of the next one that is part of a round
  Clock::duration reading_took_{};   ///< what Slurm needed to tell its live jobs; the reading thread's own
  UnixTime inventory_read_at_ = 0;
  UnixTime diagnosis_read_at_ = 0;
  std::int64_t window_seconds_;      ///< that one answer of slurmdbd could hold lately
  std::string late_day_;             ///< for which the last weeks are read again
  std::optional<UnixTime> late_from_;  ///< what is left of that
  UnixTime unrated_tried_at_ = 0;
  std::thread reading_;
  std::thread tagging_;
};

}  // namespace sluice::service
