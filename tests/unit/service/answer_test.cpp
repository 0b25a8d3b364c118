// SPDX-License-Identifier: Apache-2.0
//
// Goal: the answer and the tag are what plugins/job_submit/PROTOCOL.md says, and an
// admission is kept without loss. Method: exact texts; there and back.

#include "accounting/service/answer.hpp"

#include <gtest/gtest.h>

#include "accounting/service/admission.hpp"

namespace sluice::service {
namespace {

TEST(Answer, SaysOnlyWhatIsToBeSet) {
  Answer answer;
  EXPECT_EQ(to_text(answer), R"({"action":"admit","v":1})");
  answer.partition = "ai";
  answer.cluster_features = "wind";
  answer.begin_time = 12;
  answer.admin_comment = "{}";
  answer.lines = {"sluice: 券", "broken \xff"};
  EXPECT_EQ(to_text(answer), R"({"action":"admit","lines":["sluice: 券","broken )"
                             "\xef\xbf\xbd"
                             R"("],"set":{"admin_comment":"{}","begin_time":12,"cluster_features":"wind","partition":"ai"},"v":1})");
  Answer refused;
  refused.admit = false;
  refused.refusal = "voucher_not_yours";
  EXPECT_EQ(to_text(refused), R"({"action":"refuse","reason":"policy","v":1})");
  refused.denied = true;
  EXPECT_EQ(to_text(refused), R"({"action":"refuse","reason":"denied","v":1})");
}

TEST(Answer, ATagPointsAndInFullTells) {
  const TagFacts facts{"A1", "V", "training", "hami", "2.68", true};
  EXPECT_EQ(tag_text(facts, "m", false), R"({"id":"A1","mac":"m","v":1})");
  EXPECT_EQ(tag_text(facts, "m", true),
            R"({"id":"A1","mac":"m","quote":"2.68","site":"hami","unpriced":true,"v":1,"voucher":["V"],"workload":"training"})");
  EXPECT_EQ(tag_text({"A1", {}, {}, {}, {}, false}, "m", true), R"({"id":"A1","mac":"m","v":1})");
  TagFacts settled{"A1", {}, {}, {}, {}, false};
  settled.charge = "0.3";
  settled.by_voucher = "0.2";
  settled.by_self = "0.1";
  EXPECT_EQ(tag_text(settled, "m", true), R"({"by_self":"0.1","by_voucher":"0.2","charge":"0.3","id":"A1","mac":"m","v":1})");
}

TEST(Answer, AMacIsOfOneIdClusterAndUser) {
  const std::string mac = tag_mac("key", "A1", "cq", 6001);
  EXPECT_EQ(mac.size(), 32u);
  EXPECT_EQ(mac, tag_mac("key", "A1", "cq", 6001));
  EXPECT_NE(mac, tag_mac("yek", "A1", "cq", 6001));
  EXPECT_NE(mac, tag_mac("key", "A2", "cq", 6001));
  EXPECT_NE(mac, tag_mac("key", "A1", "hami", 6001));
  EXPECT_NE(mac, tag_mac("key", "A1", "cq", 6002));
}

TEST(Admission, ThereAndBack) {
  Admission a;
  a.id = "A1";
  a.created_at = 5;
  a.cluster = "cq";
  a.target = "hami";
  a.user_id = 6001;
  a.user = "ann";
  a.account = "astro";
  a.partition = "ai";
  a.voucher = "V";
  a.programme = "P";
  a.workload = "w";
  a.scenario = "s";
  a.mode = Mode::enforce;
  a.unpriced = true;
  a.price_book = "00ff";
  a.content_sha256 = "cc";
  a.answer = R"({"admin_comment":"x"})";
  a.quote = {30};
  a.quote_by_voucher = {18};
  a.quote_by_self = {12};
  a.task_quote = {10};
  a.task_by_voucher = {6};
  a.task_by_self = {4};
  a.max_self = Money{5};
  a.tasks_total = 3;
  a.tasks_at_once = 2;
  a.lien_number = 2;
  a.lien_first = {12};
  a.lien_used = true;
  a.tasks_charged = 1;
  a.job_ids = {7, 9};
  a.reasons = {"one", "two"};
  a.closed_because = "done";
  const auto row = to_row(a);
  const auto again = admission_from_row(row);
  ASSERT_TRUE(again.ok()) << again.failure().text;
  EXPECT_EQ(to_row(*again).body, row.body);
  EXPECT_EQ(again->user_id, 6001);
  EXPECT_EQ(again->max_self, Money{5});
  EXPECT_TRUE(again->lien_used);
  EXPECT_EQ(again->lien_id(2), "A1.2");
  auto older = row;
  auto older_body = nlohmann::json::parse(row.body);
  older_body["answer"] = a.answer;  // a text of JSON, as it once was
  older.body = older_body.dump();
  ASSERT_TRUE(admission_from_row(older).ok());
  EXPECT_EQ(to_row(*admission_from_row(older)).body, row.body);
  Admission plain;
  const auto bare = admission_from_row(to_row(plain));
  ASSERT_TRUE(bare.ok());
  EXPECT_FALSE(bare->max_self.has_value());
  auto broken = row;
  broken.body = "{\"target\":1}";
  EXPECT_FALSE(admission_from_row(broken).ok());
  broken.body = "not JSON";
  EXPECT_FALSE(admission_from_row(broken).ok());
}

}  // namespace
}  // namespace sluice::service
