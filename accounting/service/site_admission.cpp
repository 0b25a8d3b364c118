// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/site_admission.hpp"

#include "accounting/core/digest.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {

std::string submission_id(const AdmissionRequest& request) {
  if (request.nonce.empty()) return random_id("A");
  const std::string component = request.job.het_offset ? std::to_string(*request.job.het_offset) : "";
  return id_from("A", request.nonce + "\n" + std::to_string(request.job.user_id) + "\n" + component);
}

Answer answer_at_site(const SiteAdmissionInput& input) {
  const auto& [request, appraisal, config, mac_key] = input;
  const bool sibling = request.kind == AdmissionRequest::Kind::sibling;
  const bool test = request.kind == AdmissionRequest::Kind::test;
  const Mode mode = config.mode_for(appraisal.target, appraisal.partition, appraisal.account);
  Answer answer;
  if (!appraisal.refusals.empty() && !sibling) {
    // A sibling's job was let in at its origin; refusing it here would strand it unseen.
    const bool acts = mode == Mode::enforce;
    for (const auto& one : appraisal.refusals) {
      if (acts || mode == Mode::warn || test) {
        answer.lines.push_back(std::string("sluice: ") + (acts ? "" : "would be refused once in force: ") + one.text);
      }
    }
    answer.admit = !acts;
    if (acts) return answer;
  }
  const std::string quote = appraisal.unpriced ? "" : format_money_fen(appraisal.task_quote);
  if (test) {
    if (request.option("quote-format") == "json") {
      answer.lines.push_back("sluice-quote: " + nlohmann::json{{"cluster", appraisal.target},
                                                                {"partition", appraisal.partition},
                                                                {"account", appraisal.account},
                                                                {"user", appraisal.user},
                                                                {"unpriced", appraisal.unpriced},
                                                                {"amount", quote},
                                                                {"by_voucher", nullptr},
                                                                {"by_self", nullptr},
                                                                {"voucher", nullptr},
                                                                {"tasks", appraisal.tasks_total},
                                                                {"notes", appraisal.notes},
                                                                {"refusals", nlohmann::json::array()}}.dump());
    } else if (!appraisal.unpriced) {
      answer.lines.push_back("sluice: up to " + quote + " yuan on " + appraisal.target + "/" + appraisal.partition +
                             "; what a voucher pays is settled at the home site");
    }
    return answer;
  }
  if (!appraisal.set_partition.empty()) answer.partition = appraisal.set_partition;
  if (!appraisal.set_cluster_features.empty()) answer.cluster_features = appraisal.set_cluster_features;
  const std::string id = submission_id(request);
  const Site* site = config.site_of_cluster(config.cluster);
  // Only home knows vouchers and balances: the tag says what was asked for.
  const std::string voucher = request.option("voucher") == "auto" ? "" : request.option("voucher");
  const TagFacts facts{id, voucher, request.option("workload"), site != nullptr ? site->name : config.cluster, quote, true};
  const auto tagged =
      slurm::with_tag(request.job.admin_comment.value_or(""),
                      tag_object(facts, tag_mac(mac_key, id, config.cluster, request.job.user_id), config.tag_full));
  if (tagged.ok()) answer.admin_comment = *tagged;
  return answer;
}

}  // namespace sluice::service
