// SPDX-License-Identifier: Apache-2.0
//
// What a submission asks for, where it is to run and what that may cost: the
// part of an admission that needs no purse, so that a site without a ledger can
// do it too. Pure.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/service/config.hpp"
#include "accounting/service/slurm_facts.hpp"
#include "accounting/tariff/estimate.hpp"
#include "accounting/tariff/job_request.hpp"
#include "accounting/tariff/price_book.hpp"

namespace sluice::service {

/// A request of plugins/job_submit/PROTOCOL.md.
struct AdmissionRequest {
  enum class Kind { submit, test, sibling };
  Kind kind = Kind::submit;
  std::string nonce;                           ///< empty: none
  std::map<std::string, std::string> options;  ///< as typed
  tariff::JobRequest job;
  std::string content_sha256;

  [[nodiscard]] std::string option(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::string{} : found->second;
  }
};

[[nodiscard]] Result<AdmissionRequest> admission_request_from_text(std::string_view text);

/// Amounts are of one task; an array has tasks_total of them.
struct Appraisal {
  std::string user;
  std::string account;
  std::string target;                 ///< cluster
  std::string partition;              ///< on the target
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

}  // namespace sluice::service
