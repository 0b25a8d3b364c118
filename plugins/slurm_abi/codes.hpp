// SPDX-License-Identifier: Apache-2.0
//
// What the headers that were compiled against say: their version, and the return codes that plugins give to Slurm, by meaning. Never EAGAIN nor
// ESLURM_ERROR_ON_DESC_TO_RECORD_COPY: on those sbatch sleeps and tries up to 15 times.

#pragma once

#include <string>

namespace sluice::slurm_abi {

extern const int success;            ///< SLURM_SUCCESS
extern const int accounting_policy;  ///< ESLURM_ACCOUNTING_POLICY: a rule or the balance forbids it
extern const int access_denied;      ///< ESLURM_ACCESS_DENIED: somebody else's voucher

/// "22.05.8".
[[nodiscard]] std::string slurm_version();

}  // namespace sluice::slurm_abi
