// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/site_admission.hpp"

#include "accounting/core/digest.hpp"
#include "accounting/service/quote.hpp"
#include "accounting/service/admission.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

std::string refusal_line(const Failure& refusal, bool acts) {
  return std::string("sluice: ") + (acts ? "" : "would be refused once in force: ") + refusal.text;
}

/// Of all tasks; empty where there is no price.
std::string quote_text(const Appraisal& appraisal) {
  if (appraisal.unpriced) return {};
  const auto total = divide_half_even(static_cast<Int128>(appraisal.task_quote.micro) * appraisal.tasks_total, 1);
  return total ? format_at_least(*total) : std::string{};
}

/// A federation asks every cluster, and of those that would take the job it shows the answer of
/// the one that would start it first. A site gives way, so that this is where the job is submitted;
/// what is said with a refusal is shown all the same.
Answer answer_quote(const SiteAdmissionInput& input, const std::string& quote, bool acts) {
  const bool declines = !input.request.job.clusters;  // with -M nobody else is asked
  json body = quote_object(input.config, input.appraisal, input.appraisal.refusals);
  body["declined"] = declines;
  body["amount"] = quote.empty() ? json(nullptr) : json(quote);
  for (const char* known_at_home : {"by_voucher", "by_self", "voucher"}) body[known_at_home] = nullptr;
  Answer answer;
  answer.lines.push_back(quote_line(std::move(body)));
  answer.admit = !declines && (input.appraisal.refusals.empty() || !acts);
  return answer;
}

Answer answer_test(const SiteAdmissionInput& input, const std::string& quote, bool acts) {
  const Appraisal& appraisal = input.appraisal;
  Answer answer;
  for (const auto& one : appraisal.refusals) {
    // It is another site's, for all we know. Slurm says no to it here, and nobody asks us why.
    if (one.code == "partition_not_found") continue;
    answer.lines.push_back(refusal_line(one, acts));
    answer.admit = !acts;
  }
  if (appraisal.refusals.empty() && !quote.empty()) {
    answer.lines.push_back("sluice: up to " + quote + " yuan on " + appraisal.target + "/" + appraisal.partition +
                           "; what a voucher pays is settled at the home site");
  }
  return answer;
}

}  // namespace

Answer answer_at_site(const SiteAdmissionInput& input) {
  const auto& [request, appraisal, config, mac_key] = input;
  const std::string quote = quote_text(appraisal);
  const Mode mode = mode_of(config, appraisal);
  const bool acts = mode == Mode::enforce;
  if (asks_for_quote(request)) return answer_quote(input, quote, acts);
  if (request.kind == AdmissionRequest::Kind::test) return answer_test(input, quote, acts);
  Answer answer;
  answer.mode = mode;
  if (!appraisal.refusals.empty() && request.kind != AdmissionRequest::Kind::sibling) {
    // A sibling's job was let in at its origin; refusing it here would strand it unseen.
    answer.refusal = appraisal.refusals.front().code;
    for (const auto& one : appraisal.refusals) {
      if (mode != Mode::observe) answer.lines.push_back(refusal_line(one, acts));
    }
    answer.admit = !acts;
    if (acts) return answer;
  }
  // Before it is in force, only the tag is ours: where jobs run stays as it was.
  if (acts && !appraisal.set_partition.empty()) answer.partition = appraisal.set_partition;
  if (acts && !appraisal.set_cluster_features.empty()) answer.cluster_features = appraisal.set_cluster_features;
  // Home knows the submission by it, if it came by there too.
  const std::string id = request.nonce.empty() ? random_id("A") : nonce_id(request.nonce, request.job.user_id, request.job.het_offset);
  const Site* site = config.site_of_cluster(config.cluster);
  // Only home knows vouchers and balances: the tag says what was asked for.
  const std::string voucher = request.option("voucher") == "auto" ? "" : request.option("voucher");
  const TagFacts facts{id, voucher, request.option("workload"), site != nullptr ? site->name : config.cluster, quote, true};
  const auto tagged =
      slurm::with_tag_text(request.job.admin_comment.value_or(""),
                      tag_text(facts, tag_mac(mac_key, id, config.cluster, request.job.user_id), config.tag_full));
  if (tagged.ok()) answer.admin_comment = *tagged;
  return answer;
}

}  // namespace sluice::service
