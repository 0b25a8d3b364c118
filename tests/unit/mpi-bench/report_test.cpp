// SPDX-License-Identifier: Apache-2.0
//
// Goal: a report reads as JSON, context first, and only a whole one says so. Method:
// write one and read it back, and one that was cut short.

#include "mpi-bench/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace sluice::linkbench {
namespace {

using nlohmann::json;

const Context context{"2026-05-04T08:00:00Z", "Some MPI 1.0", {"a", "b\"c"}, 21};

TEST(Report, HoldsContextRowsAndItsEnd) {
  std::ostringstream out;
  Report report(out, context, {{8}, 2, 1});
  report.add({{0, 1}, 8, {2, 1500, 1500, 2500, 2500}, 0});
  report.add({{0, 2}, 8, {2, 1, 1, 2, 2}, 3});
  report.complete();
  const json read = json::parse(out.str());
  EXPECT_EQ(read["bench"], "linkbench latency");
  EXPECT_EQ(read["context"]["hosts"], json({"a", "b\"c"}));
  EXPECT_EQ(read["context"]["clock_step_ns"], 21);
  EXPECT_EQ(read["context"]["warm_up"], 1);
  ASSERT_EQ(read["rows"].size(), 2u);
  EXPECT_EQ(read["rows"][0], (json{{"source", 0}, {"target", 1}, {"bytes", 8}, {"unit", "us"}, {"min", 1.5}, {"p50", 1.5},
                                   {"p99", 2.5}, {"max", 2.5}, {"n", 2}, {"damaged", 0}}));
  EXPECT_EQ(read["rows"][1]["damaged"], 3);
  EXPECT_EQ(read["complete"], true);
  EXPECT_LT(out.str().find("\"context\""), out.str().find("\"rows\""));
}

TEST(Report, CutShortIsNoJson) {
  std::ostringstream out;
  Report report(out, context, {{8}, 2, 1});
  report.add({{0, 1}, 8, {}, 0});
  EXPECT_TRUE(json::parse(out.str(), nullptr, false).is_discarded());
}

}  // namespace
}  // namespace sluice::linkbench
