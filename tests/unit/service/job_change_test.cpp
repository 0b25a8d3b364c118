// SPDX-License-Identifier: Apache-2.0
//
// Goal: what a change asks for is read as it is meant, put onto what was asked for before, kept and
// found again in Slurm. Method: tables of texts and jobs, nothing but these functions.

#include "accounting/service/job_change.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::service {
namespace {

using nlohmann::json;
using tariff::JobRequest;

TEST(ChangedJob, IsReadAsScontrolWritesIt) {
  EXPECT_EQ(parse_changed_job("123")->id, 123U);
  EXPECT_EQ(parse_changed_job("123_4")->tasks, "4");
  EXPECT_EQ(parse_changed_job("123_[4-6,9]")->tasks, "4-6,9");
  EXPECT_EQ(parse_changed_job("123_4-6")->id, 123U);
  EXPECT_EQ(parse_changed_job("123+1")->component, 1U);
  for (const char* bad : {"", "0", "x", "123_", "123_x", "123+", "123+x", "123_4+1", "99999999999", "-1", "123 "}) {
    EXPECT_FALSE(parse_changed_job(bad).ok()) << bad;
  }
  EXPECT_FALSE(parse_changed_job("123_" + std::string(5000, '1')).ok());
}

std::string failure(const json& request) {
  const auto read = modify_request_from_text(request.dump());
  return read.ok() ? "ok" : read.failure().text;
}

TEST(ModifyRequest, IsReadOrSaysWhatIsWrong) {
  const json good = {{"v", 1}, {"kind", "modify"}, {"id", "123_4"}, {"job", {{"user_id", 6001}, {"submit_uid", 0}, {"time_limit", 90}, {"end_time", 5}}}};
  const auto read = modify_request_from_text(good.dump());
  ASSERT_TRUE(read.ok()) << read.failure().text;
  EXPECT_EQ(read->submit_uid, 0U);
  EXPECT_EQ(read->changes.time_limit_minutes, 90);
  EXPECT_EQ(read->end_time, 5);
  EXPECT_EQ(read->job.tasks, "4");
  const auto with = [&](const char* pointer, const json& value) {
    json request = good;
    request[json::json_pointer(pointer)] = value;
    return failure(request);
  };
  EXPECT_EQ(with("/v", 2), "v: this service speaks version 1");
  EXPECT_EQ(with("/id", 7), "id: write the job as scontrol names it, such as \"123_4\"");
  EXPECT_EQ(with("/id", "a\nb"), "id: 'a b' names no job; write 123, 123_4-6 or 123+1");
  EXPECT_EQ(with("/job", 7), "job: write an object");
  EXPECT_EQ(with("/job/end_time", -1), "job.end_time: write a time");
  EXPECT_EQ(with("/job/array", "1-5"), "job.array: write how many tasks may run at once");
  EXPECT_EQ(modify_request_from_text(R"({"v":1,"kind":"submit","options":{"kind":"modify"}})").failure().code, not_modify);
  EXPECT_EQ(failure({{"v", 1}, {"kind", "modify"}, {"id", "1"}, {"job", {{"user_id", 1}}}}), "job.submit_uid: is missing");
}

JobRequest job(const json& fields) {
  json whole = fields;
  whole["user_id"] = 6001;
  return tariff::job_request_from_text(whole.dump()).value();
}

TEST(PriceFields, ComeBackAsTheyWere) {
  const json fields = {{"account", "astro"}, {"partition", "ai,cpu"},  {"array", "1-9%3"}, {"time_limit", 60},  {"min_nodes", 1}, {"max_nodes", 2},
                       {"num_tasks", 3},     {"min_cpus", 4},          {"max_cpus", 5},    {"cpus_per_task", 6}, {"ntasks_per_node", 7}, {"pn_min_cpus", 8},
                       {"mem_per_cpu", 9},   {"shared", 0},            {"req_nodes", "n1"}, {"tres_per_job", "gres:gpu:2"}, {"tres_per_node", "a\"b"},
                       {"tres_per_socket", "c"}, {"tres_per_task", "d"}, {"cpus_per_tres", "e"}, {"mem_per_tres", "f"}, {"clusters", "cq"}, {"cluster_features", "w"}};
  const std::string text = price_fields_text(job(fields), "astro");
  EXPECT_EQ(json::parse(text), fields) << "nothing that has a price is left out";
  EXPECT_EQ(price_fields_text(job_from_price_fields(text, 6001).value(), "astro"), text);
  EXPECT_EQ(price_fields_text(job({{"time_limit", "infinite"}, {"name", "train"}, {"qos", "high"}}), "bio"),
            R"({"account":"bio","time_limit":"infinite"})");
}

TEST(WithChanges, PutsWhatIsSetOntoWhatWas) {
  const struct {
    json before, changes, after;
  } rows[] = {{{{"time_limit", 60}}, {{"time_limit", 90}}, {{"time_limit", 90}}},
              {{{"time_limit", 60}}, {{"time_limit", "infinite"}}, {{"time_limit", "infinite"}}},
              {{{"time_limit", "infinite"}}, {{"time_limit", 5}}, {{"time_limit", 5}}},
              {{{"time_limit", 60}}, {{"min_cpus", 4}}, {{"time_limit", 60}, {"min_cpus", 4}}},
              {{{"mem_per_cpu", 9}}, {{"mem_per_node", 100}}, {{"mem_per_node", 100}}},
              {{{"mem_per_node", 9}}, {{"mem_per_cpu", 100}}, {{"mem_per_cpu", 100}}},
              {{{"tres_per_node", "gres:gpu:2"}}, {{"tres_per_node", ""}}, json::object()},
              {{{"partition", "ai"}}, {{"partition", "cpu"}}, {{"partition", "cpu"}}},
              {{{"array", "1-9%3"}}, {{"array", "5"}}, {{"array", "1-9%5"}}},
              {{{"array", "1-9"}}, {{"array", "5"}}, {{"array", "1-9%5"}}},
              {{{"array", "1-9%3"}}, {{"array", "0"}}, {{"array", "1-9"}}},
              {{{"min_cpus", 1}}, {{"array", "5"}}, {{"min_cpus", 1}}}};
  for (const auto& row : rows) {
    EXPECT_EQ(price_fields_text(with_changes(job(row.before), job(row.changes)), "a"), price_fields_text(job(row.after), "a")) << row.changes;
  }
  EXPECT_EQ(with_changes(job({{"account", "a"}}), job({{"account", "b"}})).account, "b");
}

TEST(PendingChange, ComesBackAsItWas) {
  PendingChange change;
  change.asked_at = 5;
  change.tasks = "4-6";
  change.kinds = {ChangeKind::time_limit, ChangeKind::resources};
  change.tres_before = "cpu=1";
  change.limit_before = -1;
  change.before = {"astro", "ai", "cq", Mode::enforce, true, "abc", 3, Money{7}, Money{4}, R"({"account":"astro"})", {{"4-6", 3, Money{9}, Money{5}, "{}"}}};
  change.after = change.before;
  change.after.task_quote = Money{8};
  const PendingChange back = pending_change_from_json(json::parse(to_json(change).dump()));
  EXPECT_EQ(to_json(back), to_json(change));
  EXPECT_EQ(back.after.parts.front().by_voucher, Money{5});
}

TEST(WasMade, ComparesWhatWasAskedWithWhatSlurmHolds) {
  PendingChange change;
  change.tres_before = "cpu=1";
  change.limit_before = 60;
  change.after.asked = R"({"account":"bio","partition":"cpu","time_limit":90})";
  slurm::LiveJob live;
  const auto seen = [&](std::set<ChangeKind> kinds, std::optional<std::int64_t> limit, const char* partition, const char* account, const char* tres) {
    change.kinds = std::move(kinds);
    live.time_limit_minutes = limit;
    live.partition = partition;
    live.account = account;
    live.tres_req = tres;
    return was_made(change, live);
  };
  using enum ChangeKind;
  EXPECT_EQ(seen({time_limit}, 90, "ai", "astro", "cpu=1"), Made::yes);
  EXPECT_EQ(seen({time_limit}, 60, "ai", "astro", "cpu=1"), Made::no);
  EXPECT_EQ(seen({time_limit}, 89, "ai", "astro", "cpu=1"), Made::yes) << "Slurm counts the minutes of an end time in its own way";
  EXPECT_EQ(seen({partition}, 60, "cpu", "astro", "cpu=1"), Made::yes);
  EXPECT_EQ(seen({partition}, 60, "ai", "astro", "cpu=1"), Made::no);
  EXPECT_EQ(seen({account}, 60, "ai", "bio", "cpu=1"), Made::yes);
  EXPECT_EQ(seen({account}, 60, "ai", "astro", "cpu=1"), Made::no);
  EXPECT_EQ(seen({resources}, 60, "ai", "astro", "cpu=2"), Made::yes);
  EXPECT_EQ(seen({resources}, 60, "ai", "astro", "cpu=1"), Made::no);
  EXPECT_EQ(seen({time_limit, partition}, 90, "ai", "astro", "cpu=1"), Made::in_part);
  EXPECT_EQ(seen({time_limit, throttle}, 60, "ai", "astro", "cpu=1"), Made::no);
  EXPECT_EQ(seen({time_limit, throttle}, 90, "ai", "astro", "cpu=1"), Made::yes);
  change.limit_before.reset();
  change.tres_before.clear();
  EXPECT_EQ(seen({time_limit}, 60, "ai", "astro", "cpu=1"), Made::in_part) << "nobody knows what it was before";
  EXPECT_EQ(seen({resources}, 60, "ai", "astro", "cpu=2"), Made::in_part);
}

TEST(WasChangedUnasked, IsDearerOrAnotherAccounts) {
  slurm::LiveJob live;
  live.account = "astro";
  live.time_limit_minutes = 60;
  const auto changed = [&](const json& asked) { return was_changed_unasked(price_fields_text(job(asked), "astro"), live); };
  EXPECT_FALSE(changed({{"time_limit", 60}}));
  EXPECT_FALSE(changed({{"time_limit", 61}})) << "less is charged by its record";
  EXPECT_TRUE(changed({{"time_limit", 59}}));
  EXPECT_FALSE(changed(json::object())) << "the partition's own limit";
  EXPECT_FALSE(changed({{"time_limit", "infinite"}}));
  EXPECT_FALSE(changed({{"req_nodes", R"("time_limit":1)"}}));
  live.time_limit_minutes.reset();
  EXPECT_TRUE(changed({{"time_limit", 59}}));
  EXPECT_FALSE(changed({{"time_limit", "infinite"}}));
  live.account = "bio";
  EXPECT_TRUE(changed({{"time_limit", "infinite"}}));
  live.account = "astr";
  EXPECT_TRUE(changed({{"time_limit", "infinite"}}));
}

}  // namespace
}  // namespace sluice::service
