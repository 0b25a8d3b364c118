// SPDX-License-Identifier: Apache-2.0
//
// What `sbatch --test-only` said, sorted: lines of job_submit_sluice, Slurm's start
// estimate, and why there is none. Pure.

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// One cluster's quote (Q of accounting/service/API.md).
struct ClusterQuote {
  nlohmann::json object;
  bool accepted = false;  ///< that cluster's slurmctld would take the job, and its estimate is the one shown
};

struct QuoteReading {
  std::vector<ClusterQuote> quotes;   ///< of clusters that were asked; not always of all
  std::vector<std::string> lines;     ///< ours for people, without "sluice: ", each once
  std::vector<std::string> will_run;  ///< Slurm's estimate, as it stands
  std::vector<std::string> errors;    ///< Slurm's own
  std::vector<std::string> others;    ///< what else it said, for stderr
  bool unreadable_quote = false;
  bool no_service = false;     ///< our plugin says that sluiced didn't answer it
  bool no_controller = false;  ///< the errors say that slurmctld didn't answer
  bool wrong_options = false;  ///< the errors say that sbatch didn't understand its options
};

[[nodiscard]] QuoteReading read_quote(std::string_view said);

}  // namespace sluice::cli
