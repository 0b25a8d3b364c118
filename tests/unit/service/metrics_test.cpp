// SPDX-License-Identifier: Apache-2.0
//
// Goal: what Prometheus reads is well formed, counts what was answered, and names nobody. Method: the
// books of a test, submissions over the control interface, and the text line by line.

#include "accounting/service/metrics.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using test::World;

TEST(MetricsText, EscapesLabels) {
  MetricsText out;
  out.gauge("m", "Help.").sample(1, {{"a", "x\"\\\ny"}, {"b", "z"}}).sample(-2);
  EXPECT_EQ(out.text(), "# HELP m Help.\n# TYPE m gauge\nm{a=\"x\\\"\\\\\\ny\",b=\"z\"} 1\nm -2\n");
}

class MetricsTest : public testing::Test {
 protected:
  void ask(const std::string& text) {
    control.answer(text, [](const PacketAnswer& answer) { EXPECT_EQ(answer.status, 200); });
  }
  std::string submission(const std::string& options, const std::string& second_line = "") {
    return R"({"v":1,"kind":"submit","options":{)" + options + R"(},"job":{"user_id":)" + std::to_string(World::uid_of("ann")) +
           R"(,"partition":"ai","time_limit":60,"min_cpus":10}})" + second_line;
  }
  std::function<std::shared_ptr<const Config>()> config = [this] { return world.books().config(); };

  World world;
  Health health;
  PluginWatch plugin;
  DiskUse disk{"/nonexistent"};
  Control control{{world.facts(), plugin, &world.books(), config, [] { return nullptr; }, "key"}};
  Metrics metrics{{world.facts(), health, plugin, disk, control, &world.books(), config, 1'795'320'900}};
};

TEST_F(MetricsTest, CountWhatWasAnsweredAndNameNobody) {
  ASSERT_TRUE(world.programme("P", {{"share", "0.60"}}).ok());
  ASSERT_TRUE(world.fund("P", "100").ok());
  ASSERT_TRUE(world.voucher("V", {{"face", "10"}}).ok());
  ask(submission(R"("voucher":"V")", "\n" R"({"version":"0.1.0","slurm":"22.05.8","loaded_at":1795320000,"without_answer":5})"));
  ask(submission(R"("voucher":"none-of-mine")"));
  health.succeeded("sweep", 1'795'320'950);
  health.failed("collect", "slurmdbd is away", 1'795'320'960);

  const std::string text = metrics.text(1'795'321'000);
  for (const char* line : {
           "sluice_admissions_answered_total{kind=\"submit\",action=\"admit\"} 1",
           "sluice_admissions_answered_total{kind=\"submit\",action=\"refuse\"} 1",
           "sluice_refusals_total{code=\"voucher_unknown\",mode=\"enforce\"} 1",
           "sluice_plugin_unanswered_total 5",
           "sluice_plugin_info{version=\"0.1.0\",slurm=\"22.05.8\"} 1",
           "sluice_open_admissions 1",
           "sluice_open_liens 1",
           "sluice_liens_yuan{programme=\"P\"} 6.000000",
           "sluice_doing_ok{doing=\"sweep\"} 1",
           "sluice_doing_ok{doing=\"collect\"} 0",
           "sluice_doing_failures_total{doing=\"collect\"} 1",
           "sluice_start_timestamp_seconds 1795320900",
       }) {
    EXPECT_NE(text.find(std::string("\n") + line + "\n"), std::string::npos) << line << "\n" << text;
  }
  for (const char* somebody : {"ann", "astro", "none-of-mine", "\"V\""}) EXPECT_EQ(text.find(somebody), std::string::npos) << somebody;

  // Exposition format 0.0.4: each sample belongs to the metric whose HELP and TYPE came before it.
  const std::regex sample(R"(([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9]+(\.[0-9]+)?)");
  std::istringstream lines(text);
  std::string metric;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) metric = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.substr(7, line.find(' ', 7) - 7), metric);
    }
    if (line.starts_with('#')) continue;
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    EXPECT_EQ(parts[1], metric);
  }
}

TEST_F(MetricsTest, AreTheOnlyThingThere) {
  HttpRequest request;
  request.method = "GET";
  request.path = request.target = "/metrics";
  const auto answer = metrics.handle(request);
  EXPECT_EQ(answer.status, 200U);
  EXPECT_STREQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  request.path = "/v1/balance";
  EXPECT_EQ(metrics.handle(request).status, 404U);
  request.path = "/metrics";
  request.method = "POST";
  EXPECT_EQ(metrics.handle(request).status, 404U);
}

}  // namespace
}  // namespace sluice::service
