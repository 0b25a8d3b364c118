// SPDX-License-Identifier: Apache-2.0
//
// Why a voucher may not pay for a job. Pure.

#pragma once

#include <cstdint>
#include <string>

#include "accounting/core/result.hpp"

namespace sluice {

/// Declared in order of precedence; the numbers are kept in records, so append
/// new ones and never renumber.
enum class EligibilityRefusal : std::uint16_t {
  voucher_not_yours = 1,
  voucher_revoked = 2,
  voucher_suspended = 3,
  voucher_expired = 4,
  voucher_not_yet_valid = 5,
  cluster_not_eligible = 6,
  partition_not_eligible = 7,
};

/// The stable name, which is a Failure's code.
[[nodiscard]] const char* name_of(EligibilityRefusal refusal);

/// True where the same request can be accepted later although nobody changes it.
[[nodiscard]] bool is_transient(EligibilityRefusal refusal);

[[nodiscard]] Failure refuse(EligibilityRefusal refusal, std::string text);

}  // namespace sluice
