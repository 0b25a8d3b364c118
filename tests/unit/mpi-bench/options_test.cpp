// SPDX-License-Identifier: Apache-2.0
//
// Goal: what can't be measured is refused with usage and 2. Method: command lines.

#include "mpi-bench/options.hpp"

#include <gtest/gtest.h>

namespace sluice::linkbench {
namespace {

Parsed parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sluice-linkbench");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, DefaultsHold) {
  const Parsed parsed = parse({"latency"});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->sizes_bytes, (std::vector<std::size_t>{0, 8, 1024, 65536}));
  EXPECT_EQ(parsed.options->iterations, 1000u);
  EXPECT_EQ(parsed.options->warm_up, 100u);
}

TEST(Options, AreTakenAsGiven) {
  const Parsed parsed = parse({"latency", "--sizes", "1,2", "--iterations", "3", "--warm-up", "0"});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->sizes_bytes, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(parsed.options->iterations, 3u);
  EXPECT_EQ(parsed.options->warm_up, 0u);
}

TEST(Options, WrongOnesAreRefusedWithUsage) {
  for (const auto& line : std::vector<std::vector<const char*>>{
           {}, {"bandwidth"}, {"latency", "--sizes"}, {"latency", "--sizes", "-1"}, {"latency", "--sizes", "8,x"},
           {"latency", "--sizes", "67108865"}, {"latency", "--iterations", "0"}, {"latency", "--warm-up", "-1"},
           {"latency", "--nothing"}, {"latency", "extra"}}) {
    const Parsed parsed = parse(line);
    EXPECT_FALSE(parsed.options) << (line.empty() ? "" : line.back());
    EXPECT_EQ(parsed.status, 2);
    EXPECT_NE(parsed.text.find("usage: sluice-linkbench"), std::string::npos);
  }
}

TEST(Options, HelpIsNoFailure) {
  for (const auto& line : std::vector<std::vector<const char*>>{{"--help"}, {"latency", "--help"}}) {
    const Parsed parsed = parse(line);
    EXPECT_FALSE(parsed.options);
    EXPECT_EQ(parsed.status, 0);
    EXPECT_NE(parsed.text.find("--sizes"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::linkbench
