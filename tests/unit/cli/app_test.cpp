// SPDX-License-Identifier: Apache-2.0
//
// Goal: every verb has help, refuses what it does not know and prints nothing on stdout
// when it fails. Method: the table of verbs, run in a world without anybody.

#include "accounting/cli/app.hpp"

#include <gtest/gtest.h>

#include "fake_world.hpp"

namespace sluice::cli {
namespace {

std::vector<std::string> words_of(const Verb& verb) {
  std::istringstream stream(verb.name);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// One complaint: a line of the agreed form, and nothing beside it.
void expect_complaint(const test::FakeWorld& world) {
  EXPECT_EQ(world.out.str(), "");
  const std::string said = world.err.str();
  EXPECT_EQ(said.rfind("sluice: ", 0), 0u) << said;
  EXPECT_NE(said.find(": couldn't "), std::string::npos) << said;
  EXPECT_NE(said.find("; "), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST(App, EveryVerbHasHelp) {
  for (const Verb& verb : verbs()) {
    auto words = words_of(verb);
    words.push_back("--help");
    test::FakeWorld world;
    EXPECT_EQ(world.run(words), 0) << verb.name;
    EXPECT_NE(world.out.str().find(verb.summary), std::string::npos) << verb.name;
    EXPECT_NE(world.out.str().find("--json"), std::string::npos) << verb.name;
    EXPECT_EQ(world.err.str(), "");
    EXPECT_TRUE(world.wire.requests.empty());
  }
}

TEST(App, EveryVerbRefusesAnUnknownOption) {
  for (const Verb& verb : verbs()) {
    if (std::string(verb.name) == "quote") continue;  // its options are sbatch's
    auto words = words_of(verb);
    words.push_back("--jsno");
    test::FakeWorld world;
    EXPECT_EQ(world.run(words), 2) << verb.name;
    expect_complaint(world);
    EXPECT_TRUE(world.wire.requests.empty());
  }
}

TEST(App, NobodyThereIsThree) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"balance"}, {"explain", "1"}, {"statement"}, {"refund", "1", "--all", "--reason", "x"},
        {"programme", "show", "p"}, {"programme", "list"}, {"programme", "fund", "p", "--amount", "1", "--document", "d"},
        {"voucher", "show", "v"}, {"voucher", "list"}, {"voucher", "suspend", "v", "--reason", "x"},
        {"voucher", "resume", "v", "--reason", "x"}, {"voucher", "revoke", "v", "--reason", "x"}, {"approve", "PR1"},
        {"approve", "--list"}, {"ledger", "verify"}}) {
    test::FakeWorld world;
    EXPECT_EQ(world.run(words), 3) << words[0];
    expect_complaint(world);
    EXPECT_EQ(world.wire.requests.size(), 1u);
  }
}

TEST(App, ATimeInWordsIsAskedAsAnInstant) {
  test::FakeWorld world;
  world.wire.replies.push_back(Reply{200, "{}"});
  EXPECT_EQ(world.run({"statement", "-S", "today", "-E", "now", "--json"}), 0);
  EXPECT_EQ(world.wire.requests[0].target, "/v1/statement?from=2026-03-09T16:00:00Z&to=2026-03-10T04:05:06Z");
  EXPECT_EQ(world.out.str(), "{}\n");
}

TEST(App, AnAnswerThatCannotBeWrittenIsAFailure) {
  test::FakeWorld world;
  world.out.setstate(std::ios::badbit);
  EXPECT_EQ(world.run({"version"}), 1);
  EXPECT_NE(world.err.str().find("couldn't write the answer"), std::string::npos);
}

TEST(App, NobodysAnswerBreaksAVerb) {
  for (const char* body : {"{}", "{\"proposal\":3}", "{\"refund\":null}", "{\"vouchers\":{},\"accounts\":[3]}",
                           "{\"ok\":\"yes\",\"checks\":[1]}", "{\"lines\":[null]}"}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"balance"}, {"balance", "-P"}, {"explain", "1"}, {"explain", "1", "-P"}, {"statement"},
          {"refund", "1", "--all", "--reason", "x"}, {"programme", "list"}, {"programme", "fund", "p", "--amount", "1", "--document", "d"},
          {"voucher", "show", "v"}, {"voucher", "list"}, {"approve", "PR1"}, {"approve", "--list"}, {"ledger", "verify"},
          {"doctor"}}) {
      test::FakeWorld world;
      world.wire.replies.push_back(Reply{200, body});
      const int status = world.run(words);
      EXPECT_TRUE(status == 0 || status == 3 || (words[0] == "doctor" && status == 1)) << words[0] << " " << body << " " << world.err.str();
    }
  }
}

}  // namespace
}  // namespace sluice::cli
