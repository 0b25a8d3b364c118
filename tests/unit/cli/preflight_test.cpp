// SPDX-License-Identifier: Apache-2.0
//
// Goal: what would go wrong in an upgrade is named before it. Method: a folder that stands for
// the new version, and programs that answer what a test says.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "fake_world.hpp"

namespace sluice::cli {
namespace {

class PreflightTest : public testing::Test {
 protected:
  PreflightTest() {
    std::filesystem::create_directories(plugins());
    for (const char* plugin : {"/job_submit_sluice.so", "/spank_sluice.so"}) world.folder.write("new/" SLUICE_PLUGIN_SUBFOLDER + std::string(plugin), "");
    world.folder.write("libslurmfull.so", "");
    world.programs[sluiced()] = {{0, "sluiced 0.2.0\n", ""}, {0, R"([{"name":"ledger","state":"ok","text":"schema 1"}])", ""}};
    world.programs[helper()] = {{0, "usage\n", ""}, {0, R"({"type":"job_submit/sluice","slurm_version":"22.05.8","problem":""})", ""}};
    world.programs["scontrol"] = {{0, "PluginDir = /nowhere:" + (world.folder / "") + "\nSLURM_VERSION           = 22.05.11\n", ""}};
  }
  std::string plugins() { return world.folder / "new/" SLUICE_PLUGIN_SUBFOLDER; }
  std::string sluiced() { return world.folder / "new/sbin/sluiced"; }
  std::string helper() { return world.folder / "new/libexec/sluice/sluice-slurmdb"; }
  int preflight() { return world.run({"doctor", "--preflight", world.folder / "new", "-P"}); }
  /// The line of one check.
  std::string line(const std::string& name) {
    std::istringstream lines(world.out.str());
    for (std::string one; std::getline(lines, one);) {
      if (one.find("|new|" + name + "|") != std::string::npos) return one;
    }
    return "";
  }

  test::FakeWorld world;
};

TEST_F(PreflightTest, FindsNothingWhereAllFits) {
  EXPECT_EQ(preflight(), 0) << world.out.str();
  EXPECT_EQ(line("sluiced"), "ok|new|sluiced|sluiced 0.2.0");
  EXPECT_EQ(line("ledger"), "ok|new|ledger|schema 1");
  EXPECT_EQ(line("job_submit_sluice.so"), "ok|new|job_submit_sluice.so|loads, with every symbol; built for Slurm 22.05.8");
  EXPECT_TRUE(world.wire.requests.empty()) << "the service in force is left alone";
}

TEST_F(PreflightTest, FindsAStagedVersion) {
  for (const char* folder : {"/usr", "/usr/local"}) {
    const std::string root = world.folder / (std::string(folder).size() > 4 ? "stage-local" : "stage");
    std::filesystem::create_directories(root + folder + "/sbin");
    std::ofstream(root + folder + "/sbin/sluiced") << "";
    world.ran.clear();
    (void)world.run({"doctor", "--preflight", root});
    EXPECT_EQ(world.ran.at(0).arguments.at(0), root + folder + "/sbin/sluiced");
  }
}

TEST_F(PreflightTest, FindsAPluginOfAnotherSlurm) {
  world.programs[helper()][1].out = R"({"type":"job_submit/sluice","slurm_version":"24.11.5","problem":"undefined symbol: x"})";
  EXPECT_EQ(preflight(), 1);
  EXPECT_TRUE(line("job_submit_sluice.so").starts_with("fail|new|job_submit_sluice.so|built for Slurm 24.11.5, and slurmctld 22.05.11 runs"));
}

TEST_F(PreflightTest, FindsAMissingSymbolAndAMissingPlugin) {
  world.programs[helper()][1].out = R"({"type":"job_submit/sluice","slurm_version":"22.05.8","problem":"undefined symbol: slurm_x"})";
  std::filesystem::remove(plugins() + "/spank_sluice.so");
  EXPECT_EQ(preflight(), 1);
  EXPECT_EQ(line("job_submit_sluice.so"), "fail|new|job_submit_sluice.so|undefined symbol: slurm_x");
  EXPECT_EQ(line("spank_sluice.so"), "fail|new|spank_sluice.so|" + plugins() + "/spank_sluice.so: No such file or directory; install it");
}

TEST_F(PreflightTest, FindsAPluginThatEndsWhoeverOpensIt) {
  world.programs[helper()][1] = {135, "", ""};
  EXPECT_EQ(preflight(), 1);
  EXPECT_NE(line("job_submit_sluice.so").find("job_submit_sluice.so can't be opened: " + helper() + " ended with 135 "), std::string::npos);
}

TEST_F(PreflightTest, FindsAProgramThatDoesNotStart) {
  world.programs[sluiced()] = {{127, "", "sluiced: error while loading shared libraries: libyaml-cpp.so.0.7: cannot open\n"}};
  EXPECT_EQ(preflight(), 1);
  EXPECT_EQ(line("sluiced"), "fail|new|sluiced|" + sluiced() + " ended with 127: sluiced: error while loading shared libraries: libyaml-cpp.so.0.7: cannot open");
  EXPECT_EQ(line("ledger"), "") << "what doesn't start can't be asked";
}

TEST_F(PreflightTest, HandsOnWhatTheNewServiceSays) {
  world.programs[sluiced()][1].out = R"([{"name":"ledger","state":"fail","text":"has schema 2, and the new sluiced knows 1"}])";
  EXPECT_EQ(preflight(), 1);
  EXPECT_EQ(world.run({"doctor", "--preflight", world.folder / "new", "--config", "/etc/other.yaml"}), 1);
  EXPECT_EQ(world.ran.at(world.ran.size() - 5).arguments, (std::vector<std::string>{sluiced(), "--preflight", "--config", "/etc/other.yaml"}));
}

TEST_F(PreflightTest, WarnsWhereSlurmCannotBeAsked) {
  world.programs.erase("scontrol");
  EXPECT_EQ(preflight(), 0);
  EXPECT_TRUE(line("slurmctld").starts_with("warn|new|slurmctld|its version isn't known: "));
  EXPECT_TRUE(line("job_submit_sluice.so").starts_with("warn|new|job_submit_sluice.so|not tried: "));
}

TEST_F(PreflightTest, IsOneQuestion) {
  EXPECT_EQ(world.run({"doctor", "--preflight", "/x", "--plugstack"}), 2);
  EXPECT_EQ(world.run({"doctor", "--config", "/x"}), 2);
}

}  // namespace
}  // namespace sluice::cli
