// SPDX-License-Identifier: Apache-2.0
//
// The return codes, taken from the headers of the Slurm that is compiled against.

#include "plugins/slurm_abi/codes.hpp"

#include "plugins/slurm_abi/slurm_headers.h"

namespace sluice::slurm_abi {

const int success = SLURM_SUCCESS;
const int accounting_policy = ESLURM_ACCOUNTING_POLICY;
const int access_denied = ESLURM_ACCESS_DENIED;

}  // namespace sluice::slurm_abi
