// SPDX-License-Identifier: Apache-2.0
//
// Goal: every rule refuses by its own name, and strangers learn nothing about a
// voucher. Method: rows of changes to one eligible use.

#include "accounting/programme/eligibility.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sluice {
namespace {

struct Case {
  Voucher voucher;
  Programme programme;
  Use use;
};

Case eligible() {
  const Zone zone;
  Case c;
  c.programme.id = "cd-2026";
  c.programme.valid_from = *parse_time("2026-01-01", zone);
  c.programme.valid_to = *parse_time("2027-01-01", zone);
  c.programme.clusters = {"cq"};
  c.programme.partitions = {"*"};
  c.voucher.id = "CD-1";
  c.voucher.programme = "cd-2026";
  c.voucher.face = Money{1};
  c.voucher.valid_from = *parse_time("2026-02-01", zone);
  c.voucher.valid_to = *parse_time("2026-12-01", zone);
  c.voucher.accounts = {"astro"};
  c.voucher.partitions = {"ai", "super"};
  c.use = {"lee", "astro", "cq", "ai", *parse_time("2026-06-01", zone)};
  return c;
}

UnixTime at(const char* text) { return *parse_time(text, Zone{}); }

TEST(Eligibility, Rows) {
  struct Row {
    const char* what;
    std::function<void(Case&)> change;
    const char* codes;
  };
  const Row rows[] = {
      {"as granted", [](Case&) {}, ""},
      // Whose it is.
      {"another account", [](Case& c) { c.use.account = "bio"; }, "voucher_not_yours"},
      {"a listed user", [](Case& c) { c.voucher.users = {"lee"}; }, ""},
      {"another user of the account", [](Case& c) { c.voucher.users = {"wang"}; }, "voucher_not_yours"},
      {"the user, another account", [](Case& c) { c.voucher.users = {"lee"}; c.use.account = "bio"; }, "voucher_not_yours"},
      {"users only: any account", [](Case& c) { c.voucher.accounts = {}; c.voucher.users = {"lee"}; c.use.account = "bio"; }, ""},
      {"names are exact", [](Case& c) { c.use.account = "Astro"; }, "voucher_not_yours"},
      {"a stranger learns nothing more",
       [](Case& c) { c.use = {"eve", "x", "elsewhere", "none", 0}; c.voucher.state = VoucherState::revoked; },
       "voucher_not_yours"},
      // Its state.
      {"suspended", [](Case& c) { c.voucher.state = VoucherState::suspended; }, "voucher_suspended"},
      {"revoked", [](Case& c) { c.voucher.state = VoucherState::revoked; }, "voucher_revoked"},
      {"marked expired", [](Case& c) { c.voucher.state = VoucherState::expired; }, "voucher_expired"},
      {"marked expired and past its end",
       [](Case& c) { c.voucher.state = VoucherState::expired; c.use.at = at("2026-12-02"); }, "voucher_expired"},
      // Its time.
      {"its first second", [](Case& c) { c.use.at = at("2026-02-01"); }, ""},
      {"the second before", [](Case& c) { c.use.at = at("2026-02-01") - 1; }, "voucher_not_yet_valid"},
      {"its last second", [](Case& c) { c.use.at = at("2026-12-01") - 1; }, ""},
      {"its end", [](Case& c) { c.use.at = at("2026-12-01"); }, "voucher_expired"},
      {"the programme's end comes first", [](Case& c) { c.programme.valid_to = at("2026-06-01"); }, "voucher_expired"},
      {"the programme's start comes later", [](Case& c) { c.programme.valid_from = at("2026-06-02"); }, "voucher_not_yet_valid"},
      // Where.
      {"a cluster the programme doesn't list", [](Case& c) { c.use.cluster = "hami"; }, "cluster_not_eligible"},
      {"a cluster the voucher doesn't list", [](Case& c) { c.voucher.clusters = {"hami"}; }, "cluster_not_eligible"},
      {"any cluster", [](Case& c) { c.programme.clusters = {}; c.use.cluster = "x"; }, ""},
      {"the voucher's * doesn't widen the programme", [](Case& c) { c.voucher.clusters = {"*"}; c.use.cluster = "x"; },
       "cluster_not_eligible"},
      {"a partition the voucher doesn't list", [](Case& c) { c.use.partition = "debug"; }, "partition_not_eligible"},
      {"a partition the programme doesn't list", [](Case& c) { c.programme.partitions = {"super"}; }, "partition_not_eligible"},
      // All at once, in order of precedence.
      {"several rules",
       [](Case& c) {
         c.voucher.state = VoucherState::suspended;
         c.use = {"lee", "astro", "hami", "debug", at("2027-01-01")};
       },
       "voucher_suspended voucher_expired cluster_not_eligible partition_not_eligible"},
  };
  for (const Row& row : rows) {
    Case c = eligible();
    row.change(c);
    std::string codes;
    for (const auto& failure : check_eligibility(c.voucher, c.programme, c.use)) {
      codes += (codes.empty() ? "" : " ") + failure.code;
      EXPECT_EQ(failure.kind, Failure::Kind::refusal);
      EXPECT_NE(failure.text.find(';'), std::string::npos) << "says what to do next: " << failure.text;
    }
    EXPECT_EQ(codes, row.codes) << row.what;
  }
}

TEST(Eligibility, OnlyItsOwnerReadsItsAccounts) {
  Case c = eligible();
  c.voucher.users = {"lee"};
  c.use.account = "bio";
  EXPECT_EQ(check_eligibility(c.voucher, c.programme, c.use).at(0).text,
            "voucher CD-1 can't pay for account 'bio'; submit with --account=astro");
  c.use.user = "eve";
  EXPECT_EQ(check_eligibility(c.voucher, c.programme, c.use).at(0).text,
            "voucher CD-1 isn't yours to use with account 'bio'; see yours with 'sluice voucher list', or name the account "
            "that holds it with --account");
}

TEST(Eligibility, TextsSayWhenAndWhere) {
  Case c = eligible();
  c.use = {"lee", "astro", "hami", "debug", at("2026-12-01")};
  const auto failures = check_eligibility(c.voucher, c.programme, c.use);
  ASSERT_EQ(failures.size(), 3U);
  EXPECT_EQ(failures[0].text, "voucher CD-1 expired at 2026-12-01T00:00:00+08:00; use another");
  EXPECT_EQ(failures[1].text, "voucher CD-1 can't pay on cluster 'hami'; submit to cq, or without this voucher");
  EXPECT_EQ(failures[2].text,
            "voucher CD-1 can't pay on partition 'debug'; submit to ai, super, or without this voucher");
}

TEST(Eligibility, NumbersAndNamesStay) {
  const std::pair<int, const char*> kept[] = {
      {1, "voucher_not_yours"}, {2, "voucher_revoked"},      {3, "voucher_suspended"},      {4, "voucher_expired"},
      {5, "voucher_not_yet_valid"}, {6, "cluster_not_eligible"}, {7, "partition_not_eligible"}};
  for (const auto& [number, name] : kept) EXPECT_STREQ(name_of(static_cast<EligibilityRefusal>(number)), name);
  EXPECT_TRUE(is_transient(EligibilityRefusal::voucher_suspended));
  EXPECT_TRUE(is_transient(EligibilityRefusal::voucher_not_yet_valid));
  EXPECT_FALSE(is_transient(EligibilityRefusal::voucher_expired));
}

TEST(EligibilityDeathTest, AnotherProgrammeIsABug) {
  Case c = eligible();
  c.programme.id = "other";
  EXPECT_DEATH((void)check_eligibility(c.voucher, c.programme, c.use), "judged by its own programme");
}

}  // namespace
}  // namespace sluice
