// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/appraisal.hpp"

#include <algorithm>

namespace sluice::service {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

void find_account(const AppraisalInput& input, Appraisal& appraisal) {
  appraisal.account = input.request.job.account.value_or("");
  if (appraisal.account.empty() && input.here != nullptr) {
    const auto& defaults = input.here->inventory.default_accounts;
    const auto found = defaults.find(appraisal.user);
    if (found != defaults.end()) {
      appraisal.account = found->second;
      appraisal.notes.push_back("account " + found->second + " is " + appraisal.user + "'s default");
    }
  }
  if (appraisal.account.empty()) {
    appraisal.refusals.push_back(refusal("account_unknown", "user " + appraisal.user + " has no default account on cluster " +
                                                                input.config.cluster + "; give --account"));
  }
}

/// True where Slurm would refuse or ignore a cluster that we choose.
bool placement_is_fixed(const tariff::JobRequest& job) {
  return job.array || job.het_offset || job.clusters || job.cluster_features;
}

void find_target(const AppraisalInput& input, Appraisal& appraisal) {
  const auto& job = input.request.job;
  const Config& config = input.config;
  appraisal.target = config.cluster;
  if (input.request.kind == AdmissionRequest::Kind::sibling) return;  // its origin has chosen
  if (job.cluster_features) {
    // The user pinned the job; a site's own feature tells where it will run.
    for (const Site& site : config.sites) {
      if (site.feature == *job.cluster_features) appraisal.target = site.cluster;
    }
    return;
  }
  const std::string place = input.request.option("place");
  const bool local = place.empty() || place == "local" || place == "auto";
  if (place == "auto") appraisal.notes.push_back("no other site is offered for automatic placement; the job stays here");
  const Site* site = local ? config.site_of_cluster(config.cluster) : config.site(place);
  if (!local && site == nullptr) {
    std::vector<std::string> names;
    for (const Site& one : config.sites) names.push_back(one.name);
    appraisal.refusals.push_back(refusal("site_unknown", "there is no site '" + place + "'; known: local, " + join(names)));
    return;
  }
  if (site == nullptr) return;
  if (!local && site->cluster != config.cluster) {
    if (placement_is_fixed(job)) {
      appraisal.refusals.push_back(refusal(
          "place_not_possible", "arrays, heterogeneous jobs and jobs with -M run where they are submitted; leave --place=" +
                                    place + " out, or submit at that site"));
      return;
    }
    appraisal.target = site->cluster;
    appraisal.notes.push_back("--place=" + place + " sends the job to cluster " + site->cluster);
  }
  if (!placement_is_fixed(job)) appraisal.set_cluster_features = site->feature;
}

/// Adds the estimate's price, or says that there is none.
struct Priced {
  bool known = false;
  Money amount;
  std::string why_not;
  std::optional<Failure> refusal;  ///< not a missing price: a request beyond all prices
};

Priced price(const AppraisalInput& input, const std::string& target, const std::string& partition,
             const tariff::Estimate& estimate) {
  if (input.prices == nullptr) return {false, {}, "no price book is in force", {}};
  const auto* row = input.prices->find(target, partition, input.now);
  if (row == nullptr) return {false, {}, "no price is set for partition " + partition + " of cluster " + target, {}};
  const auto rated = tariff::rate(*row, tariff::dearest(*row, estimate), estimate.priced_seconds.value_or(0));
  if (!rated.ok()) {
    return {false, {}, {}, refusal("request_too_large", rated.failure().text + "; check --time, --nodes and --gres")};
  }
  if (!rated->unpriced.empty()) return {false, {}, "no price is set for " + join(rated->unpriced) + " in partition " + partition, {}};
  return {true, rated->amount, {}, {}};
}

/// Who names a partition of another site wants to run there.
Failure with_site_of(Failure failure, const std::string& partition, const Config& config) {
  if (failure.code != "partition_not_found") return failure;
  for (const Site& site : config.sites) {
    if (site.cluster == config.cluster || site.partition != partition) continue;
    failure.text += "; to run in " + partition + " of cluster " + site.cluster + " give --place=" + site.name + " instead";
  }
  return failure;
}

void find_price(const AppraisalInput& input, Appraisal& appraisal) {
  const auto unpriced = [&](const std::string& why) {
    appraisal.unpriced = true;
    appraisal.notes.push_back(why);
    if (!input.config.admit_unpriced) {
      appraisal.refusals.push_back(refusal("unpriced", why + "; ask the centre's administrators for one"));
    }
  };
  const Site* target_site = input.config.site_of_cluster(appraisal.target);
  const bool away = appraisal.target != input.config.cluster;
  if (input.here == nullptr) {
    appraisal.partition = away && target_site != nullptr ? target_site->partition : input.request.job.partition.value_or("");
    unpriced("Slurm's partitions have not been read yet");
    return;
  }
  tariff::JobRequest job = input.request.job;
  const bool sibling = input.request.kind == AdmissionRequest::Kind::sibling;
  if (sibling && job.partition && input.here->shape.find(*job.partition) == nullptr && target_site != nullptr &&
      !target_site->partition.empty()) {
    // The origin's partition is not here: without this the job would wait for ever, unseen.
    appraisal.notes.push_back("partition " + *job.partition + " is not on cluster " + input.config.cluster + "; it runs in " +
                              target_site->partition);
    job.partition = target_site->partition;
    appraisal.set_partition = target_site->partition;
  }
  // It runs in the other site's partition; ours only bounds it, and is no news.
  if (away && !job.partition && !input.here->shape.default_partition.empty()) job.partition = input.here->shape.default_partition;
  const auto estimates = tariff::estimate(job, input.here->shape, {input.config.lien_hours_max});
  if (!estimates.ok()) {
    appraisal.partition = job.partition.value_or("");
    appraisal.refusals.push_back(with_site_of(estimates.failure(), appraisal.partition, input.config));
    return;
  }
  std::optional<Priced> dearest;
  for (const tariff::Estimate& one : *estimates) {
    const std::string partition = away && target_site != nullptr ? target_site->partition : one.partition;
    appraisal.partitions.push_back(partition);
    if (!one.time_limit_seconds) {
      appraisal.partition = partition;
      appraisal.refusals.push_back(refusal(
          "no_time_limit", "partition " + one.partition + " sets no time limit and the job names none; give --time"));
      return;
    }
    Priced priced = price(input, appraisal.target, partition, one);
    if (priced.refusal) {
      appraisal.partition = partition;
      appraisal.refusals.push_back(*priced.refusal);
      return;
    }
    const bool worse = !dearest || (dearest->known && (!priced.known || priced.amount > dearest->amount));
    if (!worse) continue;
    dearest = std::move(priced);
    appraisal.partition = partition;
    appraisal.tasks_total = one.tasks_total;
    appraisal.tasks_at_once = one.tasks_at_once;
    appraisal.notes.insert(appraisal.notes.end(), one.notes.begin(), one.notes.end());
  }
  if (dearest && !dearest->known) {
    unpriced(dearest->why_not);
  } else if (dearest) {
    appraisal.task_quote = dearest->amount;
  }
}

}  // namespace

Mode mode_of(const Config& config, const Appraisal& appraisal) {
  Mode mode = config.mode_for(appraisal.target, appraisal.partition, appraisal.account);
  for (const auto& partition : appraisal.partitions) {
    mode = std::max(mode, config.mode_for(appraisal.target, partition, appraisal.account));
  }
  return mode;
}

Appraisal appraise(const AppraisalInput& input) {
  Appraisal appraisal;
  appraisal.user = input.user;
  find_account(input, appraisal);
  find_target(input, appraisal);
  find_price(input, appraisal);
  return appraisal;
}

}  // namespace sluice::service
