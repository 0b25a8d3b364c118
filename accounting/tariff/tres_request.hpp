// SPDX-License-Identifier: Apache-2.0
//
// The TRES texts of a submission, as sbatch of any supported release sends them:
// "gres:gpu:a100:2" (22.05), "gres/gpu:a100:2" (24.11), "gpu:2", "cpu=4". Pure.

#pragma once

#include <string_view>

#include "accounting/core/result.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::tariff {

/// Counts under "gres/NAME", "gres/NAME:TYPE", "license/NAME" or "cpu", summed
/// where one stands twice. A count left out is 1; K, M, G, T, P are powers of
/// 1,024. Other TRES (burst buffers) are left out, since nothing prices them.
[[nodiscard]] Result<slurm::Tres> parse_tres_request(std::string_view text);

}  // namespace sluice::tariff
