// SPDX-License-Identifier: Apache-2.0
//
// Cluster: a Slurm that is only made up. Jobs and arrays are submitted, start, end, are
// put back into the queue or cancelled; slurmdbd keeps a record of each run. Some jobs
// lose their tag, some carry a forged one.

#pragma once

#include <string>
#include <vector>

#include "accounting/slurm/record.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/model.hpp"

namespace sluice::simulation {

inline constexpr const char* cluster_name = "cq";

class Cluster {
 public:
  explicit Cluster(Dice& dice) : dice_(dice) {}

  /// A record as slurmdbd gives it, and what the model is told of it.
  struct Record {
    Usage usage;
    slurm::UsageRecord record;
    bool half_written = false;  ///< when it is read first
    bool delivered = false;
  };

  /// `submitted` has what the tag tells (tag, admission, tag_voucher, asked).
  void submit(const Submission& asked, const Usage& submitted, const std::string& comment, Second now);
  /// Lets some jobs start and some end.
  void advance(Second now);
  /// Every job ends.
  void finish(Second now);

  [[nodiscard]] std::size_t live_count() const { return jobs_.size(); }
  [[nodiscard]] slurm::LiveCluster live(Second now) const;
  /// Admissions of live jobs that carry our tag.
  [[nodiscard]] std::set<std::string> admissions_alive() const;

  std::vector<Record> records;  ///< in the order of their end

 private:
  struct Job {
    Usage usage;  ///< as far as it is known
    Submission asked;
    std::string comment;
    std::int64_t pending_tasks = 0;  ///< of an array that is still in the queue
    std::int64_t running_tasks = 0;
    std::uint32_t next_task = 1;
  };

  void start(std::size_t index, Second now);
  void end(std::size_t index, Second now);
  void record(const Job& job, const std::string& state, Second now);
  void spoil_tag(Job& job, int permille);
  void remove(std::size_t index);

  Dice& dice_;
  std::vector<Job> jobs_;
  std::uint32_t next_id_ = 101;
};

}  // namespace sluice::simulation
