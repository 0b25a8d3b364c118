// SPDX-License-Identifier: Apache-2.0
//
// Live jobs of several clusters at once. Each cluster is asked by a forked process,
// since libslurm has one cluster per process and no deadline: one that hangs is
// killed and reported, the others are answered.

#pragma once

#include "accounting/slurm/child/answer.hpp"
#include "accounting/slurm/child/prompt_sockets.hpp"
#include "accounting/slurm/request.hpp"

namespace sluice::slurm {

/// Answers a row per job, and per cluster a row that says whether its jobs are all there.
void answer_live(const LiveRequest& request, PromptSockets& sockets, Answer& answer);

}  // namespace sluice::slurm
