// SPDX-License-Identifier: Apache-2.0
//
// Goal: the request says what the submission asks for and no more, whatever bytes a
// user put there. Method: rows of fields against the exact JSON text.

#include "plugins/job_submit/request.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {
namespace {

using slurm_abi::JobFields;

JobFields plain() {
  JobFields job;
  job.user_id = 6001;
  job.group_id = 6001;
  return job;
}

Request made(const JobFields& job, std::uint32_t submit_uid = 6001, const std::optional<PluginReport>& report = std::nullopt) {
  const auto result = make_request(job, submit_uid, report);
  if (const auto* refusal = std::get_if<LocalRefusal>(&result)) {
    ADD_FAILURE() << refusal->line;
    return {};
  }
  return std::get<Request>(result);
}

std::string refused(const JobFields& job) {
  const auto result = make_request(job, 0, std::nullopt);
  const auto* refusal = std::get_if<LocalRefusal>(&result);
  return refusal == nullptr ? "" : refusal->line;
}

TEST(Request, WritesTheWorkedExample) {
  JobFields job = plain();
  job.name = "train";
  job.time_limit_minutes = 10;
  job.min_cpus = 1;
  job.partition = "ai";
  job.tres_per_node = "gres:gpu:2";
  job.spank_env = {"SLUICE_NONCE=00112233445566778899aabbccddeeff", "_SLURM_SPANK_OPTION_sluice_voucher=CD-2026-0001",
                   "_SLURM_SPANK_OPTION_sluice_workload=training"};
  const Request request = made(job, 6001, PluginReport{"0.1.0", "22.05.8", 1795320900, 3});
  EXPECT_EQ(request.body,
            R"({"v":1,"kind":"submit","nonce":"00112233445566778899aabbccddeeff",)"
            R"("options":{"voucher":"CD-2026-0001","workload":"training"},)"
            R"("job":{"user_id":6001,"group_id":6001,"submit_uid":6001,"partition":"ai","name":"train",)"
            R"("tres_per_node":"gres:gpu:2","time_limit":10,"min_cpus":1,"interactive":false}})" "\n"
            R"({"version":"0.1.0","slurm":"22.05.8","loaded_at":1795320900,"without_answer":3})");
  EXPECT_EQ(request.nonce, "00112233445566778899aabbccddeeff");
}

TEST(Request, LeavesOutWhatIsUnset) {
  EXPECT_EQ(made(plain()).body,
            R"({"v":1,"kind":"submit","options":{},"job":{"user_id":6001,"group_id":6001,"submit_uid":6001,"interactive":false}})");
}

TEST(Request, WritesEveryField) {
  JobFields job = plain();
  job.job_id = 67108865;
  job.het_offset = 0;
  job.interactive = true;
  job.cron = true;
  job.account = "astro";
  job.qos = "high";
  job.features = "a100";
  job.clusters = "cq";
  job.cluster_features = "wind";
  job.origin_cluster = "cq";
  job.reservation = "r1";
  job.req_nodes = "n[1-3]";
  job.admin_comment = "theirs";
  job.array = "1-100%5";
  job.tres_per_job = "gres:gpu:2";
  job.tres_per_socket = "gres:gpu:1";
  job.tres_per_task = "gres/gpu:1";
  job.cpus_per_tres = "gres:gpu:4";
  job.mem_per_tres = "gres:gpu:1000";
  job.time_limit_infinite = true;
  job.begin_time = 1767225600;
  job.deadline = 1767225601;
  job.min_nodes = 1;
  job.max_nodes = 4;
  job.num_tasks = 4;
  job.max_cpus = 64;
  job.cpus_per_task = 2;
  job.ntasks_per_node = 3;
  job.pn_min_cpus = 5;
  job.mem_per_node_mb = 0;
  job.shared = 0;
  EXPECT_EQ(made(job, 0).body,
            R"({"v":1,"kind":"sibling","options":{},"job":{"user_id":6001,"group_id":6001,"submit_uid":0,"job_id":67108865,)"
            R"("het_offset":0,"account":"astro","qos":"high","features":"a100","clusters":"cq","cluster_features":"wind",)"
            R"("origin_cluster":"cq","reservation":"r1","req_nodes":"n[1-3]","admin_comment":"theirs","array":"1-100%5",)"
            R"("tres_per_job":"gres:gpu:2","tres_per_socket":"gres:gpu:1","tres_per_task":"gres/gpu:1",)"
            R"("cpus_per_tres":"gres:gpu:4","mem_per_tres":"gres:gpu:1000","time_limit":"infinite","begin_time":1767225600,)"
            R"("deadline":1767225601,"min_nodes":1,"max_nodes":4,"num_tasks":4,"max_cpus":64,"cpus_per_task":2,)"
            R"("ntasks_per_node":3,"pn_min_cpus":5,"shared":0,"mem_per_node":0,"interactive":true,"cron":true}})");
}

TEST(Request, KnowsWhatKindOfCallItIs) {
  const struct {
    std::optional<std::uint32_t> job_id;
    bool test_only;
    std::uint32_t submit_uid;
    Kind kind;
  } rows[] = {{std::nullopt, false, 6001, Kind::submit}, {std::nullopt, true, 6001, Kind::test}, {7, false, 0, Kind::sibling},
              {7, true, 0, Kind::sibling},  {7, false, geteuid(), Kind::sibling},
              // Only Slurm itself names a job's id: nobody else gets past an admission that way.
              {7, false, 6001, Kind::submit}, {7, true, 6001, Kind::test}};
  for (const auto& row : rows) {
    JobFields job = plain();
    job.job_id = row.job_id;
    job.test_only = row.test_only;
    EXPECT_EQ(made(job, row.submit_uid).kind, row.kind);
  }
}

TEST(Request, FindsOptionsUnderEveryNameTheyTravelBy) {
  const struct {
    std::string_view entry;
    Options options;
  } rows[] = {
      {"_SLURM_SPANK_OPTION_sluice_max_self=2.5", {{"max-self", "2.5"}}},
      {"_SLURM_SPANK_OPTION_sluice_max-self=2.5", {{"max-self", "2.5"}}},
      {"SPANK__SLURM_SPANK_OPTION_sluice_task_bind=auto", {{"task-bind", "auto"}}},
      {"SLURM_SPANK__SLURM_SPANK_OPTION_sluice_stage_in=/a:b=c:1G", {{"stage-in", "/a:b=c:1G"}}},
      {"_SLURM_SPANK_OPTION_sluice_quote_format=json", {{"quote-format", "json"}}},
      {"_SLURM_SPANK_OPTION_sluice_voucher=", {{"voucher", ""}}},
      {"_SLURM_SPANK_OPTION_sluice_voucher", {}},
      {"_SLURM_SPANK_OPTION_sluice_=x", {}},
      {"_SLURM_SPANK_OPTION_sluice_Voucher=x", {}},
      {"_SLURM_SPANK_OPTION_sluice_vouch\ner=x", {}},
      {"_SLURM_SPANK_OPTION_sluice_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=x", {}},
      {"_SLURM_SPANK_OPTION_other_voucher=x", {}},
      {"SLUICE_VOUCHER=x", {}},
      {"=", {}},
      {"", {}},
  };
  for (const auto& row : rows) {
    JobFields job = plain();
    job.spank_env = {row.entry};
    EXPECT_EQ(made(job).options, row.options) << row.entry;
  }
}

TEST(Request, TakesTheLastOfTwoValues) {
  JobFields job = plain();
  job.spank_env = {"_SLURM_SPANK_OPTION_sluice_voucher=A", "_SLURM_SPANK_OPTION_sluice_voucher=B"};
  EXPECT_EQ(made(job).options, (Options{{"voucher", "B"}}));
}

TEST(Request, TakesANonceOnlyIfItIsOne) {
  const struct {
    std::string_view entry;
    std::string nonce;
  } rows[] = {
      {"SLUICE_NONCE=00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"},
      {"SLURM_SPANK_SLUICE_NONCE=00112233445566778899AABBCCDDEEFF", "00112233445566778899AABBCCDDEEFF"},
      {"SPANK_SLUICE_NONCE=00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"},
      {"SLUICE_NONCE=00112233445566778899aabbccddeef", ""},
      {"SLUICE_NONCE=00112233445566778899aabbccddeeffg", ""},
      {"SLUICE_NONCE=00112233445566778899aabbccddeefg", ""},
      {"SLUICE_NONCE=", ""},
  };
  for (const auto& row : rows) {
    JobFields job = plain();
    job.spank_env = {row.entry};
    EXPECT_EQ(made(job).nonce, row.nonce) << row.entry;
  }
}

TEST(Request, TurnsBytesThatAreNoTextIntoValidJson) {
  JobFields job = plain();
  const std::string name("a\"\\\n\x01\x7f\xff\xc3(\xed\xa0\x80\xe5\x88\xb8");
  job.name = name;
  job.spank_env = {"_SLURM_SPANK_OPTION_sluice_scenario=\xfe\x80"};
  const std::string body = made(job).body;
  const Json parsed = Json::parse(body.substr(0, body.find('\n')), nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << body;
  const auto back = parsed["job"]["name"].get<std::string>();
  EXPECT_EQ(back.substr(0, 6), "a\"\\\n\x01\x7f");
  EXPECT_EQ(back.substr(back.size() - 3), "\xe5\x88\xb8");
  EXPECT_EQ(parsed["options"]["scenario"], "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Request, RefusesWhatIsTooLongAndNamesIt) {
  JobFields job = plain();
  const std::string at_limit = "_SLURM_SPANK_OPTION_sluice_max_self=" + std::string(1024, '1');
  job.spank_env = {at_limit};
  EXPECT_EQ(refused(job), "");
  const std::string beyond = at_limit + "1";
  job.spank_env = {beyond};
  EXPECT_EQ(refused(job), "sluice: --max-self: longer than 1024 bytes; shorten it and submit again");

  std::vector<std::string> many;
  for (int i = 0; i < 33; ++i) many.push_back("_SLURM_SPANK_OPTION_sluice_o" + std::to_string(i) + "=x");
  job.spank_env = {many.begin(), many.end() - 1};
  EXPECT_EQ(refused(job), "");
  job.spank_env = {many.begin(), many.end()};
  EXPECT_NE(refused(job), "");

  const std::string features(4097, 'f');
  job = plain();
  job.features = features;
  EXPECT_EQ(refused(job), "sluice: the job's features is longer than 4096 bytes; shorten it and submit again");
  const std::string nodes(65536, 'n');
  job = plain();
  job.req_nodes = nodes;
  EXPECT_EQ(refused(job), "");
}

}  // namespace
}  // namespace sluice::job_submit
