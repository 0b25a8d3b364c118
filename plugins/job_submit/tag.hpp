// SPDX-License-Identifier: Apache-2.0
//
// The pointer that a job carries in AdminComment when it was admitted without an
// answer, so that it is charged to the right voucher later. Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/job_submit/request.hpp"

namespace sluice::job_submit {

/// Slurm's own limit is far higher, but tags are stored and read by the million.
inline constexpr std::size_t tag_bytes_max = 4096;

/// The whole new AdminComment. Where the old one is a JSON object, its other members
/// stay; any other text stays as the member "text". Options that would make the tag
/// longer than tag_bytes_max are left out, the voucher last.
[[nodiscard]] std::string outage_tag(const std::string& nonce, const Options& options,
                                     std::optional<std::string_view> admin_comment);

}  // namespace sluice::job_submit
