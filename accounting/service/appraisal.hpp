// SPDX-License-Identifier: Apache-2.0
//
// What a submission asks for, where it is to run and what that may cost: the
// part of an admission that needs no purse, so that a site without a ledger can
// do it too. Pure.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/service/admission_request.hpp"
#include "accounting/service/config.hpp"
#include "accounting/service/slurm_facts.hpp"
#include "accounting/tariff/estimate.hpp"
#include "accounting/tariff/price_book.hpp"

namespace sluice::service {

/// Amounts are of one task; an array has tasks_total of them.
struct Appraisal {
  std::string user;
  std::string account;
  std::string target;                 ///< cluster
  std::string partition;              ///< on the target; of several the dearest
  std::vector<std::string> partitions;  ///< on the target, all that it may run in
  std::string set_partition;          ///< to be set; empty: leave it
  std::string set_cluster_features;   ///< to be set; empty: leave it
  bool unpriced = false;
  Money task_quote;
  std::int64_t tasks_total = 1;
  std::int64_t tasks_at_once = 1;
  std::vector<std::string> notes;
  std::vector<Failure> refusals;      ///< broken rules, in order
};

struct AppraisalInput {
  const AdmissionRequest& request;
  const Config& config;
  const tariff::PriceBook* prices;    ///< nullptr: none is approved yet
  std::shared_ptr<const ClusterFacts> here;  ///< may be null: Slurm was never read
  std::string user;
  UnixTime now = 0;
};

[[nodiscard]] Appraisal appraise(const AppraisalInput& input);

/// The strictest of the modes of all partitions that the job may run in: naming one more that is only
/// observed frees nobody of another's rules.
[[nodiscard]] Mode mode_of(const Config& config, const Appraisal& appraisal);

}  // namespace sluice::service
