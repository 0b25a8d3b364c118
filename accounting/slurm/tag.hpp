// SPDX-License-Identifier: Apache-2.0
//
// The tag in AdminComment: {"sluice":{…}}, alone or among text that others keep
// there. Pure. Whoever has operator rights can write anything into AdminComment, so
// reading is bounded in time and depth, and nothing read here is to be believed
// before its mac has been checked.

#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/result.hpp"

namespace sluice::slurm {

/// What a tag says. A member that is missing, of another type or over 1,024 bytes is as if absent.
struct Tag {
  std::optional<std::string> id;
  std::optional<std::string> mac;
  std::optional<std::string> nonce;
  std::vector<std::string> vouchers;
  std::optional<std::string> workload;
  std::optional<std::string> site;
  std::optional<std::string> quote;
  bool unpriced = false;
  std::map<std::string, std::string> options;  ///< as typed by the user, where no answer came from sluiced
  std::optional<std::string> charge;           ///< from here on: once settled
  std::optional<std::string> by_voucher;
  std::optional<std::string> by_self;
  std::optional<std::int64_t> joules;
  std::optional<std::string> quality;
  std::optional<std::string> kgco2_location;
  std::optional<std::string> kgco2_market;
};

/// The tag in `text`; the last one where there are several. Also finds one whose
/// quotes 22.05's sacctmgr has turned into backquotes.
[[nodiscard]] std::optional<Tag> find_tag(std::string_view text);

/// A text read once, for whoever reads its tag and then sets another.
struct TaggedText {
  std::optional<Tag> tag;
  std::string before;  ///< what stands before the tag's value, or would
  std::string after;
};
[[nodiscard]] TaggedText read_tagged(std::string_view text);

/// The object that stands for `tag` beside "sluice": "v":1 and what is set.
[[nodiscard]] nlohmann::json to_json(const Tag& tag);

/// `text` with its tag replaced by {"sluice": tag}, every other byte as it was.
/// Without a tag: a JSON object gets the member "sluice"; other text gets the tag
/// after a space. The tag itself is pure ASCII. Refused where `tag` is over 4,000 bytes or the result over 65,535.
[[nodiscard]] Result<std::string> with_tag(std::string_view text, const nlohmann::json& tag);
/// The same for a tag that is a text already, of ASCII and in one line.
[[nodiscard]] Result<std::string> with_tag_text(std::string_view text, const std::string& tag);
[[nodiscard]] Result<std::string> with_tag_text(const TaggedText& text, const std::string& tag);

}  // namespace sluice::slurm
