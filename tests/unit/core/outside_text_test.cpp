// SPDX-License-Identifier: Apache-2.0
//
// Goal: nothing from outside steers a terminal, forges a line of the log or ends the
// stack. Method: rows of text.

#include "accounting/core/outside_text.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Printable, TakesAwayWhatSteers) {
  EXPECT_EQ(printable("plain 文字"), "plain 文字");
  EXPECT_EQ(printable("a\x1b[31mb\nc\td"), "a [31mb c d");
  EXPECT_EQ(printable("a\xc2\x9b" "31m"), "a 31m");                     // C1
  EXPECT_EQ(printable("a\u202Eb\u2066c\u200Fd\u2028e"), "a b c d e");  // directions and separators
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "?????");               // overlong, surrogate
}

TEST(NestsAtMost, CountsBracketsOutsideTexts) {
  const struct {
    const char* json;
    std::size_t depth;
  } rows[] = {{"", 0}, {"1", 0}, {"[]", 1}, {"[{}]", 2}, {"[[],[]]", 2}, {R"({"a":"[[["})", 1}, {R"({"a":"\"[["})", 1}, {"]]]][", 1}, {"[[[", 3}};
  for (const auto& row : rows) {
    EXPECT_TRUE(nests_at_most(row.json, row.depth)) << row.json;
    EXPECT_EQ(nests_at_most(row.json, row.depth - 1), row.depth == 0) << row.json;
  }
}

}  // namespace
}  // namespace sluice
