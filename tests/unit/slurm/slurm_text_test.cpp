// SPDX-License-Identifier: Apache-2.0
//
// Goal: Slurm's notations are read as Slurm means them. Method: tables, with texts as real clusters gave them.

#include "accounting/slurm/slurm_text.hpp"

#include <gtest/gtest.h>

namespace sluice::slurm {
namespace {

const TresNames names = {{1, "cpu"},     {2, "mem"},  {3, "energy"}, {4, "node"},        {5, "billing"},
                         {6, "fs/disk"}, {7, "vmem"}, {8, "pages"},  {1001, "gres/gpu"}, {1002, "gres/gpu:a100"}};

struct TresCase {
  const char* text;
  Tres tres;
  std::optional<std::int64_t> energy;
  bool unknown;
};

TEST(ParseTres, Table) {
  const TresCase cases[] = {
      {"", {}, std::nullopt, false},
      {"1=4,2=4000,4=1,5=4,1001=2,1002=2",
       {{"cpu", 4}, {"mem", 4000}, {"node", 1}, {"billing", 4}, {"gres/gpu", 2}, {"gres/gpu:a100", 2}},
       std::nullopt,
       false},
      {"1=1,3=3600", {{"cpu", 1}}, 3600, false},
      {"1=1,3=0", {{"cpu", 1}}, std::nullopt, false},
      {"1=1,3=18446744073709551614", {{"cpu", 1}}, std::nullopt, false},
      {"1=1,2=18446744073709551613", {{"cpu", 1}}, std::nullopt, false},
      {"1=1,1009=3", {{"cpu", 1}, {"tres/1009", 3}}, std::nullopt, true},
      {"1=,=2,x=1,1=2x,2", {}, std::nullopt, false},
      {",,1=1,,", {{"cpu", 1}}, std::nullopt, false},
      {"1=99999999999999999999999", {}, std::nullopt, false},
      {"1=-1", {}, std::nullopt, false},
  };
  for (const auto& row : cases) {
    const auto reading = parse_tres(row.text, names);
    EXPECT_EQ(reading.tres, row.tres) << row.text;
    EXPECT_EQ(reading.energy_joules, row.energy) << row.text;
    EXPECT_EQ(reading.unknown_id, row.unknown) << row.text;
  }
}

TEST(ParseGres, Table) {
  const std::pair<const char*, Tres> cases[] = {
      {"", {}},
      {"(null)", {}},
      {"gpu", {{"gres/gpu", 1}}},
      {"gpu:4", {{"gres/gpu", 4}}},
      {"gpu:a100", {{"gres/gpu", 1}, {"gres/gpu:a100", 1}}},
      {"gpu:a100:4(S:0)", {{"gres/gpu", 4}, {"gres/gpu:a100", 4}}},
      {"gpu:a100:2(S:0,2),gpu:v100:1(S:1),npu:910b:8",
       {{"gres/gpu", 3}, {"gres/gpu:a100", 2}, {"gres/gpu:v100", 1}, {"gres/npu", 8}, {"gres/npu:910b", 8}}},
      {"bandwidth:lustre:no_consume:4G",
       {{"gres/bandwidth", std::int64_t{4} << 30}, {"gres/bandwidth:lustre", std::int64_t{4} << 30}}},
      {"nic:no_consume:1K", {{"gres/nic", 1024}}},
      {"gpu:99999999999999999G", {{"gres/gpu", 1}, {"gres/gpu:99999999999999999G", 1}}},
      {",,gpu:2,", {{"gres/gpu", 2}}},
      {"gpu:2(S:0", {{"gres/gpu", 2}}},
      {")gpu:2", {{"gres/)gpu", 2}}},
      {":::", {}},
  };
  for (const auto& [text, gres] : cases) EXPECT_EQ(parse_gres(text), gres) << text;
}

TEST(States, Names) {
  const std::pair<std::uint32_t, const char*> cases[] = {
      {0, "PENDING"},     {1, "RUNNING"},       {3, "COMPLETED"},      {4, "CANCELLED"},
      {5, "FAILED"},      {6, "TIMEOUT"},       {7, "NODE_FAIL"},      {8, "PREEMPTED"},
      {9, "BOOT_FAIL"},   {10, "DEADLINE"},     {11, "OUT_OF_MEMORY"}, {1024, "REQUEUED"},
      {8192, "RESIZING"}, {0x80000, "REVOKED"}, {0x80004, "REVOKED"},  {77, "STATE_77"},
  };
  for (const auto& [number, name] : cases) EXPECT_EQ(state_name(number), name);
  EXPECT_EQ(base_state_name(0x80001), "RUNNING");
  EXPECT_EQ(base_state_name(0x8003), "COMPLETED") << "COMPLETING";
  for (std::uint32_t base = 0; base < 20; ++base) EXPECT_EQ(is_end_state(base | 0x8000), base >= 3 && base <= 11);
}

}  // namespace
}  // namespace sluice::slurm
