// SPDX-License-Identifier: Apache-2.0
//
// Goal: no sluice.yaml takes the service down, and what is wrong with it is said with line and
// column. Method: the bytes as the file.

#include <string>

#include "accounting/service/config.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using fuzz::require;
  const std::string text(fuzz::text_of(data, size));
  const auto config = service::parse_config("sluice.yaml", text);
  if (!config.ok()) {
    require(config.failure().kind == Failure::Kind::refusal, "a wrong file is a refusal");
    require(config.failure().text.starts_with("sluice.yaml:"), "it is said where");
    return 0;
  }
  require(!config->cluster.empty(), "a cluster has a name");
  require(config->collector.interval_seconds > 0 && config->final_tags_per_second > 0, "nothing is done all the time or never");
  const auto again = service::parse_config("sluice.yaml", text);
  require(again.ok() && service::fixed_until_restart(*config, *again).empty(), "the same file reads the same twice");
  (void)config->mode_for("cq", "ai", "astro");
  (void)config->account_rule("astro");
  (void)config->has_role("root", "auditor", 1'780'000'000);
  return 0;
}
