// SPDX-License-Identifier: Apache-2.0
//
// Goal: a request keeps its id until it is answered, for a day, and survives a damaged
// file. Method: a folder and times as arguments.

#include "accounting/cli/request_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "test_folder.hpp"

namespace sluice::cli {
namespace {

constexpr UnixTime day = 24 * 3600;

TEST(RequestStore, KeepsAnIdUntilForgotten) {
  const test::Folder folder;
  RequestStore store(folder / "state/requests");
  const auto first = store.keep("a", 1000);
  ASSERT_TRUE(first.ok()) << first.failure().text;
  EXPECT_FALSE(first->first_sent.has_value());
  const auto again = store.keep("a", 1000 + day);
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->first_sent, 1000);
  EXPECT_NE(store.keep("b", 1000)->id, first->id);
  store.forget("a");
  store.forget("never kept");
  EXPECT_NE(store.keep("a", 1000)->id, first->id);
}

TEST(RequestStore, ForgetsAfterADayAndAClockThatWentBack) {
  const test::Folder folder;
  RequestStore store(folder / "requests");
  const auto first = store.keep("a", 1000);
  const auto late = store.keep("a", 1001 + day);
  EXPECT_NE(late->id, first->id);
  EXPECT_FALSE(late->first_sent.has_value());
  EXPECT_NE(store.keep("a", 999)->id, late->id);
}

TEST(RequestStore, IsTheOwnersAlone) {
  const test::Folder folder;
  RequestStore store(folder / "requests");
  ASSERT_TRUE(store.keep("a", 1).ok());
  struct stat status {};
  ASSERT_EQ(::stat((folder / "requests").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST(RequestStore, TakesADamagedFileForNone) {
  const test::Folder folder;
  RequestStore store(folder / "requests");
  ASSERT_TRUE(store.keep("a", 1).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder / "requests")) {
    std::ofstream(entry.path()) << "{\"request_id\":7";
  }
  const auto again = store.keep("a", 2);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->first_sent.has_value());
}

TEST(RequestStore, FailsWhereItCannotWrite) {
  const test::Folder folder;
  RequestStore store(folder.write("plain", "") + "/requests");
  EXPECT_FALSE(store.keep("a", 1).ok());
}

TEST(RequestFolder, FollowsTheEnvironment) {
  EXPECT_EQ(request_folder([](const char* name) -> std::optional<std::string> {
              return std::string(name) == "XDG_STATE_HOME" ? "/s" : "/h";
            }),
            "/s/sluice/requests");
  EXPECT_EQ(request_folder([](const char* name) -> std::optional<std::string> {
              return std::string(name) == "HOME" ? std::optional<std::string>("/h") : std::optional<std::string>("relative");
            }),
            "/h/.local/state/sluice/requests");
}

}  // namespace
}  // namespace sluice::cli
