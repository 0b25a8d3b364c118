// SPDX-License-Identifier: Apache-2.0
//
// The version and the return codes, taken from the headers of the Slurm that is compiled against.

#include "plugins/slurm_abi/codes.hpp"

#include <cstdio>

#include "plugins/slurm_abi/slurm_headers.h"

namespace sluice::slurm_abi {

const int success = SLURM_SUCCESS;
const int accounting_policy = ESLURM_ACCOUNTING_POLICY;
const int access_denied = ESLURM_ACCESS_DENIED;

std::string slurm_version() {
  char text[16];
  std::snprintf(text, sizeof text, "%02d.%02d.%d", SLURM_VERSION_MAJOR(SLURM_VERSION_NUMBER),
                SLURM_VERSION_MINOR(SLURM_VERSION_NUMBER), SLURM_VERSION_MICRO(SLURM_VERSION_NUMBER));
  return text;
}

}  // namespace sluice::slurm_abi
