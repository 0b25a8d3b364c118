// SPDX-License-Identifier: Apache-2.0
//
// What the messages hold: a pattern of their own number, so that a lost, late,
// repeated or damaged message is seen. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::linkbench {

void fill_payload(std::span<std::byte> payload, std::uint64_t message);
[[nodiscard]] bool is_payload(std::span<const std::byte> payload, std::uint64_t message);

}  // namespace sluice::linkbench
