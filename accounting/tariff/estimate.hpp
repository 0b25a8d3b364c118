// SPDX-License-Identifier: Apache-2.0
//
// The most that a submission can be allocated and for how long: what a quote and
// a lien are priced on. What the job leaves unsaid follows Slurm's own defaults,
// never zero. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/slurm/record.hpp"
#include "accounting/tariff/cluster_shape.hpp"
#include "accounting/tariff/job_request.hpp"
#include "accounting/tariff/price_book.hpp"

namespace sluice::tariff {

struct EstimateLimits {
  std::optional<std::int64_t> lien_hours_max;  ///< longer jobs are priced, and settled, piece by piece
};

/// The worst case of one job (of one task, where it is an array) in one partition.
struct Estimate {
  std::string partition;
  std::int64_t nodes = 1;
  std::int64_t tasks = 1;
  /// "cpu", "mem" (MB; only where memory is consumable), "node", "gres/…" and
  /// "license/…" by Slurm's names. Devices stand under their kind and, where it is
  /// known, again under their type, as in slurmdbd. No "billing".
  slurm::Tres tres;
  std::optional<std::int64_t> time_limit_seconds;  ///< none: no finite limit; ask for --time
  std::optional<std::int64_t> priced_seconds;      ///< the limit, but lien_hours_max at most
  std::int64_t tasks_total = 1;                    ///< of the array; 1 where it is none
  std::int64_t tasks_at_once = 1;
  /// "gres/gpu" → types of which Slurm will pick one, where the job left it open.
  std::map<std::string, std::vector<std::string>> possible_types;
  std::vector<std::string> notes;                  ///< for users: what was assumed
};

/// One estimate per partition that the job names, in its order; of the default
/// partition where it names none. Codes: partition_not_found, bad_array, bad_tres,
/// request_too_large.
[[nodiscard]] Result<std::vector<Estimate>> estimate(const JobRequest& job, const ClusterShape& cluster,
                                                     const EstimateLimits& limits);

/// The same for callers that estimate once: sums the inventory up first.
[[nodiscard]] Result<std::vector<Estimate>> estimate(const JobRequest& job, const slurm::Inventory& inventory,
                                                     const EstimateLimits& limits);

/// `estimate.tres` with every device whose type is open counted as the dearest type that `row` prices.
[[nodiscard]] slurm::Tres dearest(const PriceRow& row, const Estimate& estimate);

}  // namespace sluice::tariff
