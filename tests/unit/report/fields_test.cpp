// SPDX-License-Identifier: Apache-2.0
//
// Goal: fields find and write values in the same way everywhere. Method: one object,
// rows of field and text.

#include "accounting/report/fields.hpp"

#include <gtest/gtest.h>

namespace sluice::report {
namespace {

const Json object = Json::parse(R"({"id":"V1","count":7,"gone":null,"yes":true,"list":["a","b"],
  "charge":{"amount":"12.5","elapsed":93784},"total":"12.345","at":"2026-01-31T08:00:00+08:00",
  "midnight":"2026-01-31T00:00:00+08:00","not_money":"n/a","huge":-5,
  "tres":{"cpu":8,"gres/gpu":2}})");

std::string shown(Kind kind, const char* path, bool for_people = true) {
  const Field field{"name", "Name", "", kind, path};
  return field_text(field, object, for_people);
}

TEST(FieldText, WritesEachKind) {
  EXPECT_EQ(shown(Kind::text, "id"), "V1");
  EXPECT_EQ(shown(Kind::text, "count"), "7");
  EXPECT_EQ(shown(Kind::text, "gone"), "");
  EXPECT_EQ(shown(Kind::text, "absent.deeper"), "");
  EXPECT_EQ(shown(Kind::text, "id.deeper"), "");
  EXPECT_EQ(shown(Kind::text, "yes"), "yes");
  EXPECT_EQ(shown(Kind::list, "list"), "a,b");
  EXPECT_EQ(shown(Kind::text, "tres"), "cpu=8,gres/gpu=2");
  EXPECT_EQ(shown(Kind::money, "charge.amount"), "12.500000");
  EXPECT_EQ(shown(Kind::money, "count"), "7");
  EXPECT_EQ(shown(Kind::money, "not_money"), "n/a");
  EXPECT_EQ(shown(Kind::total, "total"), "12.34");  // half-even
  EXPECT_EQ(shown(Kind::elapsed, "charge.elapsed"), "1-02:03:04");
  EXPECT_EQ(shown(Kind::elapsed, "count"), "00:00:07");
  EXPECT_EQ(shown(Kind::elapsed, "huge"), "-5");
  EXPECT_EQ(shown(Kind::time, "at"), "2026-01-31T08:00:00");
  EXPECT_EQ(shown(Kind::day, "at"), "2026-01-31T08:00:00");
  EXPECT_EQ(shown(Kind::day, "midnight"), "2026-01-31");
}

TEST(FieldText, KeepsWhatProgramsRead) {
  EXPECT_EQ(shown(Kind::elapsed, "charge.elapsed", false), "93784");
  EXPECT_EQ(shown(Kind::day, "midnight", false), "2026-01-31T00:00:00+08:00");
}

constexpr Field fields[] = {{"job_id", "Job", "", Kind::text, "id"}, {"charge", "Charge", "", Kind::money, "charge.amount", false}};

TEST(SelectFields, IgnoresCaseAndUnderscores) {
  const auto chosen = select_fields(fields, "Charge,JOBID");
  ASSERT_TRUE(chosen.ok());
  ASSERT_EQ(chosen->size(), 2u);
  EXPECT_EQ((*chosen)[0], &fields[1]);
  EXPECT_EQ(select_fields(fields, "all")->size(), 2u);
  EXPECT_EQ(default_fields(fields).size(), 1u);
  for (const char* wrong : {"", "charge,", ",charge", "price", "charge,,job_id"}) {
    EXPECT_FALSE(select_fields(fields, wrong).ok()) << wrong;
  }
}

TEST(ParsableText, HasOneSeparatorMeaningOneThing) {
  const Json rows = Json::parse(R"([{"id":"a|b\nc","charge":{"amount":"1"}},{}])");
  EXPECT_EQ(parsable_text(select_fields(fields, "all").value(), rows), "job_id|charge\na b c|1.000000\n|\n");
}

}  // namespace
}  // namespace sluice::report
