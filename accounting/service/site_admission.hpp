// SPDX-License-Identifier: Apache-2.0
//
// How a site without a ledger answers a submission: by its own configuration,
// with a tag that lets the home service find voucher and submission later. Pure.

#pragma once

#include "accounting/service/answer.hpp"
#include "accounting/service/appraisal.hpp"

namespace sluice::service {

struct SiteAdmissionInput {
  const AdmissionRequest& request;
  const Appraisal& appraisal;
  const Config& config;
  const std::string& mac_key;
};

[[nodiscard]] Answer answer_at_site(const SiteAdmissionInput& input);

}  // namespace sluice::service
