// SPDX-License-Identifier: Apache-2.0
//
// The answer of plugins/job_submit/PROTOCOL.md, and the tag that goes into AdminComment. Pure.

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/time.hpp"
#include "accounting/service/config.hpp"

namespace sluice::service {

struct Answer {
  bool admit = true;
  bool denied = false;  ///< refused because it is somebody else's
  std::optional<std::string> partition;
  std::optional<std::string> cluster_features;
  std::optional<UnixTime> begin_time;
  std::optional<std::string> admin_comment;
  std::vector<std::string> lines;
  // For what is counted; the plugin isn't told.
  bool tag_is_full = false;  ///< all that a charge needs stands in admin_comment, but for a limit of the user's
  std::string refusal;  ///< code of the first broken rule, acted on or not; empty: none
  Mode mode = Mode::observe;
};

/// Of an AdminComment that the plugin takes (plugins/job_submit/PROTOCOL.md).
inline constexpr std::size_t comment_bytes_max = 4096;

[[nodiscard]] std::string to_text(const Answer& answer);

/// What a tag says of a submission.
struct TagFacts {
  std::string id;
  std::string voucher;
  std::string workload;
  std::string site;
  std::string quote;
  bool unpriced = false;
  std::string charge{}, by_voucher{}, by_self{};  ///< once settled
};

/// The mac covers what the tag points at: id, cluster and user.
[[nodiscard]] std::string tag_mac(const std::string& key, const std::string& id, const std::string& cluster, std::int64_t user_id);

/// `{"v":1,"id":…}`, full or only the pointer.
[[nodiscard]] std::string tag_text(const TagFacts& facts, const std::string& mac, bool full);

}  // namespace sluice::service
