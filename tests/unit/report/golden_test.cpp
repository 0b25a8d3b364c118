// SPDX-License-Identifier: Apache-2.0
//
// Goal: texts for people stay as they were read and agreed. Method: golden/NAME.json is
// an answer of the service, golden/NAME.txt its text; each is small enough to read.

#include <gtest/gtest.h>

#include <fstream>

#include "accounting/report/statement.hpp"
#include "accounting/report/text.hpp"
#include "accounting/report/views.hpp"

namespace sluice::report {
namespace {

std::string file_text(const std::string& name) {
  std::ifstream stream(std::string(SLUICE_GOLDEN_DIR "/") + name);
  EXPECT_TRUE(stream) << name;
  return {std::istreambuf_iterator<char>(stream), {}};
}

Json answer(const std::string& name) { return Json::parse(file_text(name + ".json")); }

TEST(Golden, Statement) {
  const Json statement = answer("statement");
  EXPECT_EQ(statement_text(statement, default_fields(statement_fields())), file_text("statement.txt"));
}

TEST(Golden, StatementOfNothing) {
  const Json statement = answer("statement-empty");
  EXPECT_EQ(statement_text(statement, default_fields(statement_fields())), file_text("statement-empty.txt"));
}

TEST(Golden, Balance) { EXPECT_EQ(balance_text(answer("balance")), file_text("balance.txt")); }
TEST(Golden, Explanation) { EXPECT_EQ(explanation_text(answer("explanation")), file_text("explanation.txt")); }
TEST(Golden, Verification) { EXPECT_EQ(verification_text(answer("verification")), file_text("verification.txt")); }

TEST(Golden, EveryLineOfATableIsAlignedByColumnsNotBytes) {
  // The last heading starts in the same column of both heading lines.
  const std::string text = file_text("statement.txt");
  const auto column_before = [&](const std::string& word) {
    const std::size_t at = text.find(word);
    EXPECT_NE(at, std::string::npos);
    const std::size_t line = text.rfind('\n', at) + 1;
    return display_width(text.substr(line, at - line));
  };
  EXPECT_EQ(column_before("算力券\n"), column_before("Voucher\n"));
}

TEST(Views, SurviveAnswersThatLackEverything) {
  for (const char* text : {"{}", R"({"lines":3,"accounts":"x","vouchers":null,"reasons":{},"others":1,"problems":[1]})"}) {
    const Json object = Json::parse(text);
    EXPECT_FALSE(statement_text(object, default_fields(statement_fields())).empty());
    EXPECT_FALSE(balance_text(object).empty());
    EXPECT_FALSE(explanation_text(object).empty());
    EXPECT_FALSE(verification_text(object).empty());
    EXPECT_TRUE(balance_rows(object).is_array());
    EXPECT_EQ(record_text(programme_fields(), object), "");
  }
}

}  // namespace
}  // namespace sluice::report
