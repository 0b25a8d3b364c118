// SPDX-License-Identifier: Apache-2.0
//
// Goal: a directory service that fails for a moment takes nobody's name. Method: one
// that does as told, and a clock that only the test moves.

#include "accounting/service/slurm_facts.hpp"

#include <gtest/gtest.h>

namespace sluice::service {
namespace {

TEST(UserName, OutlivesAFailureAndIsSoonAskedAgain) {
  Result<std::optional<std::string>> says = fault("the directory is away");
  int asked = 0;
  SlurmFacts facts([&](std::int64_t) {
    ++asked;
    return says;
  });
  EXPECT_EQ(facts.user_name(7, 0), std::nullopt);
  says = std::optional<std::string>("ann");
  EXPECT_EQ(facts.user_name(7, 0), "ann") << "a failure is not kept";
  EXPECT_EQ(facts.user_name(7, 599), "ann");
  EXPECT_EQ(asked, 2);
  says = fault("the directory is away");
  EXPECT_EQ(facts.user_name(7, 600), "ann");
  EXPECT_EQ(facts.user_name(7, 609), "ann");
  EXPECT_EQ(asked, 3) << "one that fails isn't asked each time";
  says = std::optional<std::string>("anna");
  EXPECT_EQ(facts.user_name(7, 610), "anna");
}

TEST(UserName, AnUnknownUidIsSoonAskedAgain) {
  Result<std::optional<std::string>> says = std::optional<std::string>{};
  SlurmFacts facts([&](std::int64_t) { return says; });
  EXPECT_EQ(facts.user_name(7, 0), std::nullopt);
  says = std::optional<std::string>("new");
  EXPECT_EQ(facts.user_name(7, 9), std::nullopt);
  EXPECT_EQ(facts.user_name(7, 10), "new");
}

TEST(NewestUnanswered, IsOfJobsThatThePluginLetInAlone) {
  const auto job = [](UnixTime submit, const char* comment, bool revoked = false) {
    slurm::LiveJob live;
    live.submit = submit;
    live.admin_comment = comment;
    live.revoked = revoked;
    return live;
  };
  const char* alone = R"({"sluice":{"v":1,"nonce":"00ff","unpriced":true}})";
  const char* answered = R"({"sluice":{"v":1,"id":"A1","mac":"x","unpriced":true}})";
  EXPECT_EQ(newest_unanswered({job(10, alone), job(12, alone), job(20, answered), job(30, ""), job(40, alone, true)}, 10), 12);
  EXPECT_EQ(newest_unanswered({job(9, alone), job(20, answered)}, 10), 0);
}

}  // namespace
}  // namespace sluice::service
