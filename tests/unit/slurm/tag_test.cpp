// SPDX-License-Identifier: Apache-2.0
//
// Goal: our tag is found and replaced whatever stands around it, text of others
// survives to the byte, and hostile text costs little. Method: tables.

#include "accounting/slurm/tag.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice::slurm {
namespace {

using nlohmann::json;

TEST(FindTag, ReadsEveryMember) {
  const auto tag = find_tag(
      R"({"sluice":{"v":1,"id":"A7Q","mac":"ff","nonce":"0011","voucher":["CD-2026-0001","CQ-1"],"workload":"training",)"
      R"("site":"hami","quote":"312.40","options":{"voucher":"auto"},"unpriced":true,"charge":"300.10","by_voucher":"180.06",)"
      R"("by_self":"120.04","joules":3600000,"quality":"measured","kgco2_location":"0.57","kgco2_market":"0.00","later":[1]}})");
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->id, "A7Q");
  EXPECT_EQ(tag->mac, "ff");
  EXPECT_EQ(tag->nonce, "0011");
  EXPECT_EQ(tag->vouchers, (std::vector<std::string>{"CD-2026-0001", "CQ-1"}));
  EXPECT_EQ(tag->workload, "training");
  EXPECT_EQ(tag->site, "hami");
  EXPECT_EQ(tag->quote, "312.40");
  EXPECT_TRUE(tag->unpriced);
  EXPECT_EQ(tag->options.at("voucher"), "auto");
  EXPECT_EQ(tag->charge, "300.10");
  EXPECT_EQ(tag->by_voucher, "180.06");
  EXPECT_EQ(tag->by_self, "120.04");
  EXPECT_EQ(tag->joules, 3'600'000);
  EXPECT_EQ(tag->quality, "measured");
  EXPECT_EQ(tag->kgco2_location, "0.57");
  EXPECT_EQ(tag->kgco2_market, "0.00");
  EXPECT_EQ(to_json(*find_tag(json{{"sluice", to_json(*tag)}}.dump())), to_json(*tag));
}

TEST(FindTag, Table) {
  const std::pair<const char*, const char*> cases[] = {
      // text → id, or null where there is no tag
      {"", nullptr},
      {"   ", nullptr},
      {"sluice", nullptr},
      {R"({"sluice":{"id":"a"}})", "a"},
      {R"(  {"sluice":{"id":"a"}}  )", "a"},
      {R"({"other":1,"sluice":{"id":"a"},"more":{"x":"}"}})", "a"},
      {R"({"other":{"sluice":{"id":"a"}}})", nullptr},
      {R"({"\u0073luice":{"id":"a"}})", "a"},
      {R"({"sluice":{"id":"a"},"sluice":{"id":"b"}})", "b"},
      {R"(ticket 42 {"sluice":{"id":"a"}})", "a"},
      {R"({"sluice":{"id":"a"}} ticket 42)", "a"},
      {R"(say "hi" {"sluice":{"id":"a"}} bye)", "a"},
      {R"(an odd " quote {"sluice":{"id":"a"}})", "a"},
      {R"(open { brace {"sluice":{"id":"a"}})", "a"},
      {R"({"x":1} {"y":2,"sluice":{"id":"a"}} [3])", "a"},
      {R"({"sluice":{"id":"a"}} {"sluice":{"id":"b"}})", "b"},
      {R"({"sluice":{"id":"a"}}{"sluice":{"id":"b")", "a"},
      {R"({"sluice":"a"})", nullptr},
      {R"(x {"sluice":["a"]})", nullptr},
      {R"({"sluice":{"id":"a"})", nullptr},
      {R"({sluice:{id:a}})", nullptr},
      {R"({"note":"{\"sluice\":{\"id\":\"a\"}}"})", nullptr},
      {"{`sluice`:{`id`:`a`}}", "a"},
      {"ticket `42` {`sluice`:{`id`:`a`,`voucher`:[`v`]}} x", "a"},
      {"\xff\xfe {\"sluice\":{\"id\":\"a\"}} \xff", "a"},
      {"{\"sluice\":{\"id\":\"\xff\"}}", nullptr},
  };
  for (const auto& [text, id] : cases) {
    const auto tag = find_tag(text);
    if (!id) {
      EXPECT_FALSE(tag) << text;
    } else {
      ASSERT_TRUE(tag) << text;
      EXPECT_EQ(tag->id, id) << text;
    }
  }
}

TEST(FindTag, MembersOfOtherTypesAreAbsent) {
  const auto tag =
      find_tag(R"({"sluice":{"id":7,"mac":null,"voucher":"one","options":{"a":1,"b":"x"},"unpriced":"yes",)"
               R"("joules":-1,"quote":)" +
               json(std::string(2000, '9')).dump() + "}}");
  ASSERT_TRUE(tag);
  EXPECT_FALSE(tag->id);
  EXPECT_FALSE(tag->mac);
  EXPECT_EQ(tag->vouchers, std::vector<std::string>{"one"});
  EXPECT_EQ(tag->options, (std::map<std::string, std::string>{{"b", "x"}}));
  EXPECT_FALSE(tag->unpriced);
  EXPECT_FALSE(tag->joules);
  EXPECT_FALSE(tag->quote);
  EXPECT_FALSE(find_tag(R"({"sluice":{"joules":18446744073709551615}})")->joules);
  EXPECT_TRUE(find_tag(R"({"sluice":{"voucher":[1,"a",{}]}})")->vouchers == std::vector<std::string>{"a"});
}

TEST(WithTag, Table) {
  const json tag = {{"id", "new"}};
  const std::pair<std::string, std::string> cases[] = {
      {"", R"({"sluice":{"id":"new"}})"},
      {" \n", R"({"sluice":{"id":"new"}})"},
      {"ticket 42", R"(ticket 42 {"sluice":{"id":"new"}})"},
      {"ticket 42 ", R"(ticket 42 {"sluice":{"id":"new"}})"},
      {"[1,2]", R"([1,2] {"sluice":{"id":"new"}})"},
      {"{}", R"({"sluice":{"id":"new"}})"},
      {"{ }", R"({"sluice":{"id":"new"} })"},
      {R"({"a":1.50,"b":[1e400]})", R"({"a":1.50,"b":[1e400]} {"sluice":{"id":"new"}})"},
      {R"({"b":1.50, "a":2 } )", R"({"b":1.50, "a":2,"sluice":{"id":"new"} } )"},
      {R"({"sluice":{"id":"old"}})", R"({"sluice":{"id":"new"}})"},
      {R"({"z":"}\"","sluice" : {"id":"old","q":[{}]}, "a":[1,{}]})",
       R"({"z":"}\"","sluice" : {"id":"new"}, "a":[1,{}]})"},
      {R"({"sluice":null,"a":1})", R"({"sluice":{"id":"new"},"a":1})"},
      {R"({"sluice":7})", R"({"sluice":{"id":"new"}})"},
      {R"(ticket 42 {"sluice":{"id":"old"}} done)", R"(ticket 42 {"sluice":{"id":"new"}} done)"},
      {R"(x {"n":1,"sluice":{"id":"old"},"m":2} y)", R"(x {"n":1,"sluice":{"id":"new"},"m":2} y)"},
      {"{`sluice`:{`id`:`old`}}", R"({"sluice":{"id":"new"}})"},
      {"{`a`:`b`,`sluice`:{`id`:`old`}}", R"({"a":"b","sluice":{"id":"new"}})"},
      {"run `date` {`sluice`:{`id`:`old`}} `x`", R"(run `date` {"sluice":{"id":"new"}} `x`)"},
      {"\xb3\xc9 {\"sluice\":{\"id\":\"old\"}}\xff", "\xb3\xc9 {\"sluice\":{\"id\":\"new\"}}\xff"},
      {R"({"sluice":{"id":"old")", R"({"sluice":{"id":"old" {"sluice":{"id":"new"}})"},
  };
  for (const auto& [text, expected] : cases) {
    const auto result = with_tag(text, tag);
    ASSERT_TRUE(result.ok()) << text;
    EXPECT_EQ(*result, expected);
    const auto found = find_tag(*result);
    ASSERT_TRUE(found) << *result;
    EXPECT_EQ(found->id, "new");
    EXPECT_EQ(*with_tag(*result, tag), *result) << "twice is once";
    const TaggedText read = read_tagged(text);
    EXPECT_EQ(*with_tag_text(read, tag.dump()), expected);
    const auto old = find_tag(text);
    ASSERT_EQ(read.tag.has_value(), old.has_value()) << text;
    EXPECT_EQ(old ? to_json(*read.tag) : json{}, old ? to_json(*old) : json{});
  }
}

TEST(WithTag, IsAsciiWhateverItSays) {
  const auto result = with_tag("券 ", json{{"site", "成都"}});
  EXPECT_EQ(*result, R"(券 {"sluice":{"site":"\u6210\u90fd"}})");
  EXPECT_EQ(find_tag(*result)->site, "成都");
}

TEST(WithTag, SizeLimits) {
  const json tag = {{"id", std::string(3'900, 'x')}};
  EXPECT_TRUE(with_tag("", tag).ok());
  const auto too_long = with_tag("", json{{"id", std::string(4'000, 'x')}});
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.failure().code, "tag_too_long");
  EXPECT_TRUE(with_tag(std::string(60'000, 'x'), tag).ok());
  EXPECT_FALSE(with_tag(std::string(65'000, 'x'), tag).ok());
  EXPECT_FALSE(with_tag(std::string(70'000, 'x'), tag).ok());
  EXPECT_FALSE(find_tag(std::string(70'000, ' ') + R"({"sluice":{"id":"a"}})"));
}

std::string repeated(const std::string& piece, std::size_t bytes) {
  std::string text;
  while (text.size() + piece.size() <= bytes) text += piece;
  return text;
}

TEST(HostileText, CostsLittleAndBreaksNothing) {
  const std::string tail = R"({"sluice":{"id":"a"}})";
  for (const char* piece :
       {"{", "[", "\"", "\\", "{\"", "{\"a\":", "}", "{}", "[[", "{\"sluice\":", "{\"sluice\":{", "{\"sluice\":{}",
        "`sluice`", "{`sluice`:{", "\xff", "{\"sluice\"", "[{\"a\":\"}", "{\"\\", "{\"x\" {sluice"}) {
    const std::string text = repeated(piece, 65'000);
    const auto begun = std::chrono::steady_clock::now();
    (void)find_tag(text);
    (void)find_tag(text + tail);
    (void)read_tagged(text);
    const auto result = with_tag(text, json{{"id", "new"}});
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << piece;
    ASSERT_TRUE(result.ok()) << piece;
  }
  // Deep, but valid: nothing may recurse into it.
  const std::string deep = repeated("{\"a\":", 50'000) + "1" + std::string(10'000, '}');
  EXPECT_FALSE(find_tag(deep));
  EXPECT_TRUE(with_tag(deep, json{{"id", "new"}}).ok());
  EXPECT_EQ(find_tag(repeated("[", 40'000) + std::string(20'000, ']') + " " + tail)->id, "a");
}

}  // namespace
}  // namespace sluice::slurm
