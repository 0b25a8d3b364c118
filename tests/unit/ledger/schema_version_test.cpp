// SPDX-License-Identifier: Apache-2.0
//
// Goal: a ledger's schema is known without opening it. Method: a real one, and files that are none.

#include "accounting/ledger/storage/schema_version.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "test_folder.hpp"

namespace sluice::ledger {
namespace {

TEST(SchemaVersion, IsReadWhileAServiceIsAtWork) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  const auto none = stored_schema_version(file);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const auto storage = open_sqlite(file);
  ASSERT_TRUE(storage.ok());
  const auto stored = stored_schema_version(file);
  ASSERT_TRUE(stored.ok()) << stored.failure().text;
  EXPECT_EQ(*stored, known_schema_version());
}

TEST(SchemaVersion, IsNotGuessed) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  for (const std::string& text : {std::string(), std::string("SQLite format 3"), std::string(200, 'x')}) {
    std::ofstream(file) << text;
    const auto stored = stored_schema_version(file);
    ASSERT_FALSE(stored.ok());
    EXPECT_EQ(stored.failure().text, file + " is no SQLite database");
  }
}

}  // namespace
}  // namespace sluice::ledger
