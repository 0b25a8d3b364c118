// SPDX-License-Identifier: Apache-2.0
//
// Goal: what users type is taken or refused with what would be right. Method: rows.

#include "plugins/spank/options.hpp"

#include <gtest/gtest.h>

namespace sluice::spank {
namespace {

const OptionRule& rule(std::string_view name) {
  for (const OptionRule& candidate : option_rules()) {
    if (name == candidate.name) return candidate;
  }
  throw std::out_of_range(std::string(name));
}

const std::string id64(64, 'a');
const std::string long_scenario(128, 's');

TEST(Options, TakesWhatIsRight) {
  const std::pair<const char*, std::string> rows[] = {
      {"voucher", "CD-2026-0001"}, {"voucher", "auto"},       {"voucher", "A,B.2,c_3"},     {"voucher", id64},
      {"max-self", "0"},           {"max-self", "20"},        {"max-self", "12.50"},        {"max-self", "0.000001"},
      {"max-self", "999999999999"}, {"workload", "training"}, {"workload", "inference"},    {"workload", "simulation"},
      {"workload", "data"},        {"workload", "interactive"}, {"workload", "other"},      {"scenario", "drug design"},
      {"scenario", "\xe5\x88\xb8"}, {"scenario", long_scenario}, {"place", "local"},        {"place", "auto"},
      {"place", "hami-1"},         {"shift", "30m"},          {"shift", "6h"},              {"shift", "1d"},
      {"shift", "90s"},            {"shift", "1d12h"},        {"shift", "06:00:00"},        {"shift", "2-00:00:00"},
      {"shift", "0m"},             {"stage-in", "/data/a:200G"}, {"stage-in", "/a:b:1.5T"}, {"stage-in", "/a:1024"},
      {"max-rtt", "40"},           {"max-rtt", "0.5"},        {"task-bind", "none"},        {"task-bind", "auto"},
  };
  for (const auto& [name, value] : rows) {
    const auto problem = check_option(rule(name), value);
    EXPECT_FALSE(problem) << name << "=" << value << ": " << *problem;
  }
}

TEST(Options, RefusesWhatIsWrong) {
  const std::string too_long(1025, 'a');
  const std::pair<const char*, std::string> rows[] = {
      {"voucher", ""},           {"voucher", ","},           {"voucher", "A,"},         {"voucher", ",A"},
      {"voucher", "A,,B"},       {"voucher", "A B"},         {"voucher", "A,auto"},     {"voucher", "A,B,A"},
      {"voucher", id64 + "a"},   {"voucher", "\xe5\x88\xb8"}, {"voucher", "A;rm"},      {"voucher", "A\n"},
      {"voucher", too_long},     {"max-self", "-1"},         {"max-self", "1e5"},       {"max-self", "1,50"},
      {"max-self", ".5"},        {"max-self", "5."},         {"max-self", "0.0000001"}, {"max-self", "1000000000000"},
      {"max-self", "+1"},        {"max-self", "1 yuan"},     {"max-self", "inf"},       {"workload", "Training"},
      {"workload", "train"},     {"workload", "data,other"}, {"scenario", " x"},        {"scenario", "x "},
      {"scenario", "a\x1b[0m"},  {"scenario", long_scenario + "s"}, {"place", "a/b"},   {"place", "ha mi"},
      {"place", "."  "\t"},      {"shift", "6"},             {"shift", "h"},            {"shift", "6x"},
      {"shift", "6h6h"},         {"shift", "1h1d"},          {"shift", "-1h"},          {"shift", "1.5h"},
      {"shift", "06:00"},        {"shift", "06:60:00"},      {"shift", "367d"},         {"shift", "99999999s"},
      {"shift", "9999999d"},     {"shift", "1-1-01:00:00"},  {"stage-in", "/data"},     {"stage-in", ":5G"},
      {"stage-in", "data:5G"},   {"stage-in", "/data:"},     {"stage-in", "/data:G"},   {"stage-in", "/data:5X"},
      {"stage-in", "/data:-5"},  {"max-rtt", "-1"},          {"max-rtt", "40ms"},       {"max-rtt", "1234567"},
      {"task-bind", "yes"},      {"task-bind", "AUTO"},
  };
  for (const auto& [name, value] : rows) {
    const auto problem = check_option(rule(name), value);
    ASSERT_TRUE(problem) << name << "=" << value;
    for (const char c : *problem) ASSERT_FALSE(static_cast<unsigned char>(c) < 0x20) << "a message must be harmless: " << *problem;
    EXPECT_TRUE(problem->find("; ") != std::string::npos) << "says what to do: " << *problem;
  }
}

TEST(Options, SaysWhatIsWrongAndWhatWouldBeRight) {
  EXPECT_EQ(check_option(rule("voucher"), "A B"),
            "\"A B\" is no voucher id; an id is 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  EXPECT_EQ(check_option(rule("shift"), "soon"), "\"soon\" is no duration; give such as 30m, 6h, 1d or 06:00:00");
}

TEST(Options, HaveNamesThatTravelAndEnvironmentNames) {
  const std::pair<std::string, std::string> rows[] = {
      {"voucher", "SLUICE_VOUCHER"}, {"max-self", "SLUICE_MAX_SELF"}, {"workload", "SLUICE_WORKLOAD"},
      {"scenario", "SLUICE_SCENARIO"}, {"place", "SLUICE_PLACE"}, {"shift", "SLUICE_SHIFT"},
      {"stage-in", "SLUICE_STAGE_IN"}, {"max-rtt", "SLUICE_MAX_RTT"}, {"task-bind", "SLUICE_TASK_BIND"}};
  EXPECT_EQ(option_rules().size(), std::size(rows));
  for (const auto& [name, environment] : rows) EXPECT_EQ(rule(name).environment, environment);
  EXPECT_EQ(travel_name("max-self"), "_SLURM_SPANK_OPTION_sluice_max_self");
}

TEST(Options, QuoteFormat) {
  EXPECT_FALSE(check_quote_format("json"));
  EXPECT_FALSE(check_quote_format("text"));
  EXPECT_TRUE(check_quote_format("xml"));
}

}  // namespace
}  // namespace sluice::spank
