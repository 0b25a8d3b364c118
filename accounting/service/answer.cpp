// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/answer.hpp"

#include <array>

#include "accounting/core/digest.hpp"
#include "accounting/service/member_text.hpp"

namespace sluice::service {

std::string to_text(const Answer& answer) {
  MemberText set;
  set.text_if("admin_comment", answer.admin_comment);
  if (answer.begin_time) set.number("begin_time", *answer.begin_time);
  set.text_if("cluster_features", answer.cluster_features);
  set.text_if("partition", answer.partition);
  MemberText body;
  body.text("action", answer.admit ? "admit" : "refuse");
  if (!answer.lines.empty()) body.texts("lines", answer.lines);
  if (!answer.admit) body.text("reason", answer.denied ? "denied" : "policy");
  if (!set.is_empty()) body.raw_if("set", std::move(set).whole());
  body.number("v", 1);
  return std::move(body).whole();
}

std::string tag_mac(const std::string& key, const std::string& id, const std::string& cluster, std::int64_t user_id) {
  return mac_hex(key, id + "\n" + cluster + "\n" + std::to_string(user_id));
}

std::string tag_text(const TagFacts& facts, const std::string& mac, bool full) {
  // By name, as whoever reads and writes it again would put them.
  MemberText tag(MemberText::Characters::ascii);
  tag.text_if("by_self", facts.by_self);
  tag.text_if("by_voucher", facts.by_voucher);
  tag.text_if("charge", facts.charge);
  tag.text("id", facts.id);
  tag.text("mac", mac);
  if (full) {
    tag.text_if("quote", facts.quote);
    tag.text_if("site", facts.site);
    tag.flag_if("unpriced", facts.unpriced);
  }
  tag.number("v", 1);
  if (full) {
    if (!facts.voucher.empty()) tag.texts("voucher", std::array{facts.voucher});
    tag.text_if("workload", facts.workload);
  }
  return std::move(tag).whole();
}

}  // namespace sluice::service
