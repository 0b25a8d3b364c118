// SPDX-License-Identifier: Apache-2.0
//
// The outage pointer, merged with what others keep in AdminComment.

#include "plugins/job_submit/tag.hpp"

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {

namespace {

constexpr std::size_t comment_depth_max = 16;

Json pointer_of(const std::string& nonce, const Options& options) {
  Json given = Json::object();
  for (const auto& [name, value] : options) given[name] = value;
  Json pointer = Json::object();
  pointer["v"] = 1;
  if (!nonce.empty()) pointer["nonce"] = nonce;
  if (!given.empty()) pointer["options"] = std::move(given);
  pointer["unpriced"] = true;
  return pointer;
}

Options only_voucher(const Options& options) {
  Options out;
  for (const auto& option : options) {
    if (option.first == "voucher") out.push_back(option);
  }
  return out;
}

Json pointer_within_limit(const std::string& nonce, const Options& options) {
  constexpr std::size_t room = tag_bytes_max - sizeof R"({"sluice":})";
  Json pointer = pointer_of(nonce, options);
  if (write_json(pointer).size() > room) pointer = pointer_of(nonce, only_voucher(options));
  if (write_json(pointer).size() > room) pointer = pointer_of(nonce, {});
  return pointer;
}

}  // namespace

std::string outage_tag(const std::string& nonce, const Options& options, std::optional<std::string_view> admin_comment) {
  Json comment = Json::object();
  if (admin_comment && !admin_comment->empty()) {
    if (nests_at_most(*admin_comment, comment_depth_max)) {
      comment = Json::parse(*admin_comment, nullptr, /*allow_exceptions=*/false);
    }
    if (!comment.is_object() || comment.empty()) {
      comment = Json::object();
      comment["text"] = *admin_comment;
    }
  }
  comment["sluice"] = pointer_within_limit(nonce, options);
  return write_json(comment);
}

}  // namespace sluice::job_submit
