// SPDX-License-Identifier: Apache-2.0

#include "accounting/programme/refusal.hpp"

#include "accounting/core/check.hpp"

namespace sluice {

const char* name_of(EligibilityRefusal refusal) {
  switch (refusal) {
    case EligibilityRefusal::voucher_not_yours: return "voucher_not_yours";
    case EligibilityRefusal::voucher_revoked: return "voucher_revoked";
    case EligibilityRefusal::voucher_suspended: return "voucher_suspended";
    case EligibilityRefusal::voucher_expired: return "voucher_expired";
    case EligibilityRefusal::voucher_not_yet_valid: return "voucher_not_yet_valid";
    case EligibilityRefusal::cluster_not_eligible: return "cluster_not_eligible";
    case EligibilityRefusal::partition_not_eligible: return "partition_not_eligible";
  }
  SLUICE_CHECK(false, "every refusal has a name");
}

bool is_transient(EligibilityRefusal refusal) {
  return refusal == EligibilityRefusal::voucher_suspended || refusal == EligibilityRefusal::voucher_not_yet_valid;
}

Failure refuse(EligibilityRefusal why, std::string text) { return refusal(name_of(why), std::move(text)); }

}  // namespace sluice
