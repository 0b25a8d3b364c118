// SPDX-License-Identifier: Apache-2.0
//
// ChildReader: the Reader of the service. It runs the helper sluice-slurmdb, which
// links libslurm, speaks the line protocol (PROTOCOL.md) with it, and kills it when
// an answer is overdue or makes no sense. Calls block, at most for their timeout;
// one thread at a time. The helper dies with the thread whose call started it: let
// that be one that lasts.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accounting/slurm/reader.hpp"

namespace sluice::slurm {

struct ChildReaderOptions {
  std::vector<std::string> command;  ///< path of sluice-slurmdb, then its arguments
  std::chrono::milliseconds call_timeout{60'000};
  std::chrono::milliseconds tag_timeout{30'000};
  std::chrono::milliseconds live_timeout{5'000};        ///< for each cluster's slurmctld
  std::chrono::milliseconds start_interval_min{1'000};  ///< between two starts of the helper
  std::size_t rows_max = 500'000;                       ///< of one answer; ask for less time then
  /// What the helper and libslurm say on their error stream, line by line, and our own remarks.
  std::function<void(const std::string& line)> log;
};

class ChildReader final : public Reader {
 public:
  explicit ChildReader(ChildReaderOptions options);
  ~ChildReader() override;

  // Failures: `unreachable` where slurmdbd or slurmctld can't be reached or doesn't
  // answer in time, or where the helper was started less than start_interval_min ago;
  // `fault` (code "too_many_rows") where an answer is larger than rows_max; `fault`
  // where the helper can't be run or answers nonsense.
  Result<std::vector<UsageRecord>> finished(const std::vector<std::string>& clusters, UnixTime from,
                                            UnixTime to) override;
  Result<std::vector<UsageRecord>> by_id(const std::string& cluster,
                                         const std::vector<std::uint32_t>& job_ids) override;
  Result<std::vector<LiveCluster>> live(const std::vector<std::string>& clusters) override;
  Result<Inventory> inventory(const std::string& cluster) override;
  Result<Diagnosis> diagnosis(const std::string& cluster) override;
  Result<bool> tag(const TagRequest& request) override;

 private:
  class Exchange;
  ChildReaderOptions options_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace sluice::slurm
