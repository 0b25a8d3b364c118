// SPDX-License-Identifier: Apache-2.0
//
// Goal: the key and the last good configuration are whole, private and of this
// service. Method: files in a folder of the test's own.

#include "accounting/service/data_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/ledger/test_folder.hpp"

namespace sluice::service {
namespace {

TEST(TagKey, IsMadeOnceAndPrivate) {
  const test::Folder folder;
  std::ofstream(folder.path() + "/tag.key.new") << "of a run that was killed";
  const auto key = tag_key(folder.path());
  ASSERT_TRUE(key.ok()) << key.failure().text;
  EXPECT_GE(key->size(), 32U);
  EXPECT_EQ(*tag_key(folder.path()), *key);
  struct stat status {};
  ASSERT_EQ(::stat((folder.path() + "/tag.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/tag.key.new"));
}

TEST(TagKey, AShortOneIsRefusedAndKept) {
  for (const auto& text : {std::string(), std::string(31, 'k')}) {
    const test::Folder folder;
    std::ofstream(folder.path() + "/tag.key") << text;
    const auto key = tag_key(folder.path());
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_NE(key.failure().text.find("restore it from the backup, or move it away"), std::string::npos) << key.failure().text;
    EXPECT_EQ(std::filesystem::file_size(folder.path() + "/tag.key"), text.size());
  }
}

TEST(LastGood, IsOfTheFileItWasKeptFor) {
  const test::Folder folder;
  EXPECT_FALSE(last_good(folder.path(), "/etc/sluice/sluice.yaml").ok()) << "nothing was kept yet";
  ASSERT_TRUE(keep_last_good(folder.path(), "/etc/sluice/sluice.yaml", "role: home\n").ok());
  EXPECT_EQ(last_good(folder.path(), "/etc/sluice/../sluice/sluice.yaml").value(), "role: home\n");
  EXPECT_FALSE(last_good(folder.path(), "/etc/sluice/other.yaml").ok());
}

}  // namespace
}  // namespace sluice::service
