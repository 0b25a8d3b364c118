// SPDX-License-Identifier: Apache-2.0
//
// Goal: to find few charges SQLite never reads all of them, however many there are. Method:
// its own plan for each query, on an empty ledger.

#include <gtest/gtest.h>

#include "accounting/ledger/storage/charge_sql.hpp"
#include "accounting/ledger/storage/sqlite_handle.hpp"
#include "accounting/ledger/storage/sqlite_schema.hpp"

namespace sluice::ledger {
namespace {

std::string plan(const ChargeQuery& query) {
  SqliteConnection connection(":memory:");
  connection.run(sqlite_schema);
  SqliteRun steps(connection, "EXPLAIN QUERY PLAN " + charge_sql(query));
  std::string text;
  while (steps.step()) text += steps.text(3) + "\n";
  return text;
}

TEST(ChargeSql, FindsFewChargesByAnIndex) {
  const auto of = [](auto&& change) {
    ChargeQuery query;
    change(query);
    return query;
  };
  const struct {
    const char* what;
    ChargeQuery query;
    const char* index;
  } rows[] = {
      {"a key", of([](auto& q) { q.key = "cq/7/300"; }), "SEARCH charge USING INDEX sqlite_autoindex_charge_1 (key=?)"},
      {"keys", of([](auto& q) { q.keys = {"cq/7/300", "cq/8/300"}; }), "SEARCH charge USING INDEX sqlite_autoindex_charge_1 (key=?)"},
      {"a job", of([](auto& q) { q.job_id = 7; }), "charge_array (array_job_id=?)"},
      {"a job of a cluster", of([](auto& q) { q.job_id = 7; q.cluster = "cq"; }), "charge_job (job_id=?)"},
      {"the end", of([](auto& q) { q.end_from = 1; q.end_to = 2; q.account = "astro"; }), "charge_end (end>? AND end<?)"},
  };
  for (const auto& row : rows) {
    const std::string steps = plan(row.query);
    EXPECT_NE(steps.find(row.index), std::string::npos) << row.what << ":\n" << steps;
    EXPECT_EQ(steps.find("SCAN charge"), std::string::npos) << row.what << ":\n" << steps;
  }
  // The index of these holds nothing else.
  const std::string unrated = plan(of([](auto& q) { q.unrated_only = true; }));
  EXPECT_NE(unrated.find("SCAN charge USING INDEX charge_unrated"), std::string::npos) << unrated;
}

}  // namespace
}  // namespace sluice::ledger
