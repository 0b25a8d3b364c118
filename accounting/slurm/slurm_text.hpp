// SPDX-License-Identifier: Apache-2.0
//
// Slurm's own notations as values: TRES strings, GRES strings, job states. Pure;
// knows none of Slurm's headers, so the numbers below stand for Slurm's.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/slurm/record.hpp"

namespace sluice::slurm {

/// slurmdbd's TRES ids and Slurm's names for them. Ids over 1000 differ per database.
using TresNames = std::map<std::uint32_t, std::string>;

struct TresReading {
  Tres tres;                                  ///< without energy
  std::optional<std::int64_t> energy_joules;  ///< none where it is missing, a sentinel or zero
  bool unknown_id = false;                    ///< a name was missing: "tres/ID" stands for it
};

/// Reads "1=4,2=4000,1001=2". Counts that stand for "not set" are left out, and so is what can't be read.
[[nodiscard]] TresReading parse_tres(std::string_view text, const TresNames& names);

/// Reads a node's "gpu:a100:4(S:0-1),nic:no_consume:1G"; a typed count is also added to the untyped one.
[[nodiscard]] Tres parse_gres(std::string_view text);

/// State bits of a job, as slurmctld and slurmdbd number them; the same from 22.05 to 26.05.
inline constexpr std::uint32_t state_base_mask = 0xff;
inline constexpr std::uint32_t state_requeued = 1u << 10;
inline constexpr std::uint32_t state_resizing = 1u << 13;
inline constexpr std::uint32_t state_revoked = 1u << 19;

/// Slurm's name of a record's state; the flags that end a record come before the base state.
[[nodiscard]] std::string state_name(std::uint32_t state);
/// Slurm's name of the base state alone.
[[nodiscard]] std::string base_state_name(std::uint32_t state);
/// Whether the base state is one that a job doesn't leave.
[[nodiscard]] bool is_end_state(std::uint32_t state);

}  // namespace sluice::slurm
