// SPDX-License-Identifier: Apache-2.0
//
// Whether a voucher may pay for a use. Balance and caps are the ledger's. Pure.

#pragma once

#include <string>
#include <vector>

#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/programme/programme.hpp"
#include "accounting/programme/refusal.hpp"
#include "accounting/programme/voucher.hpp"

namespace sluice {

/// Who wants to use a voucher, where and when.
struct Use {
  std::string user;
  std::string account;
  std::string cluster;
  std::string partition;
  UnixTime at = 0;
};

/// Every broken rule, in order of precedence; empty: eligible. Someone whom the
/// voucher doesn't belong to learns that and nothing else. Days in texts are of `zone`.
/// REQUIRES: `programme` is the voucher's.
[[nodiscard]] std::vector<Failure> check_eligibility(const Voucher& voucher, const Programme& programme,
                                                     const Use& use, const Zone& zone = {});

}  // namespace sluice
