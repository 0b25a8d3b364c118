// SPDX-License-Identifier: Apache-2.0
//
// Goal: a programme is read as written, or its author is told where it is wrong.
// Method: rows of files and messages; JSON there and back.

#include "accounting/programme/programme.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace sluice {
namespace {

const std::string full = R"(version: 1
programme: cd-2026
name: 高新区算力券
issuer: Chengdu high-tech zone
mode: deduct
share: "0.60"
zone: Asia/Shanghai
valid_from: 2026-01-01
valid_to: 2027-01-01
clusters: [cq, hami]
partitions: ["*"]
eligible_states: [COMPLETED, TIMEOUT]
expiry_to: budget
)";

TEST(Programme, ReadsTheSimpleForm) {
  const auto programme = parse_programme("cd.yaml", full);
  ASSERT_TRUE(programme.ok()) << programme.failure().text;
  EXPECT_EQ(programme->id, "cd-2026");
  EXPECT_EQ(programme->name, "高新区算力券");
  EXPECT_EQ(programme->issuer, "Chengdu high-tech zone");
  EXPECT_EQ(programme->share, Share{600'000});
  EXPECT_EQ(format_time(programme->valid_from, Zone{}), "2026-01-01T00:00:00+08:00");
  EXPECT_EQ(format_time(programme->valid_to, Zone{}), "2027-01-01T00:00:00+08:00");
  EXPECT_EQ(programme->clusters, (std::vector<std::string>{"cq", "hami"}));
  EXPECT_EQ(programme->partitions, (std::vector<std::string>{"*"}));
  EXPECT_EQ(programme->expiry_to, ExpiryTo::budget);
  EXPECT_TRUE(is_state_eligible(*programme, "TIMEOUT"));
  EXPECT_FALSE(is_state_eligible(*programme, "FAILED"));
}

TEST(Programme, WhatMayBeLeftOut) {
  const auto programme = parse_programme(
      "p.yaml", "programme: p\nname: P\nissuer: I\nshare: 1\nvalid_from: 2026-01-01\nexpiry_to: lapsed\n");
  ASSERT_TRUE(programme.ok()) << programme.failure().text;
  EXPECT_EQ(programme->valid_to, time_forever);
  EXPECT_EQ(programme->expiry_to, ExpiryTo::lapsed);
  EXPECT_TRUE(is_state_eligible(*programme, "NODE_FAIL"));
}

TEST(Programme, SaysWhereItIsWrong) {
  struct Row {
    const char* from;
    const char* to;
    const char* message;
  };
  const Row rows[] = {
      {"programme: cd-2026", "programme: cd 2026",
       "cd.yaml:2:12: programme: 'cd 2026': write 1 to 64 letters, digits, '.', '_' and '-'"},
      {"name: 高新区算力券\n", "", "cd.yaml:1:1: name: is missing"},
      {"mode: deduct", "mode: reimburse", "cd.yaml:5:7: mode: 'reimburse': write one of: deduct"},
      {"share: \"0.60\"", "share: 60",
       "cd.yaml:6:8: share: '60': '60' is not a share; write a part of one such as 0.60, from 0 to 1"},
      {"zone: Asia/Shanghai", "zone: Europe/Berlin",
       "cd.yaml:7:7: zone: 'Europe/Berlin': 'Europe/Berlin' is not a known zone; use Asia/Shanghai, Asia/Urumqi, UTC or an "
       "offset such as +08:00"},
      {"valid_to: 2027-01-01", "valid_to: 2026-01-01",
       "cd.yaml:9:11: valid_to: '2026-01-01': ends before it begins; valid_to is exclusive and must be after valid_from"},
      {"TIMEOUT]", "DONE]",
       "cd.yaml:12:18: eligible_states: a list: 'DONE' is not an end state of Slurm; write some of: COMPLETED, CANCELLED, "
       "FAILED, TIMEOUT, NODE_FAIL, PREEMPTED, BOOT_FAIL, DEADLINE, OUT_OF_MEMORY, REQUEUED"},
      {"expiry_to: budget", "expiry_to: nobody", "cd.yaml:13:12: expiry_to: 'nobody': write one of: budget, lapsed"},
      {"expiry_to: budget\n", "", "cd.yaml:1:1: expiry_to: is missing"},
      {"version: 1", "version: 2", "cd.yaml:1:10: version: '2': write a whole number from 1 to 1"},
      {"clusters:", "cluster:",
       "cd.yaml:10:1: cluster: unknown key; known here: clusters, eligible_states, expiry_to, issuer, mode, name, "
       "partitions, programme, share, valid_from, valid_to, version, zone"},
  };
  for (const Row& row : rows) {
    std::string text = full;
    text.replace(text.find(row.from), std::string(row.from).size(), row.to);
    const auto programme = parse_programme("cd.yaml", text);
    EXPECT_EQ(programme.ok() ? "read" : programme.failure().text, row.message);
  }
}

TEST(Programme, JsonThereAndBack) {
  const auto programme = *parse_programme("cd.yaml", full);
  const auto json = to_json(programme);
  EXPECT_EQ(json.at("share"), "0.60");
  EXPECT_EQ(json.at("valid_from"), "2026-01-01T00:00:00+08:00");
  EXPECT_EQ(to_json(programme, Zone{"UTC", 0}).at("valid_from"), "2025-12-31T16:00:00Z");
  const auto again = programme_from_json(json);
  ASSERT_TRUE(again.ok()) << again.failure().text;
  EXPECT_TRUE(*again == programme);
}

TEST(Programme, JsonRefusesRows) {
  struct Row {
    const char* patch;
    const char* message;
  };
  const Row rows[] = {
      {R"({"share": 0.6})", "programme.share: write a text"},
      {R"({"id": "a/b"})", "programme.id: write 1 to 64 letters, digits, '.', '_' and '-'"},
      {R"({"name": null})", "programme.name: write a text"},
      {R"({"clusters": "cq"})", "programme.clusters: write a list of texts"},
      {R"({"clusters": [1]})", "programme.clusters: write a list of texts"},
      {R"({"mode": "gift"})", "programme.mode: write one of: deduct"},
      {R"({"valid_from": 0})", "programme.valid_from: write a text"},
      {R"({"budget": "1"})", "programme.budget: unknown member"},
  };
  for (const Row& row : rows) {
    auto json = to_json(*parse_programme("cd.yaml", full));
    const auto patch = nlohmann::json::parse(row.patch);
    for (const auto& [name, value] : patch.items()) json[name] = value;
    const auto programme = programme_from_json(json);
    EXPECT_EQ(programme.ok() ? "read" : programme.failure().text, row.message);
    if (!programme.ok()) {
      EXPECT_EQ(programme.failure().code, "bad_programme");
    }
  }
  EXPECT_EQ(programme_from_json(nlohmann::json::array()).failure().text, "programme: write an object");
}

TEST(Programme, Ids) {
  for (const char* id : {"a", "CD-2026-0001", "x.y_z", "0"}) EXPECT_TRUE(is_id(id)) << id;
  EXPECT_TRUE(is_id(std::string(64, 'a')));
  EXPECT_FALSE(is_id(std::string(65, 'a')));
  for (const char* id : {"", "a b", "a/b", "a,b", "券", "a\n"}) EXPECT_FALSE(is_id(id)) << id;
}

}  // namespace
}  // namespace sluice
