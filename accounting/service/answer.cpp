// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/answer.hpp"

#include "accounting/core/digest.hpp"

namespace sluice::service {

using nlohmann::json;

std::string to_text(const Answer& answer) {
  json body = {{"v", 1}, {"action", answer.admit ? "admit" : "refuse"}};
  if (!answer.admit) body["reason"] = answer.denied ? "denied" : "policy";
  json set = json::object();
  if (answer.partition) set["partition"] = *answer.partition;
  if (answer.cluster_features) set["cluster_features"] = *answer.cluster_features;
  if (answer.begin_time) set["begin_time"] = *answer.begin_time;
  if (answer.admin_comment) set["admin_comment"] = *answer.admin_comment;
  if (!set.empty()) body["set"] = std::move(set);
  if (!answer.lines.empty()) body["lines"] = answer.lines;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string tag_mac(const std::string& key, const std::string& id, const std::string& cluster, std::int64_t user_id) {
  return mac_hex(key, id + "\n" + cluster + "\n" + std::to_string(user_id));
}

json tag_object(const TagFacts& facts, const std::string& mac, bool full) {
  json tag = {{"v", 1}, {"id", facts.id}, {"mac", mac}};
  if (!full) return tag;
  if (!facts.voucher.empty()) tag["voucher"] = json::array({facts.voucher});
  if (!facts.workload.empty()) tag["workload"] = facts.workload;
  if (!facts.site.empty()) tag["site"] = facts.site;
  if (!facts.quote.empty()) tag["quote"] = facts.quote;
  if (facts.unpriced) tag["unpriced"] = true;
  return tag;
}

}  // namespace sluice::service
