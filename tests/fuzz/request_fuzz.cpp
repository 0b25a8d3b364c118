// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever comes over the control socket is refused or read, and what is read can be
// priced. Method: the request as text, and its price on a small cluster.

#include <string>

#include "accounting/service/admission_request.hpp"
#include "accounting/service/appraisal.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;
using fuzz::require;

constexpr UnixTime now = 1'780'000'000;  // in 2026

const service::Config& config() {
  static const service::Config read = *service::parse_config("sluice.yaml", R"(
role: home
cluster: cq
zone: Asia/Shanghai
mode: enforce
price_book: prices.yaml
accounts: {default: {self_pay: open}}
sites:
  - {name: cq, cluster: cq, feature: chongqing, partition: ai}
  - {name: hami, cluster: hami, feature: hami, partition: npu}
)");
  return read;
}

const tariff::PriceBook& prices() {
  static const tariff::PriceBook read = *tariff::parse_price_book("prices.yaml", R"(
price_book: fuzz
currency: CNY
zone: Asia/Shanghai
prices:
  - {cluster: cq, partition: "*", from: 2026-01-01, per_hour: {cpu: "0.10", mem_gb: "0.01", node: "1", gres/gpu: "8", gres/gpu:a100: "12"}}
  - {cluster: hami, partition: npu, from: 2026-01-01, per_hour: {cpu: "0.10", gres/gpu: "8"}}
)");
  return read;
}

std::shared_ptr<const service::ClusterFacts> cluster() {
  static const auto facts = [] {
    slurm::Inventory read;
    read.cluster = "cq";
    read.as_of = now;
    read.memory_is_consumable = true;
    slurm::Partition ai;
    ai.name = "ai";
    ai.is_default = true;
    ai.max_minutes = 1440;
    ai.def_mem_per_cpu_mb = 500;
    slurm::Partition whole = ai;
    whole.name = "whole";
    whole.is_default = false;
    whole.exclusive = true;
    for (int i = 0; i < 4; ++i) {
      const std::string name = "n" + std::to_string(i);
      read.nodes.push_back({name, 64, 256'000, 2, {{"gres/gpu", 8}, {"gres/gpu:a100", 8}}});
      ai.nodes.push_back(name);
      whole.nodes.push_back(name);
    }
    read.partitions = {ai, whole};
    read.default_accounts["user"] = "astro";
    return std::make_shared<const service::ClusterFacts>(std::move(read));
  }();
  return facts;
}

void check_appraisal(const service::AdmissionRequest& request) {
  const auto appraisal = service::appraise({request, config(), &prices(), cluster(), "user", now});
  require(!appraisal.task_quote.is_negative(), "a quote is not below zero");
  require(appraisal.tasks_total >= 1 && appraisal.tasks_at_once >= 1, "there is a task");
  require(appraisal.tasks_at_once <= appraisal.tasks_total, "no more tasks run at once than there are");
  for (const Failure& one : appraisal.refusals) require(!one.code.empty() && !one.text.empty(), "a refusal says what and why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto request = service::admission_request_from_text(text);
  if (!request.ok()) {
    require(request.failure().kind == Failure::Kind::refusal, "a bad request is a refusal");
    require(!request.failure().text.empty(), "a refusal says why");
    return 0;
  }
  require(request->content_sha256.size() == 64, "what is read has its hash");
  require(request->nonce.size() <= 64, "a nonce is short");
  const auto again = service::admission_request_from_text(text);
  require(again.ok() && again->content_sha256 == request->content_sha256 && again->options == request->options,
          "the same text reads the same twice");
  check_appraisal(*request);
  return 0;
}
