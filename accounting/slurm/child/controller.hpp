// SPDX-License-Identifier: Apache-2.0
//
// slurmctld through libslurm: live jobs, nodes, partitions, defaults. Calls block as
// long as libslurm likes. One thread; failures are thrown.

#pragma once

#include <functional>
#include <string>

#include "accounting/slurm/child/fault.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::slurm {

/// The cluster of this host's slurm.conf; asks slurmctld only where libslurm doesn't show it.
[[nodiscard]] std::string local_cluster();

/// Every job that `cluster`'s slurmctld holds; answers its clock. For a cluster other
/// than the local one this process is bound to that cluster afterwards: use a process of its own.
UnixTime load_live_jobs(const std::string& cluster, const std::function<void(LiveJob job)>& on_job);

/// What the local slurmctld knows of an inventory.
[[nodiscard]] Inventory load_local_inventory();

/// What slurmctld can say; nothing of slurmdbd's own.
[[nodiscard]] Diagnosis diagnose_local_controller();

}  // namespace sluice::slurm
