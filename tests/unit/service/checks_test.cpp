// SPDX-License-Identifier: Apache-2.0
//
// Goal: each thing that can be wrong is named, with what to do, and what is right is left
// alone. Method: a site where all is well, with one thing changed per row.

#include "accounting/service/checks.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace sluice::service {
namespace {

constexpr UnixTime now = 1'795'320'900;
constexpr std::int64_t day = 86'400;

Config site_config() {
  Config config;
  config.cluster = "cq";
  config.zone = Zone{"UTC", 0};
  config.sites = {{"cq", "cq", "chongqing", "super"}, {"hami", "hami", "hami", "npu"}};
  return config;
}

slurm::Diagnosis healthy() {
  slurm::Diagnosis diagnosis;
  diagnosis.cluster = "cq";
  diagnosis.slurm_version = "22.05.8";
  diagnosis.job_submit_plugins = "lua,sluice";
  diagnosis.storage_type = "accounting_storage/slurmdbd";
  diagnosis.storage_tres = "cpu,mem,gres/gpu";
  diagnosis.enforces_associations = true;
  diagnosis.state_folder = "/var/spool/slurmctld";
  diagnosis.dbd_queue = 3;
  diagnosis.dbd_queue_max = 10'000;
  diagnosis.purge_jobs_after = "NONE";
  return diagnosis;
}

slurm::Inventory inventory() {
  slurm::Inventory inventory;
  inventory.cluster = "cq";
  inventory.private_jobs = true;
  slurm::Node node;
  node.name = "ai1";
  node.cpus = 4;
  node.memory_mb = 1000;
  node.gres = {{"gres/gpu", 4}, {"gres/gpu:a100", 4}};
  inventory.nodes = {node};
  return inventory;
}

/// Those that aren't ok, as "fail NAME: TEXT"; empty: all is well.
std::string findings(const std::vector<Check>& checks) {
  std::string text;
  for (const auto& check : checks) {
    if (check.state != CheckState::ok) text += std::string(name_of(check.state)) + " " + check.name + ": " + check.text + "\n";
  }
  return text;
}

std::string in_slurm(const slurm::Diagnosis& diagnosis, UnixTime oldest_open = 0) {
  const Config config = site_config();
  const ClusterFacts facts(inventory());
  return findings(check_slurm({config, diagnosis, &facts, oldest_open, now}));
}

TEST(Checks, OfSlurm) {
  const struct {
    std::function<void(slurm::Diagnosis&)> change;
    UnixTime oldest_open;
    const char* found;  ///< "": nothing
  } rows[] = {
      {[](auto&) {}, 0, ""},
      {[](auto& d) { d.job_submit_plugins = ""; }, 0, "fail JobSubmitPlugins: slurmctld runs none"},
      {[](auto& d) { d.job_submit_plugins = "lua,notsluice"; }, 0, "fail JobSubmitPlugins: slurmctld runs lua,notsluice"},
      {[](auto& d) { d.job_submit_plugins = "sluice,lua"; }, 0, "warn JobSubmitPlugins: sluice,lua: what comes after"},
      {[](auto& d) { d.storage_type = "accounting_storage/none"; }, 0, "fail accounting: AccountingStorageType is accounting_storage/none"},
      {[](auto& d) { d.storage_tres = "cpu,mem,gres/gpu:a100"; }, 0, "fail accounting: AccountingStorageTRES lacks gres/gpu,"},
      {[](auto& d) { d.enforces_associations = false; }, 0, "warn accounting: AccountingStorageEnforce lacks associations"},
      {[](auto& d) { d.dbd_queue = 1001; }, 0, "warn slurmdbd queue: 1001 messages"},
      {[](auto& d) { d.dbd_queue = 5001; }, 0, "fail slurmdbd queue: 5001 messages"},
      {[](auto& d) { d.dbd_problem = "away"; }, 0, "fail slurmdbd queue: 3 messages of slurmctld wait for slurmdbd: away"},
      {[](auto& d) { d.clock_ahead_seconds = 2; }, 0, ""},
      {[](auto& d) { d.clock_ahead_seconds = 3; }, 0, "warn clock: slurmctld's is 3 s ahead"},
      {[](auto& d) { d.clock_ahead_seconds = -61; }, 0, "fail clock: slurmctld's is 61 s behind"},
      {[](auto& d) { d.purge_jobs_after.reset(); }, 0, ""},
      {[](auto& d) { d.purge_jobs_after = "2 months"; }, now - 59 * day, ""},
      {[](auto& d) { d.purge_jobs_after = "2 months*"; }, now - 60 * day, "fail PurgeJobAfter: slurmdbd forgets records after 2 months*, and an admission of "},
      {[](auto& d) { d.purge_jobs_after = "34 days"; }, 0, "warn PurgeJobAfter: slurmdbd forgets records after 34 days; the last 35 days"},
      {[](auto& d) { d.purge_jobs_after = "36 hours"; }, now - 2 * day, "fail PurgeJobAfter"},
  };
  for (const auto& row : rows) {
    slurm::Diagnosis diagnosis = healthy();
    row.change(diagnosis);
    const std::string found = in_slurm(diagnosis, row.oldest_open);
    if (*row.found == '\0') {
      EXPECT_EQ(found, "");
    } else {
      EXPECT_TRUE(found.starts_with(row.found)) << found << "expected " << row.found;
    }
  }
}

TEST(Checks, OfWhatATagShows) {
  Config config = site_config();
  slurm::Inventory open = inventory();
  open.private_jobs = false;
  const ClusterFacts facts(open);
  const slurm::Diagnosis diagnosis = healthy();
  EXPECT_TRUE(findings(check_slurm({config, diagnosis, &facts, 0, now})).starts_with("warn PrivateData: "));
  config.tag_full = false;
  EXPECT_EQ(findings(check_slurm({config, diagnosis, &facts, 0, now})), "");
}

TEST(Checks, OfThePlugin) {
  const Config config = site_config();
  const PluginReport report{"0.1.0", "22.05.8", now - 1000, 0};
  const auto found = [&](const PluginSeen& seen, UnixTime unanswered = 0) {
    return findings(check_plugin({config, seen, unanswered, "0.1.0", now - 500, now}));
  };
  EXPECT_EQ(found({}), "") << "nothing was submitted yet";
  EXPECT_EQ(found({now - 90, now - 10, report, 0}), "");
  EXPECT_EQ(found({now - 20, now - 10, std::nullopt, 0}), "") << "its report comes with some requests only";
  EXPECT_TRUE(found({now - 90, now - 10, std::nullopt, 0}).starts_with("warn job_submit_sluice.so: an old one"));

  PluginReport other = report;
  other.version = "0.0.9";
  EXPECT_TRUE(found({now - 90, now - 10, other, 0}).starts_with("warn job_submit_sluice.so: 0.0.9 for Slurm 22.05.8, loaded 2026-"));

  // A job without an answer, and not a word of slurmctld since.
  EXPECT_TRUE(found({now - 90, now - 60, report, 0}, now - 30).starts_with("fail breaker: open: a job was submitted 2026-"));
  EXPECT_TRUE(found({}, now - 30).starts_with("fail breaker: open: "));
  EXPECT_EQ(found({}, now - 600), "") << "that was before this service started";
  EXPECT_EQ(found({now - 90, now - 10, report, 0}, now - 60), "") << "it was asked since";

  PluginReport outage = report;
  outage.without_answer = 7;
  EXPECT_TRUE(found({now - 90, now - 10, outage, now - 60}).starts_with("warn breaker: closed: slurmctld asked last 2026-"));
  EXPECT_EQ(found({now - 2 * day, now - 10, outage, now - day}), "") << "a day later it is no news";
}

TEST(Checks, OfPluginConf) {
  const auto found = [](const std::string& text, const Config& config = site_config()) {
    return findings(check_plugin_settings(config, job_submit::parse_settings(text, "plugin.conf")));
  };
  EXPECT_EQ(found("local_feature = chongqing\n"), "");
  EXPECT_TRUE(found("").starts_with("warn plugin.conf: local_feature isn't set"));
  EXPECT_TRUE(found("local_feature = hami\n").starts_with("fail plugin.conf: local_feature is hami, and the feature of this cluster's site"));
  EXPECT_TRUE(found("local_feature = chongqing\nsocket = /run/other.sock\n").starts_with("fail plugin.conf: socket is /run/other.sock"));
  EXPECT_TRUE(found("local_feature = chongqing\ndeadline_ms = soon\n").starts_with("fail plugin.conf: plugin.conf:2: "));
  EXPECT_TRUE(found("local_feature = chongqing\nwhen_unreachable = refuse\n").starts_with("warn policy: mode observe"));
  Config alone = site_config();
  alone.sites.clear();
  EXPECT_EQ(found("", alone), "");
  alone.mode = Mode::enforce;
  EXPECT_EQ(found("when_unreachable = refuse\n", alone), "");
}

TEST(Checks, OfDisks) {
  const auto state = [](std::int64_t free) { return check_space("disk", "/d", {free, 1000}).state; };
  EXPECT_EQ(state(100), CheckState::ok);
  EXPECT_EQ(state(99), CheckState::warn);
  EXPECT_EQ(state(19), CheckState::fail);

  const std::int64_t gigabyte = std::int64_t{1} << 30;
  const auto growth = [&](std::int64_t per_day) {
    return check_growth({{now - 2 * day, 5}, {now - day, 7}, {now, 5 + 2 * per_day}}, {100 * gigabyte, 1000 * gigabyte});
  };
  EXPECT_EQ(growth(gigabyte).text, "full in 100 days at 1.0 GiB a day, as over the last 48 hours");
  EXPECT_EQ(growth(gigabyte).state, CheckState::ok);
  EXPECT_EQ(growth(2 * gigabyte).state, CheckState::warn);
  EXPECT_EQ(growth(15 * gigabyte).state, CheckState::fail);
  EXPECT_EQ(growth(-1).text, "the service's files don't grow, as over the last 48 hours");
  EXPECT_EQ(check_growth({{now - 3599, 5}, {now, 9}}, {gigabyte, gigabyte}).state, CheckState::ok) << "too early to say";
}

TEST(Checks, ReadTimesAndSizes) {
  EXPECT_EQ(purge_seconds("36 hours"), 36 * 3600);
  EXPECT_EQ(purge_seconds("90 days*"), 90 * day);
  EXPECT_EQ(purge_seconds("12 months"), 360 * day);
  for (const char* none : {"NONE", "", "0 days", "12 fortnights", "days"}) EXPECT_EQ(purge_seconds(none), std::nullopt) << none;
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(std::int64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace sluice::service
