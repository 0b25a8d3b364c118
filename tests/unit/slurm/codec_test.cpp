// SPDX-License-Identifier: Apache-2.0
//
// Goal: what goes through JSON comes back the same, and what is wrong is refused.
// Method: round trips of a full and an empty value; tables of wrong objects.

#include "accounting/slurm/codec.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "accounting/slurm/request.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;

UsageRecord full_record() {
  UsageRecord record;
  record.cluster = "cq";
  record.db_index = 18'446'744'073'709'551'000u;
  record.job_id = 134'217'729;
  record.array_job_id = 134'217'729;
  record.array_task_id = 0;
  record.array_tasks = "0x3FF";
  record.het_job_id = 5;
  record.het_job_offset = 0;
  record.user_id = 6001;
  record.user = "researcher1";
  record.account = "astro";
  record.partition = "ai";
  record.qos = "normal";
  record.name = "训练 \"x\"";
  record.nodes = "ai[1-2]";
  record.state = "TIMEOUT";
  record.state_number = 6;
  record.submit = 1'700'000'000;
  record.eligible = 1'700'000'001;
  record.start = 1'700'000'002;
  record.end = 1'700'000'086;
  record.elapsed_seconds = 84;
  record.suspended_seconds = 3;
  record.time_limit_minutes = 1;
  record.tres_alloc = {{"cpu", 8}, {"gres/gpu:a100", 4}};
  record.tres_req = {{"cpu", 8}};
  record.energy_joules = 0;
  record.exit_code = -256;
  record.restart_count = 0;
  record.admin_comment = "{\"sluice\":{\"v\":1}}";
  return record;
}

TEST(UsageRecordJson, RoundTrip) {
  for (const auto& record : {full_record(), [] {
                               UsageRecord bare;
                               bare.cluster = "cq";
                               bare.state = "CANCELLED";
                               bare.state_number = 4;
                               return bare;
                             }()}) {
    const json object = to_json(record);
    const auto back = usage_record_from_json(json::parse(object.dump()));
    ASSERT_TRUE(back.ok()) << back.failure().text;
    EXPECT_EQ(to_json(*back).dump(), object.dump());
    EXPECT_EQ(back->db_index, record.db_index);
    EXPECT_EQ(back->array_task_id, record.array_task_id);
    EXPECT_EQ(back->start, record.start);
    EXPECT_EQ(back->energy_joules, record.energy_joules) << "zero and absent differ";
    EXPECT_EQ(back->restart_count, record.restart_count);
    EXPECT_EQ(back->exit_code, record.exit_code);
    EXPECT_EQ(back->tres_alloc, record.tres_alloc);
    EXPECT_EQ(back->name, record.name);
    EXPECT_EQ(back->admin_comment, record.admin_comment);
  }
}

TEST(UsageRecordJson, CanonicalText) {
  UsageRecord record;
  record.cluster = "cq";
  record.job_id = 7;
  record.state = "COMPLETED";
  record.state_number = 3;
  record.submit = 100;
  record.start = 101;
  record.end = 103;
  record.elapsed_seconds = 2;
  record.tres_alloc = {{"cpu", 1}};
  EXPECT_EQ(to_json(record).dump(),
            R"({"cluster":"cq","db_index":0,"elapsed_seconds":2,"end":103,"exit_code":0,"job_id":7,"start":101,)"
            R"("state":"COMPLETED","state_number":3,"submit":100,"suspended_seconds":0,"tres_alloc":{"cpu":1},)"
            R"("tres_req":{},"user_id":0,"v":1})");
}

TEST(UsageRecordJson, BytesThatAreNotUtf8Survive) {
  auto record = full_record();
  record.admin_comment = "\xb3\xc9\xb6\xbc {\"sluice\":{}} \xff";  // GBK, and nonsense
  record.name = "\xb3\xc9";
  const json object = to_json(record);
  EXPECT_FALSE(object.contains("admin_comment"));
  const auto back = usage_record_from_json(json::parse(object.dump()));
  ASSERT_TRUE(back.ok()) << back.failure().text;
  EXPECT_EQ(back->admin_comment, record.admin_comment);
  EXPECT_EQ(back->name, "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(UsageRecordJson, WrongOnesAreRefused) {
  const json good = to_json(full_record());
  const std::pair<const char*, json> changes[] = {
      {"cluster", nullptr},
      {"job_id", "7"},
      {"job_id", -1},
      {"job_id", 4'294'967'296},
      {"job_id", 1.5},
      {"submit", "now"},
      {"elapsed_seconds", {}},
      {"tres_alloc", {{"cpu", "1"}}},
      {"tres_alloc", {1}},
      {"energy_joules", 1.0},
      {"user", 7},
      {"admin_comment", 7},
      {"exit_code", 3e9},
      {"v", 2},
      {"end", true},
      {"elapsed_seconds", 18'446'744'073'709'551'615u},
  };
  for (const auto& [key, value] : changes) {
    json wrong = good;
    wrong[key] = value;
    const auto result = usage_record_from_json(wrong);
    EXPECT_FALSE(result.ok()) << key << " = " << value;
  }
  for (const char* key : {"cluster", "job_id", "state", "state_number", "submit", "elapsed_seconds", "tres_alloc"}) {
    json wrong = good;
    wrong.erase(key);
    EXPECT_FALSE(usage_record_from_json(wrong).ok()) << "without " << key;
  }
  for (const json& wrong : {json(), json(1), json::array(), json("x"), json::object()}) {
    EXPECT_FALSE(usage_record_from_json(wrong).ok());
  }
  json hex = good;
  hex.erase("admin_comment");
  for (const char* text : {"0", "0g", "0G", "é"}) {
    hex["admin_comment_hex"] = text;
    EXPECT_FALSE(usage_record_from_json(hex).ok()) << text;
  }
}

TEST(LiveJobJson, RoundTrip) {
  LiveJob job;
  job.cluster = "hami";
  job.job_id = 67'108'865;
  job.array_job_id = 67'108'865;
  job.array_task_id = 3;
  job.array_tasks = "4-9%5";
  job.user_id = 6001;
  job.account = "astro";
  job.partition = "ai";
  job.state = "PENDING";
  job.revoked = true;
  job.submit = 5;
  job.start = 6;
  job.het_job_id = 67'108'864;
  job.het_job_offset = 1;
  job.time_limit_minutes = 90;
  job.tres_req = "cpu=2,mem=1000M,node=1";
  job.admin_comment = "x\xff";
  const auto back = live_job_from_json(json::parse(to_json(job).dump()));
  ASSERT_TRUE(back.ok()) << back.failure().text;
  EXPECT_EQ(to_json(*back), to_json(job));
  EXPECT_EQ(std::tie(back->het_job_id, back->het_job_offset, back->time_limit_minutes, back->tres_req),
            std::tie(job.het_job_id, job.het_job_offset, job.time_limit_minutes, job.tres_req));
  EXPECT_EQ(back->admin_comment, job.admin_comment);
  EXPECT_FALSE(live_job_from_json(json{{"cluster", "hami"}}).ok());
}

TEST(InventoryJson, RoundTrip) {
  Node node{"ai1", 64, 512'000, 2, {{"gres/gpu", 4}, {"gres/gpu:a100", 4}}};
  EXPECT_EQ(to_json(*node_from_json(to_json(node))), to_json(node));
  EXPECT_FALSE(node_from_json(json{{"name", "ai1"}}).ok());
  Partition partition;
  partition.name = "ai";
  partition.is_default = true;
  partition.default_minutes = 30;
  partition.def_mem_per_cpu_mb = 1000;
  partition.exclusive = true;
  partition.nodes = {"ai1", "ai2"};
  EXPECT_EQ(to_json(*partition_from_json(to_json(partition))), to_json(partition));
  EXPECT_FALSE(partition_from_json(json{{"name", "ai"}, {"nodes", "ai1"}}).ok());
  Inventory inventory;
  inventory.cluster = "cq";
  inventory.as_of = 7;
  inventory.memory_is_consumable = true;
  inventory.control_hosts = {"cqctl"};
  EXPECT_EQ(inventory_summary(*inventory_from_summary(inventory_summary(inventory))), inventory_summary(inventory));
  EXPECT_FALSE(inventory_from_summary(json::object()).ok());

  Diagnosis diagnosis;
  diagnosis.cluster = "cq";
  diagnosis.clock_ahead_seconds = -3;
  diagnosis.job_submit_plugins = "lua,sluice";
  diagnosis.dbd_queue = 7;
  EXPECT_EQ(to_json(*diagnosis_from_json(to_json(diagnosis))), to_json(diagnosis));
  diagnosis.purge_jobs_after = "12 months";
  diagnosis.dbd_problem = "away";
  EXPECT_EQ(to_json(*diagnosis_from_json(to_json(diagnosis))), to_json(diagnosis));
  EXPECT_FALSE(diagnosis_from_json(json::object()).ok());
}

TEST(RequestJson, RoundTripOfEveryOperation) {
  const Request requests[] = {
      {1, FinishedRequest{{"cq", "hami"}, 5, 6}},
      {2, ByIdRequest{"cq", {1, 4'294'967'293u}}},
      {3, LiveRequest{{"cq"}, 250}},
      {4, InventoryRequest{"cq"}},
      {5, TagRequest{"cq", 7, 0x80000, 5, 6, "{\"sluice\":{}} \\ ' 券"}},
      {6, TagRequest{"cq", 7, 3, 5, 6, "\xff"}},
  };
  for (const auto& request : requests) {
    const json object = json::parse(to_line(to_json(request)));
    const auto back = request_from_json(object);
    ASSERT_TRUE(back.ok()) << back.failure().text;
    EXPECT_EQ(back->body.index(), request.body.index());
    EXPECT_EQ(to_json(*back), object);
  }
  EXPECT_EQ(std::get<TagRequest>(request_from_json(to_json(requests[5]))->body).text, "\xff");
}

TEST(RequestJson, WrongOnesAreRefused) {
  for (const char* text :
       {"null", "[]", "{}", R"({"id":1})", R"({"id":1,"op":"drop"})", R"({"id":-1,"op":"inventory","cluster":"cq"})",
        R"({"id":1,"op":"finished","clusters":"cq","from":1,"to":2})",
        R"({"id":1,"op":"by_id","cluster":"cq","job_ids":[-1]})", R"({"id":1,"op":"live"})",
        R"({"id":1,"op":"tag","cluster":"cq","job_id":1,"state_number":3,"submit":1,"end":2})"}) {
    EXPECT_FALSE(request_from_json(json::parse(text)).ok()) << text;
  }
}

TEST(ValidText, Table) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain 券 \U0001F600", "plain 券 \U0001F600"},
      {"\xc0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
      {"\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // a surrogate
      {"\xf4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"cut \xe5\x88", "cut \xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (const auto& [text, valid] : cases) {
    EXPECT_EQ(valid_text(text), valid);
    EXPECT_NO_THROW((void)json(valid_text(text)).dump());
  }
}

}  // namespace
}  // namespace sluice::slurm
