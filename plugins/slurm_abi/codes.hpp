// SPDX-License-Identifier: Apache-2.0
//
// The return codes that plugins give to Slurm, by meaning. Never EAGAIN nor
// ESLURM_ERROR_ON_DESC_TO_RECORD_COPY: on those sbatch sleeps and tries up to 15 times.

#pragma once

namespace sluice::slurm_abi {

extern const int success;            ///< SLURM_SUCCESS
extern const int accounting_policy;  ///< ESLURM_ACCOUNTING_POLICY: a rule or the balance forbids it
extern const int access_denied;      ///< ESLURM_ACCESS_DENIED: somebody else's voucher

}  // namespace sluice::slurm_abi
