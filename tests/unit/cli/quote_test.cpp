// SPDX-License-Identifier: Apache-2.0
//
// Goal: sluice quote ends with 1 where the job would be refused, whatever a sibling of
// the federation says, and names the reason. Method: sbatch's words as Slurm 22.05 writes them.

#include <gtest/gtest.h>

#include "fake_world.hpp"

namespace sluice::test {
namespace {

std::string quote(const std::string& asked, const std::string& more) {
  const bool home = asked == "cq";
  nlohmann::json object = {{"asked", asked},     {"role", home ? "home" : "site"}, {"mode", "enforce"},
                           {"declined", !home},  {"cluster", asked},               {"partition", home ? "super" : "npu"},
                           {"account", "astro"}, {"amount", home ? "0.63" : "0.32"}, {"unpriced", false},
                           {"refusals", nlohmann::json::array()}};
  object.update(nlohmann::json::parse(more));
  return "sluice-quote: " + object.dump() + "\n";
}

const std::string sibling_gives_way = "sbatch: error: " + quote("hami", "{}");
const std::string estimate = "sbatch: Job 12 to start at 2026-03-02T09:00:00 using 1 processors on nodes n1 in partition super\n";
const cli::Finished config_of_cq{0, "Configuration data as of now\nClusterName             = cq\n", ""};

class Quote : public testing::Test {
 protected:
  FakeWorld world;
  void SetUp() override { world.programs["scontrol"] = {config_of_cq}; }
};

TEST_F(Quote, OfHomeAndItsEstimate) {
  world.programs["sbatch"] = {{0, "", sibling_gives_way + "sbatch: " + quote("cq", "{}") + estimate}};
  EXPECT_EQ(world.run({"quote", "job.sh"}), 0);
  EXPECT_EQ(world.out.str(), "up to 0.63 yuan on cq/super, paid by account astro\n" + estimate.substr(8));
  EXPECT_EQ(world.err.str(), "");
  ASSERT_EQ(world.ran.size(), 2u);
  EXPECT_EQ(world.ran[0].environment, (std::vector<std::pair<std::string, std::string>>{{"SLUICE_QUOTE", "json"}}));
}

TEST_F(Quote, HomesRefusalDecidesThoughASiblingWouldTakeIt) {
  const std::string refused = quote("cq", R"({"refusals":[{"code":"voucher_unknown","text":"there is no voucher X; see: sluice voucher list"},
                                                         {"code":"other","text":"and more; so"}]})");
  world.programs["sbatch"] = {{0, "", "sbatch: error: " + refused + "sbatch: " + quote("hami", "{}") + estimate}};
  EXPECT_EQ(world.run({"quote", "--voucher=X", "job.sh"}), 1);
  EXPECT_EQ(world.out.str(), "");
  EXPECT_EQ(world.err.str(), "sluice: quote: couldn't quote the job: there is no voucher X; see: sluice voucher list; also: and more; so\n");
  EXPECT_EQ(world.run({"quote", "--json", "--voucher=X", "job.sh"}), 1);
  const auto shown = nlohmann::json::parse(world.out.str());
  EXPECT_EQ(shown["refused"], true);
  EXPECT_EQ(shown["quotes"].size(), 2u);
}

TEST_F(Quote, AskedAgainAloneWhereSlurmItselfRefuses) {
  const cli::Finished masked{1, "", "sbatch: error: " + quote("cq", "{}") + sibling_gives_way +
                                        "allocation failure: Job violates accounting/QOS policy (job submit limit)\n"};
  const cli::Finished alone{1, "", "sbatch: error: sluice: up to 0.63 yuan on cq/super\nallocation failure: Requested node configuration is not available\n"};
  world.programs["sbatch"] = {masked, alone};
  EXPECT_EQ(world.run({"quote", "-N50", "job.sh"}), 1);
  EXPECT_EQ(world.err.str(), "sluice: quote: couldn't quote the job: Requested node configuration is not available; change the request and ask again\n");
  EXPECT_EQ(world.ran.back().arguments, (std::vector<std::string>{"sbatch", "--test-only", "--clusters=cq", "-N50", "job.sh"}));
}

TEST_F(Quote, OfAnotherPlaceComesWithoutAnEstimateOfThis) {
  world.programs["sbatch"] = {{0, "", sibling_gives_way + "sbatch: " + quote("cq", R"({"cluster":"hami","partition":"npu"})") + estimate}};
  EXPECT_EQ(world.run({"quote", "--place=hami", "job.sh"}), 0);
  EXPECT_EQ(world.out.str(), "up to 0.63 yuan on hami/npu, paid by account astro\nno estimate of the start: the job would run on cluster hami\n");
}

TEST_F(Quote, AtASiteIsTheSites) {
  world.programs["scontrol"] = {{0, "ClusterName = hami\n", ""}};
  world.programs["sbatch"] = {{0, "", sibling_gives_way + "sbatch: " + quote("cq", "{}") + estimate}};
  EXPECT_EQ(world.run({"quote", "job.sh"}), 0);
  EXPECT_EQ(world.out.str(), "up to 0.32 yuan on hami/npu; what a voucher pays is settled at the home site\n");
}

TEST_F(Quote, IsntGivenWhereOnlyASiblingAnswered) {
  const std::string unanswered = "sluice: no quote: the accounting service of this cluster doesn't answer\n";
  world.programs["sbatch"] = {{0, "", sibling_gives_way + "sbatch: " + unanswered + estimate}};
  EXPECT_EQ(world.run({"quote", "job.sh"}), 3);
  EXPECT_EQ(world.out.str(), "");
  EXPECT_NE(world.err.str().find("doesn't answer; try again"), std::string::npos);
  world.programs["sbatch"] = {{0, "", sibling_gives_way + estimate}};
  EXPECT_EQ(world.run({"quote", "job.sh"}), 3);
  EXPECT_NE(world.err.str().find("no price came with it"), std::string::npos);
}

TEST_F(Quote, FromAHostWithoutOurSpankPluginIsItsText) {
  world.programs["sbatch"] = {{0, "", "sbatch: sluice: up to 0.63 yuan on cq/super, paid by account astro\n" + estimate}};
  EXPECT_EQ(world.run({"quote", "job.sh"}), 0);
  EXPECT_EQ(world.out.str(), "up to 0.63 yuan on cq/super, paid by account astro\n" + estimate.substr(8));
  EXPECT_EQ(world.run({"quote", "--json", "job.sh"}), 3) << "a program asked for amounts";
}

}  // namespace
}  // namespace sluice::test
