// SPDX-License-Identifier: Apache-2.0
//
// Goal: only a whole, valid answer is applied; nothing that a broken or hostile
// service sends can harm slurmctld or a terminal. Method: rows of texts.

#include "plugins/job_submit/answer.hpp"

#include <gtest/gtest.h>

#include "plugins/job_submit/json_limits.hpp"

namespace sluice::job_submit {
namespace {

std::string why_not(std::string_view body) {
  const auto read = read_answer(body);
  const auto* unreadable = std::get_if<Unreadable>(&read);
  return unreadable == nullptr ? "" : unreadable->why;
}

Answer good(std::string_view body) {
  const auto read = read_answer(body);
  if (const auto* unreadable = std::get_if<Unreadable>(&read)) {
    ADD_FAILURE() << unreadable->why << " in " << body.substr(0, 200);
    return {};
  }
  return std::get<Answer>(read);
}

TEST(Answer, ReadsTheWorkedExample) {
  const Answer answer = good(R"({"v":1,"action":"admit",
    "set":{"cluster_features":"chongqing","partition":"ai","begin_time":1767225600,
           "admin_comment":"{\"sluice\":{\"v\":1,\"id\":\"A7Q\"}}"},
    "lines":["sluice: up to 2.68 yuan: voucher CD-2026-0001 pays 1.60, you pay 1.08"]})");
  EXPECT_EQ(answer.action, Answer::Action::admit);
  EXPECT_EQ(answer.cluster_features, "chongqing");
  EXPECT_EQ(answer.partition, "ai");
  EXPECT_EQ(answer.begin_time, 1767225600);
  EXPECT_EQ(answer.admin_comment, R"({"sluice":{"v":1,"id":"A7Q"}})");
  EXPECT_EQ(answer.lines.size(), 1U);
}

TEST(Answer, ReadsRefusals) {
  const struct {
    const char* body;
    Answer::Reason reason;
    std::size_t lines;
  } rows[] = {
      {R"({"v":1,"action":"refuse","reason":"policy","lines":["a","b"]})", Answer::Reason::policy, 2},
      {R"({"v":1,"action":"refuse","reason":"denied","lines":["a"]})", Answer::Reason::denied, 1},
      {R"({"v":1,"action":"refuse","reason":"something later","lines":["a"]})", Answer::Reason::policy, 1},
      {R"({"v":1,"action":"refuse"})", Answer::Reason::policy, 1},  // a line is made up: silence helps nobody
  };
  for (const auto& row : rows) {
    const Answer answer = good(row.body);
    EXPECT_EQ(answer.action, Answer::Action::refuse) << row.body;
    EXPECT_EQ(answer.reason, row.reason) << row.body;
    EXPECT_EQ(answer.lines.size(), row.lines) << row.body;
  }
}

TEST(Answer, IgnoresMembersItDoesNotKnow) {
  const Answer answer = good(R"({"later":{"a":[1,2]},"v":1,"action":"admit","set":{"comment":7},"lines":[]})");
  EXPECT_FALSE(answer.partition || answer.cluster_features || answer.admin_comment || answer.begin_time);
}

TEST(Answer, TakesNothingThatIsNotWhole) {
  const std::string rows[] = {
      "",
      " ",
      "null",
      "1",
      "[]",
      "\"admit\"",
      "{",
      "{}",
      R"({"v":1})",
      R"({"v":2,"action":"admit"})",
      R"({"v":1.0,"action":"admit"})",
      R"({"v":"1","action":"admit"})",
      R"({"action":"admit"})",
      R"({"v":1,"action":"ADMIT"})",
      R"({"v":1,"action":true})",
      R"({"v":1,"action":"admit"} trailing)",
      R"({"v":1,"action":"admit","reason":1})",
      R"({"v":1,"action":"admit","set":[]})",
      R"({"v":1,"action":"admit","set":{"partition":1}})",
      R"({"v":1,"action":"admit","set":{"partition":""}})",
      R"({"v":1,"action":"admit","set":{"partition":null}})",
      R"({"v":1,"action":"admit","set":{"partition":"a\u0000b"}})",
      R"({"v":1,"action":"admit","set":{"partition":"a\nb"}})",
      R"({"v":1,"action":"admit","set":{"admin_comment":"a\u0000b"}})",
      R"({"v":1,"action":"admit","set":{"begin_time":-1}})",
      R"({"v":1,"action":"admit","set":{"begin_time":0}})",
      R"({"v":1,"action":"admit","set":{"begin_time":1.5}})",
      R"({"v":1,"action":"admit","set":{"begin_time":4294967294}})",
      R"({"v":1,"action":"admit","set":{"begin_time":18446744073709551615}})",
      R"({"v":1,"action":"admit","set":{"begin_time":1e300}})",
      R"({"v":1,"action":"admit","set":{"begin_time":"soon"}})",
      R"({"v":1,"action":"admit","lines":"one"})",
      R"({"v":1,"action":"admit","lines":[1]})",
      R"({"v":1,"action":"admit","lines":["a",["b"]]})",
      "{\"v\":1,\"action\":\"admit\",\"lines\":[\"\xff\xfe\"]}",
      std::string("{\"v\":1,\"action\":\"admit\"}\0", 25),
      std::string(1000, '\0'),
      "<html>502 Bad Gateway</html>",
  };
  for (const std::string& row : rows) EXPECT_NE(why_not(row), "") << row;
}

TEST(Answer, HasLimitsOfSizeAndDepth) {
  EXPECT_NE(why_not(std::string(10'000'000, '[')), "");
  EXPECT_NE(why_not(std::string(10'000'000, 'x')), "");
  EXPECT_NE(why_not(R"({"v":1,"action":"admit","x":)" + std::string(30'000, '[') + std::string(30'000, ']') + "}"), "");
  EXPECT_EQ(why_not(R"({"v":1,"action":"admit","x":[[[[1]]]]})"), "");
  EXPECT_EQ(why_not(R"({"v":1,"action":"admit","x":")" + std::string(300, '[') + R"(\"[["})"), "") << "brackets in text don't nest";

  const auto with = [](const char* name, std::size_t bytes) {
    return R"({"v":1,"action":"admit","set":{")" + std::string(name) + R"(":")" + std::string(bytes, 'x') + R"("}})";
  };
  EXPECT_EQ(why_not(with("admin_comment", 4096)), "");
  EXPECT_NE(why_not(with("admin_comment", 4097)), "");
  EXPECT_EQ(why_not(with("partition", 1024)), "");
  EXPECT_NE(why_not(with("partition", 1025)), "");
  EXPECT_NE(why_not(with("cluster_features", 1025)), "");
}

TEST(Answer, KeepsSeveralLinesInAnAdminComment) {
  EXPECT_EQ(good(R"({"v":1,"action":"admit","set":{"admin_comment":"ours\ntheirs"}})").admin_comment, "ours\ntheirs");
}

TEST(Answer, MakesLinesFitForATerminal) {
  const Answer answer = good(
      "{\"v\":1,\"action\":\"admit\",\"lines\":[\"a\\u001b[31mred\\nnext\\u007f\\u009b\",\"\\u0001\",\"\",\"\xe5\x88\xb8\"]}");
  ASSERT_EQ(answer.lines.size(), 2U) << "lines that come out empty are dropped, as Slurm would";
  EXPECT_EQ(answer.lines[0], "a[31mrednext");
  EXPECT_EQ(answer.lines[1], "\xe5\x88\xb8");
}

TEST(Answer, CutsLinesAtACharacterAndTakesSixteen) {
  std::string body = R"({"v":1,"action":"admit","lines":[")" + std::string(511, 'a') + "\xe5\x88\xb8" + "\"";
  for (int i = 0; i < 40; ++i) body += ",\"l\"";
  const Answer answer = good(body + "]}");
  EXPECT_EQ(answer.lines.size(), 16U);
  EXPECT_EQ(answer.lines[0], std::string(511, 'a'));
}

TEST(Answer, LeavesTheJsonOfAQuoteWhole) {
  const std::string quote = "sluice-quote: " + std::string(4096 - 14, 'q');
  const Answer answer = good(R"({"v":1,"action":"admit","lines":[")" + quote + R"(",")" + quote + R"(q"," )" + quote + "\"]}");
  ASSERT_EQ(answer.lines.size(), 3U);
  EXPECT_EQ(answer.lines[0], quote);
  EXPECT_EQ(answer.lines[1], quote) << "that is long enough for any";
  EXPECT_EQ(answer.lines[2], (" " + quote).substr(0, 512)) << "no quote, as it doesn't begin as one";
}

TEST(JsonLimits, CutText) {
  EXPECT_EQ(cut_text("abc", 3), "abc");
  EXPECT_EQ(cut_text("abc", 2), "ab");
  EXPECT_EQ(cut_text("a\xe5\x88\xb8", 3), "a");
  EXPECT_EQ(cut_text("\x80\x80\x80", 2), "") << "nothing but continuation bytes";
}

}  // namespace
}  // namespace sluice::job_submit
