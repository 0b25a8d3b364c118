// SPDX-License-Identifier: Apache-2.0
//
// Goal: every way in which sbatch of 22.05 to 26.05 writes devices is understood.
// Method: rows.

#include "accounting/tariff/tres_request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::tariff {
namespace {

TEST(TresRequest, Rows) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "gpu:t" + std::to_string(i) + ",";
  struct Row {
    std::string text;
    const char* answer;
  };
  const Row rows[] = {
      {"", ""},
      {"gres:gpu:2", "gres/gpu=2"},
      {"gres/gpu:2", "gres/gpu=2"},
      {"gpu:2", "gres/gpu=2"},
      {"gpu=2", "gres/gpu=2"},
      {"gres/gpu=2", "gres/gpu=2"},
      {"gpu", "gres/gpu=1"},
      {"gres:gpu", "gres/gpu=1"},
      {"gres:gpu:a100:2", "gres/gpu:a100=2"},
      {"gres/gpu:a100=2", "gres/gpu:a100=2"},
      {"gpu:a100", "gres/gpu:a100=1"},
      {"gpu:1080ti", "gres/gpu:1080ti=1"},
      {"gpu:1g.5gb:3", "gres/gpu:1g.5gb=3"},
      {"gpu:2K", "gres/gpu=2048"},
      {"shard:1m", "gres/shard=1048576"},
      {"gpu:0", "gres/gpu=0"},
      {"gres:gpu:2,gres:npu:4", "gres/gpu=2 gres/npu=4"},
      {"gpu:a100:1,gpu:v100:2,gpu:a100:3", "gres/gpu:a100=4 gres/gpu:v100=2"},
      {"cpu:4", "cpu=4"},
      {"cpu=4,gres/gpu=1", "cpu=4 gres/gpu=1"},
      {"license/matlab:2", "license/matlab=2"},
      {"license:fluent@db=1", "license/fluent@db=1"},
      {"none", ""},
      {"gres:none", ""},
      {"bb/cray:10", ""},
      {"gpu:-1", "bad_tres"},
      {"gpu:", "bad_tres"},
      {":2", "bad_tres"},
      {"gpu::2", "bad_tres"},
      {"gpu=x", "bad_tres"},
      {"gpu:a:b:2", "bad_tres"},
      {"gpu 2", "bad_tres"},
      {"gpu:2,,npu:1", "bad_tres"},
      {many, "bad_tres"},
      {"gpu:9999999P", "gres/gpu:9999999P=1"},  // too large for a count, so a type: no such device
  };
  for (const Row& row : rows) {
    const auto tres = parse_tres_request(row.text);
    std::string answer = tres.ok() ? "" : tres.failure().code;
    if (tres.ok()) {
      for (const auto& [name, count] : *tres) {
        answer += (answer.empty() ? "" : " ") + name + "=" + std::to_string(count);
      }
    }
    EXPECT_EQ(answer, row.answer) << row.text.substr(0, 40);
  }
}

}  // namespace
}  // namespace sluice::tariff
