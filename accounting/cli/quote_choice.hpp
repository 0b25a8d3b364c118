// SPDX-License-Identifier: Apache-2.0
//
// Of the quotes that the clusters of a federation gave: which decide, what they
// refuse, and how they read. Pure.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "accounting/cli/quote_reading.hpp"

namespace sluice::cli {

using Quotes = std::vector<ClusterQuote>;

/// The quotes of the cluster that the job would be submitted to, one for each component of a
/// heterogeneous job. Empty: that cluster gave none. `local_cluster` names the cluster of this host,
/// or nothing where it can't be known; it is called only where that decides.
[[nodiscard]] Quotes deciding_quotes(const Quotes& all, const std::function<std::string()>& local_cluster);

/// Why the job would be refused: by the cluster that decides, and by home where it says that the
/// voucher is no good. Empty: it would not.
[[nodiscard]] std::vector<std::string> refusals_of(const Quotes& deciding, const Quotes& all);

/// Slurm itself refuses: our service there had nothing against the job.
[[nodiscard]] bool slurm_refuses(const Quotes& deciding);

/// The price for people.
[[nodiscard]] std::vector<std::string> quote_lines(const Quotes& deciding);

}  // namespace sluice::cli
