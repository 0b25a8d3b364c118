// SPDX-License-Identifier: Apache-2.0
//
// Reader: how the service asks Slurm. The real one runs libslurm in a child
// process (libslurm may hang for minutes or end the process); tests have one of
// their own. Calls block; one thread at a time.

#pragma once

#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::slurm {

/// A final tag for one record of slurmdbd.
struct TagRequest {
  std::string cluster;
  std::uint32_t job_id = 0;
  std::uint32_t state_number = 0;
  UnixTime submit = 0;
  UnixTime end = 0;
  std::string text;  ///< the whole AdminComment; over 65,535 bytes slurmdbd would cut it silently, so that is refused
};

class Reader {
 public:
  virtual ~Reader() = default;

  /// Records of jobs of `clusters` that ended in [from, to], both inclusive, in any
  /// end state (REVOKED and REQUEUED too). A row may come again in the next window.
  virtual Result<std::vector<UsageRecord>> finished(const std::vector<std::string>& clusters, UnixTime from,
                                                    UnixTime to) = 0;
  /// All records, finished or not, of these job ids; the id of an array or of a
  /// heterogeneous job brings its tasks or components too.
  virtual Result<std::vector<UsageRecord>> by_id(const std::string& cluster,
                                                 const std::vector<std::uint32_t>& job_ids) = 0;
  /// What each cluster's slurmctld holds now. A cluster that can't be reached is
  /// in the answer with ok = false.
  virtual Result<std::vector<LiveCluster>> live(const std::vector<std::string>& clusters) = 0;
  virtual Result<Inventory> inventory(const std::string& cluster) = 0;
  virtual Result<Diagnosis> diagnosis(const std::string& cluster) = 0;
  /// True: one record was changed; false: not exactly one matched, nothing was changed.
  virtual Result<bool> tag(const TagRequest& request) = 0;
};

}  // namespace sluice::slurm
