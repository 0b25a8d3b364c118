// SPDX-License-Identifier: Apache-2.0
//
// One line into Slurm's log: slurmctld's file in the controller, stderr of sbatch,
// srun and salloc in a command. Any thread; never throws, never allocates.

#pragma once

namespace sluice::slurm_abi {

/// Shown to users where the caller is a command ("sbatch: error: …").
void log_error(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));

void log_info(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));

}  // namespace sluice::slurm_abi
