// SPDX-License-Identifier: Apache-2.0
//
// Goal: sluice.yaml is read whole or refused with the place of the mistake. Method:
// rows of texts with what is wrong in them; questions to a good one.

#include "accounting/service/config.hpp"

#include <gtest/gtest.h>

namespace sluice::service {
namespace {

const std::string least = "role: home\ncluster: cq\nprice_book: prices.yaml\n";

TEST(Config, DefaultsAreTheCarefulOnes) {
  const auto config = parse_config("/etc/sluice/sluice.yaml", least);
  ASSERT_TRUE(config.ok()) << config.failure().text;
  EXPECT_EQ(config->role, ServiceRole::home);
  EXPECT_EQ(config->mode, Mode::observe) << "a live cluster is never changed before somebody says so";
  EXPECT_EQ(config->price_book, "/etc/sluice/prices.yaml");
  EXPECT_TRUE(config->admit_unpriced);
  EXPECT_TRUE(config->refund_limit.is_zero()) << "every refund needs a second person";
  EXPECT_FALSE(config->refund_rule) << "nothing is given back that nobody decided";
  for (const char* off : {"metrics_listen:\n", "metrics_listen: ''\n"}) EXPECT_TRUE(parse_config("c.yaml", least + off).ok()) << off;
  EXPECT_FALSE(config->account_rule("astro").has_value());
  EXPECT_EQ(config->control_users, (std::vector<std::string>{"root", "slurm"}));
  EXPECT_EQ(config->listen, "127.0.0.1:6711");
  EXPECT_EQ(config->clusters(), (std::vector<std::string>{"cq"}));
  EXPECT_EQ(config->final_tag, Config::FinalTag::voucher);
  EXPECT_EQ(config->collector.void_after_seconds, 60);
}

TEST(Config, WhatIsReadAtAStartOnlyIsNamed) {
  const std::string text = "role: home\ncluster: cq\nprice_book: p.yaml\n";
  const auto fixed = [&](const std::string& more) {
    return fixed_until_restart(parse_config("sluice.yaml", text).value(), parse_config("sluice.yaml", text + more).value());
  };
  EXPECT_EQ(fixed("mode: warn\nfinal_tag: all\ncollector: {interval_seconds: 7}\n"), "");
  EXPECT_EQ(fixed("listen: 127.0.0.1:9\n"), "listen");
  EXPECT_EQ(fixed("data_dir: /d\ncontrol_socket: /s\n"), "data_dir, control_socket");
  EXPECT_EQ(fixed("control_users: [slurm]\n"), "control_users");
  EXPECT_EQ(fixed("final_tag: off\n"), "final_tag from or to off");
  EXPECT_EQ(fixed("collector: {helper: /h, timeout_seconds: 9}\n"), "collector.helper, collector.timeout_seconds");
}

TEST(Config, EverythingIsRead) {
  const auto config = parse_config("sluice.yaml", R"(role: site
cluster: hami
data_dir: /d
control_socket: /s
control_users: [slurm]
listen: 0.0.0.0:1
zone: Asia/Urumqi
mode: warn
modes:
  - {cluster: hami, partition: ai, account: astro, mode: enforce}
price_book: /p.yaml
unpriced: refuse
lien_hours_max: 24
accounts:
  default: {self_pay: none}
  astro: {self_pay: limit, limit: "12.50"}
people:
  - {user: li, roles: [cashier, auditor], from: 2026-01-01, to: 2026-02-01}
refund_limit: "20"
refund: {states: [NODE_FAIL, BOOT_FAIL], share: "0.75", hours_max: 12}
sites:
  - {name: here, cluster: hami}
  - {name: cq, feature: rain, partition: gpu}
tag: pointer
final_tag: all
final_tags_per_second: 2
collector: {interval_seconds: 1, overlap_seconds: 120, void_after_seconds: 5, timeout_seconds: 4, helper: /h}
)");
  ASSERT_TRUE(config.ok()) << config.failure().text;
  EXPECT_EQ(config->role, ServiceRole::site);
  EXPECT_EQ(config->zone.offset_seconds, 6 * 3600);
  EXPECT_EQ(config->price_book, "/p.yaml");
  EXPECT_FALSE(config->admit_unpriced);
  EXPECT_EQ(config->lien_hours_max, 24);
  EXPECT_EQ(config->account_rule("astro")->limit, Money{12'500'000});
  EXPECT_EQ(config->account_rule("other")->self_pay, SelfPay::none);
  EXPECT_EQ(config->site("cq")->cluster, "cq") << "a site's cluster is its name unless it says otherwise";
  EXPECT_EQ(config->site_of_cluster("hami")->name, "here");
  EXPECT_EQ(config->site("moon"), nullptr);
  EXPECT_EQ(config->refund_rule->states, (std::vector<std::string>{"NODE_FAIL", "BOOT_FAIL"}));
  EXPECT_EQ(config->refund_rule->share, Share{750'000});
  EXPECT_EQ(config->refund_rule->hours_max, 12);
  EXPECT_EQ(config->clusters(), (std::vector<std::string>{"hami", "cq"}));
  EXPECT_FALSE(config->tag_full);
  EXPECT_EQ(config->final_tag, Config::FinalTag::all);
  EXPECT_EQ(config->collector.helper, "/h");
}

TEST(Config, AModeIsTheFirstThatFits) {
  const auto config = parse_config("sluice.yaml", least + R"(mode: observe
modes:
  - {partition: free, mode: observe}
  - {cluster: cq, account: astro, mode: enforce}
  - {account: astro, mode: warn}
)");
  ASSERT_TRUE(config.ok()) << config.failure().text;
  EXPECT_EQ(config->mode_for("cq", "ai", "astro"), Mode::enforce);
  EXPECT_EQ(config->mode_for("cq", "free", "astro"), Mode::observe);
  EXPECT_EQ(config->mode_for("hami", "ai", "astro"), Mode::warn);
  EXPECT_EQ(config->mode_for("hami", "ai", "bio"), Mode::observe);
}

TEST(Config, ARoleHoldsFromItsFirstDayUpToItsLast) {
  const auto config = parse_config("sluice.yaml", least + "people: [{user: li, roles: [cashier], from: 2026-01-01, to: 2026-02-01}]\n");
  ASSERT_TRUE(config.ok()) << config.failure().text;
  const UnixTime first = *parse_time("2026-01-01", Zone{});
  const UnixTime last = *parse_time("2026-02-01", Zone{});
  EXPECT_FALSE(config->has_role("li", "cashier", first - 1));
  EXPECT_TRUE(config->has_role("li", "cashier", first));
  EXPECT_TRUE(config->has_role("li", "cashier", last - 1));
  EXPECT_FALSE(config->has_role("li", "cashier", last));
  EXPECT_FALSE(config->has_role("li", "auditor", first));
  EXPECT_FALSE(config->has_role("wang", "cashier", first));
}

TEST(Config, MistakesAreNamedWithTheirPlace) {
  const struct {
    std::string text;
    const char* said;
  } rows[] = {
      {"role: home\ncluster: cq\n", "c.yaml:1:1: price_book: is missing"},
      {"role: master\ncluster: cq\nprice_book: p\n", "c.yaml:1:7: role: 'master'"},
      {least + "speed: 3\n", "c.yaml:4:1: speed: "},
      {least + "collector: {overlap_seconds: 119}\n",
       "c.yaml:4:30: collector.overlap_seconds: '119': write 120 or more: slurmdbd's record of a short job is whole up to a minute after its end"},
      {least + "mode: enforced\n", "c.yaml:4:7: mode: 'enforced'"},
      {least + "zone: Europe/Berlin\n", "c.yaml:4:7: zone: "},
      {least + "modes: [{mode: enforce, user: li}]\n", "c.yaml:4:25: modes[0].user: "},
      {least + "people: [{user: root, roles: [cashier]}]\n", "people[0].user: 'root': root never handles money"},
      {least + "people: [{user: li, roles: [boss]}]\n", "people[0].roles: a list: 'boss' is not a role"},
      {least + "people: [{user: li, roles: [administrator, cashier]}]\n", "an administrator has no money role"},
      {least + "accounts: {astro: {self_pay: limit}}\n", "accounts.astro.limit: is missing"},
      {least + "accounts: {astro: {self_pay: limit, limit: \"-1\"}}\n", "write zero or more"},
      {least + "accounts: {astro: {self_pay: open, limit: \"1\"}}\n", "accounts.astro.limit: "},
      {least + "refund_limit: \"-1\"\n", "refund_limit: "},
      {least + "refund_limit: 1e3\n", "refund_limit: "},
      {least + "refund: {share: \"1\"}\n", "refund.states: name at least one end state"},
      {least + "refund: {states: [NODEFAIL], share: \"1\"}\n", "refund.states: a list: 'NODEFAIL' is not an end state of Slurm"},
      {least + "refund: {states: [NODE_FAIL]}\n", "refund.share: is missing"},
      {least + "refund: {states: [NODE_FAIL], share: \"1.5\"}\n", "refund.share: "},
      {least + "refund: {states: [NODE_FAIL], share: \"1\", hours_max: 0}\n", "refund.hours_max: "},
      {least + "listen: cqctl:6711\n", "c.yaml:4:9: listen: 'cqctl:6711': write an address in digits instead of the name 'cqctl'"},
      {least + "listen: 6711\n", "listen: '6711': write ADDRESS:PORT"},
      {least + "listen: 127.0.0.1:65536\n", "the port must be a number up to 65535"},
      {least + "listen: ''\n", "listen: "},
      {least + "metrics_listen: \"[::1]:x\"\n", "metrics_listen: '[::1]:x': the port must be a number"},
      {least + "metrics_listen: 127.0.0.1:6711\n", "metrics_listen: '127.0.0.1:6711': is the address of listen; choose another port"},
      {least + "lien_hours_max: 0\n", "lien_hours_max: "},
      {least + "sites: [{name: hami}]\n", "the site of cluster cq is missing"},
      {least + "sites: [{name: cq}, {name: cq}]\n", "stands twice"},
      {least + "collector: {void_after_seconds: 1}\n", "collector.void_after_seconds: "},
      {least + "cluster: again\n", "c.yaml:4:1: cluster stands twice"},
      {"role: [home\n", "c.yaml:"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto config = parse_config("c.yaml", row.text);
    ASSERT_FALSE(config.ok());
    EXPECT_NE(config.failure().text.find(row.said), std::string::npos) << config.failure().text;
  }
  EXPECT_FALSE(load_config("/no/such/sluice.yaml").ok());
}

}  // namespace
}  // namespace sluice::service
