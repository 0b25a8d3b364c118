// SPDX-License-Identifier: Apache-2.0
//
// Goal: usage times price to the last 1e-6, each device once, never free by
// accident. Method: rows; random usage against exact arithmetic in thousandths.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "accounting/tariff/price_book.hpp"

namespace sluice::tariff {
namespace {

PriceRow row_of(const std::map<std::string, const char*>& prices) {
  PriceRow row;
  for (const auto& [name, price] : prices) row.per_hour[name] = *parse_money(price);
  return row;
}

TEST(Rate, Rows) {
  const PriceRow both =
      row_of({{"cpu", "0.10"}, {"mem_gb", "0.01"}, {"node", "0"}, {"gres/gpu", "8.00"}, {"gres/gpu:a100", "12.00"}});
  const PriceRow only_types = row_of({{"cpu", "0.10"}, {"gres/gpu:a100", "12.00"}});
  const PriceRow only_cpu = row_of({{"cpu", "0.10"}});
  const PriceRow others = row_of({{"billing", "0.5"}, {"node", "2"}, {"license/matlab", "3"}, {"gres/npu", "4"}});
  struct Row {
    const char* what;
    const PriceRow& prices;
    slurm::Tres tres;
    std::int64_t seconds;
    const char* answer;
  };
  const Row rows[] = {
      {"one CPU hour", both, {{"cpu", 1}}, 3600, "0.100000"},
      {"nothing used", both, {}, 3600, "0.000000"},
      {"no time", both, {{"cpu", 64}, {"gres/gpu", 8}}, 0, "0.000000"},
      {"one CPU second, rounded down", both, {{"cpu", 1}}, 1, "0.000028"},
      {"memory is per GB of 1,024 MB", both, {{"mem", 4096}}, 3600, "0.040000"},
      {"a part of a GB", both, {{"mem", 1}}, 3600, "0.000010"},  // 9.765625e-6
      {"a tie goes to the even digit", row_of({{"cpu", "0.000001"}}), {{"cpu", 1}}, 1800, "0.000000"},
      {"and up where that is even", row_of({{"cpu", "0.000001"}}), {{"cpu", 3}}, 1800, "0.000002"},
      {"rounded once, not per TRES", row_of({{"cpu", "0.000001"}, {"node", "0.000001"}}), {{"cpu", 1}, {"node", 1}}, 1800,
       "0.000001"},
      {"a typed GPU at its own price only", both, {{"gres/gpu", 2}, {"gres/gpu:a100", 2}}, 3600, "24.000000"},
      {"an untyped GPU", both, {{"gres/gpu", 2}}, 3600, "16.000000"},
      {"a type without a price of its own", both, {{"gres/gpu", 2}, {"gres/gpu:v100", 2}}, 3600, "16.000000"},
      {"both kinds in one job", both, {{"gres/gpu", 5}, {"gres/gpu:a100", 2}, {"gres/gpu:v100", 3}}, 3600, "48.000000"},
      {"typed, the rest unnamed", both, {{"gres/gpu", 3}, {"gres/gpu:a100", 2}}, 3600, "32.000000"},
      {"only the types are accounted", both, {{"gres/gpu:a100", 2}, {"gres/gpu:v100", 1}}, 3600, "32.000000"},
      {"types priced, the type known", only_types, {{"gres/gpu", 2}, {"gres/gpu:a100", 2}}, 3600, "24.000000"},
      {"types priced, the type unknown", only_types, {{"cpu", 1}, {"gres/gpu", 2}}, 3600, "0.100000 unpriced gres/gpu"},
      {"types priced, another type", only_types, {{"gres/gpu", 2}, {"gres/gpu:v100", 2}}, 3600,
       "0.000000 unpriced gres/gpu:v100"},
      {"types priced, one is not", only_types, {{"gres/gpu", 3}, {"gres/gpu:a100", 2}, {"gres/gpu:v100", 1}}, 3600,
       "24.000000 unpriced gres/gpu:v100"},
      {"types priced, one unnamed", only_types, {{"gres/gpu", 4}, {"gres/gpu:a100", 2}, {"gres/gpu:v100", 1}}, 3600,
       "24.000000 unpriced gres/gpu:v100 gres/gpu"},
      {"no GPU price at all", only_cpu, {{"cpu", 4}, {"gres/gpu", 1}, {"gres/gpu:a100", 1}}, 3600,
       "0.400000 unpriced gres/gpu:a100"},
      {"other devices aren't free either", only_cpu, {{"cpu", 4}, {"gres/npu", 8}}, 3600, "0.400000 unpriced gres/npu"},
      {"no device used", only_cpu, {{"cpu", 4}, {"gres/gpu", 0}, {"gres/gpu:a100", 0}}, 3600, "0.400000"},
      {"a device given away", row_of({{"gres/gpu", "0"}}), {{"gres/gpu", 8}}, 3600, "0.000000"},
      {"memory and nodes without a price cost nothing", only_cpu, {{"cpu", 4}, {"mem", 1024}, {"node", 1}, {"billing", 9}},
       3600, "0.400000"},
      {"billing, nodes, licences, other devices", others,
       {{"billing", 10}, {"node", 2}, {"license/matlab", 1}, {"gres/npu", 3}}, 3600, "24.000000"},
      {"negative time", both, {{"cpu", 1}}, -1, "bad_usage"},
      {"a negative count", both, {{"cpu", -1}}, 1, "bad_usage"},
      {"beyond an amount", row_of({{"cpu", "9000000000000"}}), {{"cpu", 2}}, 3600, "amount_too_large"},
      {"beyond 128 bit", row_of({{"cpu", "9000000000000"}}), {{"cpu", INT64_MAX}}, INT64_MAX, "amount_too_large"},
      {"beyond 64 bit on the way only", row_of({{"cpu", "0.000001"}}), {{"cpu", INT64_MAX}}, 3600, "9223372036854.775807"},
  };
  for (const Row& row : rows) {
    const auto rated = rate(row.prices, row.tres, row.seconds);
    std::string answer = rated.ok() ? format_money(rated->amount) : rated.failure().code;
    if (rated.ok() && !rated->unpriced.empty()) {
      answer += " unpriced";
      for (const auto& name : rated->unpriced) answer += " " + name;
    }
    EXPECT_EQ(answer, row.answer) << row.what;
  }
}

TEST(Rate, TheWorkedExampleOfPriceBookMd) {
  const auto book = parse_price_book("cq.yaml", R"(
price_book: cq-2026
currency: CNY
zone: Asia/Shanghai
prices:
  - {cluster: cq, partition: ai, from: 2026-01-01, to: 2027-01-01,
     per_hour: {cpu: "0.10", mem_gb: "0.01", gres/gpu: "8.00", "gres/gpu:a100": "12.00"}}
)");
  ASSERT_TRUE(book.ok()) << book.failure().text;
  const PriceRow& row = *book->find("cq", "ai", *parse_time("2026-06-01", book->zone()));
  const slurm::Tres tres = {{"cpu", 16}, {"mem", 65'536}, {"node", 1}, {"gres/gpu", 3}, {"gres/gpu:a100", 2}};
  EXPECT_EQ(format_money(rate(row, tres, 1000)->amount), "9.511111");
}

RC_GTEST_PROP(Rate, AgreesWithPlainArithmetic, ()) {
  const auto cpu_price = *rc::gen::inRange<std::int64_t>(0, 100'000'000);
  const auto mem_price = *rc::gen::inRange<std::int64_t>(0, 100'000'000);
  const auto cpus = *rc::gen::inRange<std::int64_t>(0, 100'000);
  const auto mem = *rc::gen::inRange<std::int64_t>(0, 10'000'000);
  const auto seconds = *rc::gen::inRange<std::int64_t>(0, 10'000'000);
  PriceRow row;
  row.per_hour = {{"cpu", Money{cpu_price}}, {"mem_gb", Money{mem_price}}};
  const auto rated = rate(row, {{"cpu", cpus}, {"mem", mem}}, seconds);
  const Int128 exact = (static_cast<Int128>(cpu_price) * cpus * 1024 + static_cast<Int128>(mem_price) * mem) * seconds;
  RC_ASSERT(rated.ok());
  // Within half a unit of the exact quotient.
  const Int128 error = static_cast<Int128>(rated->amount.micro) * 1024 * 3600 - exact;
  RC_ASSERT(error * 2 <= 1024 * 3600);
  RC_ASSERT(error * 2 >= -1024 * 3600);
}

RC_GTEST_PROP(Rate, NoDeviceIsPaidTwiceOrNotAtAll, ()) {
  const auto a100 = *rc::gen::inRange<std::int64_t>(0, 100);
  const auto v100 = *rc::gen::inRange<std::int64_t>(0, 100);
  const auto unnamed = *rc::gen::inRange<std::int64_t>(0, 100);
  const bool a100_priced = *rc::gen::arbitrary<bool>();
  const bool v100_priced = *rc::gen::arbitrary<bool>();
  PriceRow row;
  row.per_hour = {{"gres/gpu", Money{1'000'000}}};
  if (a100_priced) row.per_hour["gres/gpu:a100"] = Money{1'000'000};
  if (v100_priced) row.per_hour["gres/gpu:v100"] = Money{1'000'000};
  const auto rated = rate(
      row, {{"gres/gpu", a100 + v100 + unnamed}, {"gres/gpu:a100", a100}, {"gres/gpu:v100", v100}}, 3600);
  RC_ASSERT(rated->amount.micro == (a100 + v100 + unnamed) * 1'000'000);
  RC_ASSERT(rated->unpriced.empty());
}

}  // namespace
}  // namespace sluice::tariff
