// SPDX-License-Identifier: Apache-2.0
//
// Goal: a job admitted without an answer carries a pointer, and nobody's comment is
// lost. Method: rows of old comments against the exact new one.

#include "plugins/job_submit/tag.hpp"

#include <gtest/gtest.h>

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {
namespace {

TEST(Tag, PointsWithWhatIsKnown) {
  EXPECT_EQ(outage_tag("", {}, std::nullopt), R"({"sluice":{"v":1,"unpriced":true}})");
  EXPECT_EQ(outage_tag("00ff", {}, std::nullopt), R"({"sluice":{"v":1,"nonce":"00ff","unpriced":true}})");
  EXPECT_EQ(outage_tag("00ff", {{"voucher", "CD-1"}, {"workload", "data"}}, ""),
            R"({"sluice":{"v":1,"nonce":"00ff","options":{"voucher":"CD-1","workload":"data"},"unpriced":true}})");
}

TEST(Tag, KeepsWhatOthersWrote) {
  const struct {
    std::string before;
    std::string after;
  } rows[] = {
      {R"({"ticket":7,"a":[1,{"b":2}]})", R"({"ticket":7,"a":[1,{"b":2}],"sluice":{"v":1,"unpriced":true}})"},
      {R"({"sluice":{"forged":1},"x":1})", R"({"sluice":{"v":1,"unpriced":true},"x":1})"},
      {"ticket 7", R"({"text":"ticket 7","sluice":{"v":1,"unpriced":true}})"},
      {"[1]", R"({"text":"[1]","sluice":{"v":1,"unpriced":true}})"},
      {"{", R"({"text":"{","sluice":{"v":1,"unpriced":true}})"},
      {"{}", R"({"text":"{}","sluice":{"v":1,"unpriced":true}})"},
      {"a\nb", R"({"text":"a\nb","sluice":{"v":1,"unpriced":true}})"},
      {"\xff", "{\"text\":\"\xef\xbf\xbd\",\"sluice\":{\"v\":1,\"unpriced\":true}}"},
  };
  for (const auto& row : rows) EXPECT_EQ(outage_tag("", {}, row.before), row.after) << row.before;
}

TEST(Tag, SurvivesCommentsThatNestDeep) {
  const std::string deep = R"({"a":)" + std::string(20'000, '[') + std::string(20'000, ']') + "}";
  const Json tag = Json::parse(outage_tag("", {}, deep));
  EXPECT_EQ(tag["text"], deep);
}

TEST(Tag, StaysWithinItsLimitAndGivesUpTheVoucherLast) {
  Options options{{"voucher", "CD-1"}};
  for (int i = 0; i < 8; ++i) options.emplace_back(std::string(1, static_cast<char>('a' + i)), std::string(1024, 'x'));
  EXPECT_EQ(outage_tag("", options, std::nullopt), R"({"sluice":{"v":1,"options":{"voucher":"CD-1"},"unpriced":true}})");
  const Options control{{"voucher", std::string(1024, '\x01')}};  // six bytes each in JSON
  EXPECT_EQ(outage_tag("", control, std::nullopt), R"({"sluice":{"v":1,"unpriced":true}})");
  const Options big{{"voucher", std::string(1024, 'v')}, {"scenario", std::string(1024, 's')}, {"place", std::string(1024, 'p')}};
  EXPECT_LE(outage_tag(std::string(32, 'a'), big, std::nullopt).size(), tag_bytes_max);
}

}  // namespace
}  // namespace sluice::job_submit
