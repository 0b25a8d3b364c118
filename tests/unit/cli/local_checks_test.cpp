// SPDX-License-Identifier: Apache-2.0
//
// Goal: doctor finds what is missing on a host. Method: folders that stand for hosts.

#include "accounting/cli/local_checks.hpp"

#include <gtest/gtest.h>

#include "test_folder.hpp"

namespace sluice::cli {
namespace {

/// The states by check, such as "munge=ok plugin.conf=ok".
std::string states(const LocalPaths& paths, bool credential = true) {
  std::string text;
  const Result<std::string> proof =
      credential ? Result<std::string>(std::string("x")) : Result<std::string>(Failure{Failure::Kind::unreachable, "", "no munged"});
  for (const auto& check : local_checks(paths, proof)) {
    text += (text.empty() ? "" : " ") + check["name"].get<std::string>() + "=" + check["state"].get<std::string>();
  }
  return text;
}

TEST(LocalChecks, Hosts) {
  const test::Folder folder;
  LocalPaths paths{folder / "plugin.conf", folder / "plugstack.conf", folder / "spank_sluice.so"};
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=warn");
  EXPECT_EQ(states(paths, false), "munge=fail plugin.conf=ok plugstack.conf=warn");
  folder.write("plugstack.conf", "# optional /x/spank_sluice.so\noptional /x/other.so\n");
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=fail spank_sluice.so=fail");
  folder.write("plugstack.conf", "optional " + paths.spank_plugin + " # ours\n");
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=ok spank_sluice.so=fail");
  folder.write("spank_sluice.so", "");
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=ok spank_sluice.so=ok");
  folder.write("plugstack.conf", "required spank_sluice.so\n");
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=ok spank_sluice.so=warn");
}

TEST(LocalChecks, FollowsIncludesButNotInCircles) {
  const test::Folder folder;
  const LocalPaths paths{folder / "plugin.conf", folder / "plugstack.conf", folder / "spank_sluice.so"};
  folder.write("spank_sluice.so", "");
  folder.write("plugstack.conf", "include " + (folder / "plugstack.conf") + "\ninclude d/*.conf\n");
  std::filesystem::create_directory(folder / "d");
  folder.write("d/sluice.conf", "optional " + paths.spank_plugin + "\n");
  EXPECT_EQ(states(paths), "munge=ok plugin.conf=ok plugstack.conf=ok spank_sluice.so=ok");
}

TEST(SpankPluginPath, IsBesideAProgramInABuildTree) {
  const test::Folder folder;
  std::filesystem::create_directory(folder / "bin");
  const std::string program = folder / "bin/sluice";
  EXPECT_EQ(spank_plugin_path(program).find(folder / ""), std::string::npos);
  folder.write("CMakeCache.txt", "");
  EXPECT_EQ(spank_plugin_path(program), folder / "lib/spank_sluice.so");
  EXPECT_EQ(spank_plugin_path("")[0], '/');
}

}  // namespace
}  // namespace sluice::cli
