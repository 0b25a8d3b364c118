// SPDX-License-Identifier: Apache-2.0
//
// Goal: what the stories of tests/scenarios can't show: request ids, ids of several
// clusters, tags that need room, sums of many refunds. Method: the same world, asked directly.

#include "accounting/service/books.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "accounting/core/digest.hpp"
#include "accounting/slurm/tag.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::World;

std::string code(const Result<json>& result) { return result.ok() ? "ok" : result.failure().code; }

class BooksTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(code(world.programme("P", {})), "ok");
    ASSERT_EQ(code(world.fund("P", "1000")), "ok");
    ASSERT_EQ(code(world.voucher("V", {{"face", "500"}})), "ok");
  }
  json purse(const std::string& id = "V") { return world.books().view_voucher(World::caller("auditor"), id, world.facts(), world.now).value(); }
  SettleCount settle(const std::vector<slurm::UsageRecord>& records) {
    const auto settled = world.books().settle(records, world.now);
    EXPECT_TRUE(settled.ok()) << settled.failure().text;
    return settled.ok() ? *settled : SettleCount{};
  }
  World world;
};

TEST_F(BooksTest, ARequestIdStandsForOneRequestOfOnePerson) {
  Books& books = world.books();
  const json body = {{"request_id", "suspend-V-1"}, {"reason", "audit"}};
  const auto first = books.set_suspended(World::caller("manager"), "V", true, body, world.now);
  ASSERT_EQ(code(first), "ok");
  // Once more: the first answer, and nothing is done; without the id it would be refused.
  EXPECT_EQ(*books.set_suspended(World::caller("manager"), "V", true, body, world.now + 9), *first);
  EXPECT_EQ(code(books.set_suspended(World::caller("manager"), "V", true, {{"request_id", "suspend-V-2"}, {"reason", "audit"}}, world.now)), "voucher_state");
  json other = body;
  other["reason"] = "another reason";
  const struct {
    const char* what;
    Result<json> result;
  } rows[] = {
      {"other content", books.set_suspended(World::caller("manager"), "V", true, other, world.now)},
      {"other verb", books.set_suspended(World::caller("manager"), "V", false, body, world.now)},
      {"other voucher", books.set_suspended(World::caller("manager"), "W", true, body, world.now)},
      {"other person", books.set_suspended(World::caller("checker"), "V", true, body, world.now)},
      {"quite another command", books.propose_revoke(World::caller("manager"), "V", body, world.now)},
  };
  for (const auto& row : rows) EXPECT_EQ(code(row.result), "request_id_reused") << row.what;
  world.restart();
  EXPECT_EQ(*world.books().set_suspended(World::caller("manager"), "V", true, body, world.now), *first) << "after a restart too";
}

TEST_F(BooksTest, ARefusedRequestMayBeMadeAgain) {
  const json body = {{"request_id", "resume-V-1"}, {"reason", "audit"}};
  EXPECT_EQ(code(world.books().set_suspended(World::caller("manager"), "V", false, body, world.now)), "voucher_state");
  EXPECT_EQ(code(world.books().set_suspended(World::caller("manager"), "V", true, {{"request_id", "suspend-V-1"}, {"reason", "audit"}}, world.now)), "ok");
  EXPECT_EQ(code(world.books().set_suspended(World::caller("manager"), "V", false, body, world.now)), "ok");
}

TEST_F(BooksTest, AnApprovalRepeatedIsDoneOnce) {
  const auto proposed = world.books().propose_fund(World::caller("manager"), "P", {{"request_id", "fund-P-00"}, {"amount", "7"}, {"document", "n"}}, world.now);
  const std::string id = proposed->at("proposal").at("id");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code(world.books().decide(World::caller("checker"), id, true, {{"request_id", "approve-1"}}, world.now)), "ok");
  EXPECT_EQ(code(world.books().decide(World::caller("checker"), id, true, {{"request_id", "approve-2"}}, world.now)), "proposal_decided");
  EXPECT_EQ(world.books().view_programme("P", world.now)->at("funded"), "1007.000000");
}

TEST_F(BooksTest, ASecondPersonReadsWhatIsGrantedToWhom) {
  Books& books = world.books();
  const auto summary = [](const Result<json>& proposed) { return proposed.ok() ? proposed->at("proposal").at("summary").get<std::string>() : proposed.failure().text; };
  const json voucher = {{"request_id", "voucher-1"}, {"id", "N"}, {"programme", "P"}, {"face", "1"}, {"accounts", {"astro", "bio"}},
                        {"valid_from", "2026-01-01"}, {"valid_to", "2027-01-01"}, {"document", "award 7"}};
  const auto proposed = books.propose_voucher(World::caller("manager"), voucher, world.facts(), world.now);
  EXPECT_EQ(summary(proposed), "issue voucher N of 1.00 under P to account astro,bio from 2026-01-01 to 2027-01-01, by award 7");
  json narrow = voucher;
  narrow.update({{"request_id", "voucher-2"}, {"id", "M"}, {"users", {"ann"}}, {"clusters", {"cq"}}, {"partitions", {"ai"}}, {"share", "0.5"}});
  EXPECT_EQ(summary(books.propose_voucher(World::caller("manager"), narrow, world.facts(), world.now)),
            "issue voucher M of 1.00 under P to account astro,bio, user ann from 2026-01-01 to 2027-01-01 on cq in ai, pays 0.50, by award 7");
  narrow.update({{"request_id", "voucher-3"}, {"id", "L"}});
  narrow.erase("accounts");
  EXPECT_EQ(summary(books.propose_voucher(World::caller("manager"), narrow, world.facts(), world.now)),
            "issue voucher L of 1.00 under P to user ann from 2026-01-01 to 2027-01-01 on cq in ai, pays 0.50, by award 7");
  const json programme = {{"request_id", "programme-1"},
                          {"text", "programme: Q\nname: n\nissuer: i\nshare: \"0.6\"\nvalid_from: 2026-01-01\nclusters: [cq]\nexpiry_to: budget\n"}};
  EXPECT_EQ(summary(books.propose_programme(World::caller("manager"), programme, world.now)), "programme Q (n), pays 0.60 from 2026-01-01 on cq");

  json again = voucher;
  again["request_id"] = "voucher-4";
  const std::string id = proposed->at("proposal").at("id");
  EXPECT_EQ(books.propose_voucher(World::caller("manager"), again, world.facts(), world.now).failure().text,
            "proposal " + id + " to issue voucher N waits for a decision; have it approved, reject it, or choose another id");
  const auto decide = [&](const char* who, const char* request) {
    return books.decide(World::caller(who), id, false, {{"request_id", request}, {"reason", "typo"}}, world.now);
  };
  EXPECT_EQ(code(decide("manager", "reject-1")), "ok") << "who proposed may take it back";
  EXPECT_EQ(decide("checker", "reject-2").failure().text, "proposal " + id + " is rejected already, by manager; nothing is left to decide");
}

TEST_F(BooksTest, AVoucherDoesNotWidenItsProgrammesPlaces) {
  ASSERT_EQ(code(world.programme("Q", {{"clusters", "cq"}, {"partitions", "ai"}})), "ok");
  int requests = 0;
  const auto issue = [&](const char* programme, const json& places) {
    const std::string number = std::to_string(++requests);
    json body = {{"request_id", "voucher-" + number}, {"id", "W" + number}, {"programme", programme}, {"face", "1"}, {"accounts", {"astro"}},
                 {"valid_from", "2026-01-01"}, {"valid_to", "2027-01-01"}, {"document", "d"}};
    body.update(places);
    const auto proposed = world.books().propose_voucher(World::caller("manager"), body, world.facts(), world.now);
    return proposed.ok() ? "ok" : proposed.failure().text;
  };
  EXPECT_EQ(issue("Q", {{"clusters", {"cq"}}, {"partitions", {"ai"}}}), "ok");
  EXPECT_EQ(issue("Q", {{"clusters", {"*"}}}), "ok") << "what the programme allows";
  EXPECT_EQ(issue("Q", {{"clusters", {"cq", "hami"}}}), "programme Q doesn't pay on hami; choose among cq");
  EXPECT_EQ(issue("Q", {{"partitions", {"cpu"}}}), "programme Q doesn't pay on cpu; choose among ai");
  EXPECT_EQ(issue("P", {{"clusters", {"hami"}}}), "ok");
}

TEST_F(BooksTest, AStatementOfWhatThereIsntIsRefused) {
  const auto statement = [&](const char* voucher, const std::vector<std::string>& clusters) {
    ledger::ChargeQuery query;
    query.voucher = voucher;
    const auto view = world.books().view_statement(World::caller("auditor"), query, world.facts(), world.now, clusters);
    return view.ok() ? std::to_string(view->at("lines").size()) + " lines" : view.failure().text;
  };
  EXPECT_EQ(statement("V", {"cq", "hami"}), "0 lines");
  EXPECT_EQ(statement("V", {"cq", "moon"}), "no cluster 'moon' is configured, nor are there any lines of it; known: cq, hami");
  EXPECT_EQ(statement("X", {}), "there is no voucher X that you may see; see: sluice voucher list");
}

TEST_F(BooksTest, WrongRequestsAreRefusedAsUsage) {
  Books& books = world.books();
  const auto manager = World::caller("manager");
  const json voucher = {{"request_id", "voucher-1"}, {"id", "N"}, {"programme", "P"}, {"face", "1"}, {"accounts", {"astro"}},
                        {"valid_from", "2026-01-01"}, {"valid_to", "2027-01-01"}, {"document", "d"}};
  const auto issue = [&](const char* name, const json& value) {
    json body = voucher;
    body[name] = value;
    if (value.is_null()) body.erase(name);
    return code(books.propose_voucher(manager, body, world.facts(), world.now));
  };
  EXPECT_EQ(issue("request_id", nullptr), "usage");
  EXPECT_EQ(issue("request_id", "short"), "usage");
  EXPECT_EQ(issue("request_id", "a space in it"), "usage");
  EXPECT_EQ(issue("request_id", std::string(65, 'a')), "usage");
  EXPECT_EQ(issue("id", "a/b"), "usage");
  EXPECT_EQ(issue("face", "0"), "usage");
  EXPECT_EQ(issue("face", "-1"), "usage");
  EXPECT_EQ(issue("face", 1), "usage");
  EXPECT_EQ(issue("face", "9223372036855"), "usage");
  EXPECT_EQ(issue("accounts", {"astor"}), "account_unknown");
  EXPECT_EQ(issue("accounts", {"astro", "astor"}), "account_unknown");
  EXPECT_EQ(issue("valid_to", "2026-01-01"), "usage");
  EXPECT_EQ(issue("valid_to", "2026-02-30"), "usage");
  EXPECT_EQ(issue("accounts", json::array()), "usage");
  EXPECT_EQ(issue("accounts", "astro"), "usage");
  EXPECT_EQ(issue("share", "1.1"), "usage");
  EXPECT_EQ(issue("state", "revoked"), "usage");
  EXPECT_EQ(issue("colour", "red"), "usage");
  EXPECT_EQ(issue("document", nullptr), "usage");
  EXPECT_EQ(issue("programme", "Q"), "programme_unknown");
  EXPECT_EQ(issue("id", "V"), "voucher_exists");
  EXPECT_EQ(issue("document", "d"), "ok");
  EXPECT_EQ(code(books.propose_fund(manager, "P", {{"request_id", "fund-P-01"}, {"amount", "1e3"}, {"document", "d"}}, world.now)), "usage");
  EXPECT_EQ(code(books.propose_fund(manager, "Q", {{"request_id", "fund-P-01"}, {"amount", "1"}, {"document", "d"}}, world.now)), "programme_unknown");
  EXPECT_EQ(code(books.propose_programme(manager, {{"request_id", "programme-1"}, {"text", "programme: [x"}}, world.now)), "usage");
  EXPECT_EQ(code(books.propose_programme(manager, {{"request_id", "programme-1"}}, world.now)), "usage");
  EXPECT_EQ(code(books.decide(World::caller("checker"), "PR-none", true, {{"request_id", "approve-9"}}, world.now)), "proposal_unknown");
  const auto refund = [&](const json& more) {
    json body = {{"request_id", "refund-01"}, {"job_id", 1}, {"reason", "r"}};
    body.update(more);
    return code(books.refund(World::caller("cashier"), body, world.now));
  };
  EXPECT_EQ(refund(json::object()), "charge_unknown");
  EXPECT_EQ(refund({{"job_id", "1_2"}}), "charge_unknown");
  for (const char* wrong : {"", "0", "1_", "_1", "1_2_3", "1.2", "4294967297"}) EXPECT_EQ(refund({{"job_id", wrong}}), "usage") << wrong;
  EXPECT_EQ(refund({{"job_id", -1}}), "usage");
  EXPECT_EQ(refund({{"job_id", 4294967297}}), "usage") << "it must not stand for job 1";
  EXPECT_EQ(refund({{"cluster", 1}}), "usage");
  EXPECT_EQ(refund({{"submit", 1}}), "usage");
  EXPECT_EQ(refund({{"submit", "yesterday"}}), "usage");
}

TEST_F(BooksTest, APersonIsKnownByUidAndByName) {
  // A second account of one person, or one uid with two names, is no second person.
  const auto proposed = world.books().propose_revoke(World::caller("manager"), "V", {{"request_id", "revoke-V-1"}, {"reason", "r"}}, world.now);
  const std::string id = proposed->at("proposal").at("id");
  EXPECT_EQ(code(world.books().decide({World::uid_of("manager"), "checker"}, id, true, {{"request_id", "approve-1"}}, world.now)), "same_person");
  EXPECT_EQ(code(world.books().decide({9999, "manager"}, id, true, {{"request_id", "approve-2"}}, world.now)), "same_person");
  EXPECT_EQ(code(world.books().decide({0, "checker"}, id, true, {{"request_id", "approve-3"}}, world.now)), "root_has_no_say");
}

TEST_F(BooksTest, TheSameJobIdOfTwoClustersIsTwoJobs) {
  // ann's job 101 of cq, and later bob's job 101 of hami.
  world.submit("hers", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 3600;
  auto hers = world.record("hers", {{"elapsed", "3600"}});
  auto his = world.record("his", {{"id", "101"}, {"cluster", "hami"}, {"user", "bob"}, {"account", "bio"}, {"elapsed", "60"}});
  his.end = *hers.end + 60;
  EXPECT_EQ(settle({hers, his}).charged, 2u);
  Books& books = world.books();
  const auto seen = [&](const char* who, const std::optional<std::string>& cluster) {
    const auto job = books.view_job(World::caller(who), 101, cluster, world.facts(), world.now);
    if (!job.ok()) return job.failure().code;
    return job->at("user").get<std::string>() + (job->contains("others") ? " and others" : "");
  };
  EXPECT_EQ(seen("ann", std::nullopt), "ann") << "his newer job must not stand before hers, nor among the others";
  EXPECT_EQ(seen("ann", "hami"), "not_yours");
  EXPECT_EQ(seen("bob", std::nullopt), "bob and others") << "he belongs to both accounts";
  EXPECT_EQ(seen("eve", std::nullopt), "not_yours");
  EXPECT_EQ(seen("auditor", std::nullopt), "bob and others");
  EXPECT_EQ(seen("auditor", "cq"), "ann");
  const json refund = {{"request_id", "refund-01"}, {"job_id", 101}, {"reason", "r"}, {"amount", "1"}};
  EXPECT_EQ(code(books.refund(World::caller("cashier"), refund, world.now)), "charge_ambiguous");
  json one = refund;
  one["cluster"] = "cq";
  EXPECT_EQ(code(books.refund(World::caller("cashier"), one, world.now)), "ok");
  json by_time = refund;
  by_time["request_id"] = "refund-02";
  by_time["submit"] = format_time(hers.submit, Zone{});
  EXPECT_EQ(code(books.refund(World::caller("cashier"), by_time, world.now)), "ok");
  EXPECT_EQ(purse()["used"], "4.800000");
}

TEST_F(BooksTest, AnOpenJobIsShownToItsOwn) {
  world.submit("hers", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  slurm::LiveCluster cq{"cq", true, "", world.now, {world.live("hers", {})}};
  ASSERT_TRUE(world.books().sweep({cq}, world.now).ok());
  const auto seen = [&](const char* who) { return code(world.books().view_job(World::caller(who), 101, std::nullopt, world.facts(), world.now)); };
  EXPECT_EQ(seen("ann"), "ok");
  EXPECT_EQ(seen("eve"), "not_yours");
  EXPECT_EQ(code(world.books().view_job(World::caller("ann"), 102, std::nullopt, world.facts(), world.now)), "job_unknown");
  EXPECT_EQ(code(world.books().view_job(World::caller("ann"), 101, "hami", world.facts(), world.now)), "job_unknown");
}

TEST_F(BooksTest, ATagAlwaysFitsThePlugin) {
  const struct {
    const char* what;
    test::Words words;
    bool full, any;
  } rows[] = {
      {"plain", {}, true, true},
      {"long workload", {{"workload", std::string(5000, 'w')}}, false, true},
      {"a comment of others near the limit", {{"admin_comment", std::string(3985, 'c')}}, false, true},
      {"a comment of others that leaves no room", {{"admin_comment", std::string(4090, 'c')}}, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    test::Words words{{"time", "60"}, {"cpus", "1"}, {"voucher", "V"}};
    words.insert(row.words.begin(), row.words.end());
    const Answer answer = world.submit(row.what, words);
    ASSERT_TRUE(answer.admit);
    ASSERT_EQ(answer.admin_comment.has_value(), row.any);
    if (!row.any) continue;
    EXPECT_LE(answer.admin_comment->size(), 4096u);
    const auto tag = slurm::find_tag(*answer.admin_comment);
    ASSERT_TRUE(tag && tag->id && tag->mac);
    EXPECT_EQ(!tag->vouchers.empty(), row.full);
    EXPECT_EQ(answer.admin_comment->rfind(words["admin_comment"], 0), 0u) << "text of others stays where it stood";
  }
  // Where nothing could be set the job is found by what it asked for; its comment is left alone.
  world.now += 3600;
  EXPECT_EQ(settle({world.record("a comment of others that leaves no room", {{"elapsed", "3600"}})}).charged, 1u);
  EXPECT_EQ(purse()["used"], "0.000000") << "four that look the same: none was chosen";
}

TEST_F(BooksTest, ARepeatedSubmissionIsAnsweredAsTheFirst) {
  const test::Words words{{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}, {"nonce", "00112233445566778899aabbccddeeff"}, {"admin_comment", "mine"}};
  const Answer first = world.submit("a", words);
  const Answer second = world.submit("b", words);
  EXPECT_EQ(to_text(first), to_text(second));
  EXPECT_EQ(purse()["liens"], "6.000000");
  world.now += 60;
  const Answer late = world.submit("c", words);
  EXPECT_NE(to_text(first), to_text(late)) << "after a minute it is another job";
  EXPECT_EQ(purse()["liens"], "12.000000");
}

TEST_F(BooksTest, HeterogeneousComponentsHaveLiensOfTheirOwn) {
  auto request = world.request({{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}, {"nonce", "00112233445566778899aabbccddeeff"}});
  for (const std::uint32_t offset : {0u, 1u}) {
    request.job.het_offset = offset;
    request.content_sha256 = "content " + std::to_string(offset);
    ASSERT_TRUE(world.books().admit(request, world.facts(), world.now).admit);
  }
  EXPECT_EQ(purse()["liens"], "12.000000");
  // Both lost their tags to an outage's: the nonce and the offset tell them apart.
  world.now += 3600;
  for (const std::uint32_t offset : {0u, 1u}) {
    auto record = world.record("none", {{"id", std::to_string(700 + offset)}, {"cpus", "10"}, {"elapsed", "3600"}, {"tag", "outage"},
                                        {"nonce", "00112233445566778899aabbccddeeff"}});
    record.het_job_id = 700;
    record.het_job_offset = offset;
    EXPECT_EQ(settle({record}).charged, 1u);
  }
  EXPECT_EQ(purse()["liens"], "0.000000");
  EXPECT_EQ(purse()["used"], "12.000000");
}

TEST_F(BooksTest, UsageWithoutResourcesIsNeverFree) {
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 3600;
  auto record = world.record("a", {{"elapsed", "3600"}});
  record.tres_alloc.clear();
  EXPECT_EQ(settle({record}).unrated, 1u);
}

TEST_F(BooksTest, WhichAdmissionARecordIsOfDoesntDependOnWhatIsReadWithIt) {
  // Its tag was overwritten after the first run, long after it could be known by what it asked for.
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 3600;
  auto second = world.record("a", {{"elapsed", "1800"}, {"tag", "none"}});
  second.submit = world.now - 1800;
  EXPECT_EQ(settle({world.record("a", {{"elapsed", "1800"}, {"state", "REQUEUED"}}), second}).charged, 2u);
  EXPECT_EQ(purse()["used"], "6.000000") << "both runs are the voucher's";

  // Two jobs that look alike and one admission: it is of one of them.
  world.submit("b", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  const auto submitted = world.now;
  world.now += 3600;
  auto stranger = world.record("none", {{"id", "900"}, {"cpus", "10"}, {"elapsed", "3600"}});
  stranger.submit = submitted;
  EXPECT_EQ(settle({world.record("b", {{"elapsed", "3600"}, {"tag", "none"}}), stranger}).charged, 2u);
  EXPECT_EQ(purse()["used"], "12.000000");
}

TEST_F(BooksTest, WhatHadNoPriceStaysOfTheAdmissionThatItWasFoundToBeOf) {
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 3600;
  const auto whole = world.record("a", {{"elapsed", "3600"}, {"tag", "none"}});
  auto half = whole;
  half.tres_alloc.clear();
  EXPECT_EQ(settle({half}).unrated, 1u);
  EXPECT_EQ(world.books().counts().at("open_admissions"), 0) << "it has ended, and can't be found by its looks again";
  EXPECT_EQ(settle({whole}).charged, 1u);
  EXPECT_EQ(purse()["used"], "6.000000");
}

TEST_F(BooksTest, WhatHasNoPriceStillIsReadAgainAndHoldsNobodyUp) {
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"array", "1-2"}, {"voucher", "V"}});
  world.now += 3600;
  const auto whole = world.record("a", {{"task", "1"}, {"elapsed", "3600"}});
  auto half = whole;
  half.tres_alloc.clear();
  auto less = half;
  less.partition.clear();
  EXPECT_EQ(settle({less}).unrated, 1u);
  EXPECT_EQ(purse()["liens"], "6.000000") << "of the other task";
  EXPECT_EQ(settle({half}).unrated, 1u) << "written otherwise, and its lien was given back already";
  EXPECT_EQ(settle({whole}).charged, 1u);
  EXPECT_EQ(purse()["used"], "6.000000");
  EXPECT_EQ(purse()["liens"], "6.000000");
}

TEST_F(BooksTest, OneRecordThatCantBePostedHoldsNobodyUp) {
  // An account that owes nearly all that an amount can hold.
  const std::string prices = "price_book: dear\ncurrency: CNY\nzone: Asia/Shanghai\nprices:\n"
                             "  - {cluster: cq, partition: ai, from: 2026-01-01, per_hour: {cpu: \"1000000000000\"}}\n";
  ASSERT_TRUE(world.books().offer_price_book("p.yaml", prices, {0, "root"}, world.now).ok());
  const auto proposals = world.books().view_proposals(World::caller("auditor"), "pending", world.now);
  ASSERT_EQ(code(world.books().decide(World::caller("checker"), proposals->at("proposals")[0].at("id"), true, {{"request_id", "approve-1"}}, world.now)), "ok");
  world.now += 3600 * 9;
  std::vector<slurm::UsageRecord> records;
  for (int i = 0; i < 4; ++i) {
    records.push_back(world.record("none", {{"id", std::to_string(700 + i)}, {"cpus", "1"}, {"elapsed", i == 3 ? "1" : "14400"}}));
  }
  const SettleCount count = settle(records);
  EXPECT_EQ(count.charged, 3u) << "two of 4e12 and the small one";
  EXPECT_EQ(count.unrated, 1u);
  EXPECT_TRUE(world.books().verify()->at("ok").get<bool>());
  const auto again = world.books().settle_unrated(world.now);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->unrated, 1u) << "it waits, with an alarm";
}

TEST_F(BooksTest, ManyUnratedRecordsDontHideOneThatHasAPrice) {
  std::vector<slurm::UsageRecord> records;
  for (int i = 0; i < 2500; ++i) {
    records.push_back(world.record("none", {{"id", std::to_string(1000 + i)}, {"partition", i == 2499 ? "late" : "free"}, {"elapsed", "60"}}));
    records.back().end = world.now + i;
  }
  EXPECT_EQ(settle(records).unrated, 2500u);
  const std::string prices = World::default_prices() + "  - {cluster: cq, partition: late, from: 2026-01-01, per_hour: {cpu: \"1\"}}\n";
  ASSERT_TRUE(world.books().offer_price_book("p.yaml", prices, {0, "root"}, world.now).ok());
  const auto proposals = world.books().view_proposals(World::caller("auditor"), "pending", world.now);
  ASSERT_EQ(code(world.books().decide(World::caller("checker"), proposals->at("proposals")[0].at("id"), true, {{"request_id", "approve-1"}}, world.now)), "ok");
  const auto rated = world.books().settle_unrated(world.now);
  ASSERT_TRUE(rated.ok());
  EXPECT_EQ(rated->charged, 1u);
  EXPECT_EQ(rated->unrated, 2499u);
}

TEST_F(BooksTest, TextsThatRateAndDecideAreInTheLedger) {
  world.submit("a", {{"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  world.now += 3600;
  settle({world.record("a", {{"elapsed", "3600"}})});
  std::optional<ledger::ChargeRow> row;
  ASSERT_TRUE(world.storage().charges({}, [&](ledger::ChargeRow&& one) {
    row = std::move(one);
    return false;
  }).ok());
  const json how = json::parse(row->body);
  for (const char* text : {"price_book", "programme"}) {
    const auto document = world.storage().document(how.at(text));
    ASSERT_TRUE(document.ok() && *document) << text;
    EXPECT_EQ(sha256_hex((*document)->text), how.at(text));
  }
  // And the event of the charge names the record by its hash.
  bool found = false;
  ASSERT_TRUE(world.storage().audit([&](ledger::Event&& event) { found = found || event.document == sha256_hex(row->record); }, [](ledger::ChargeRow&&) {}).ok());
  EXPECT_TRUE(found);
}

TEST_F(BooksTest, ABookThatCantBeReadIsNotReplacedWithoutApproval) {
  // As a newer version may have written it.
  ledger::Batch batch;
  batch.objects = {{"mark", "price_book", json{{"sha256", "not there"}}.dump()}};
  ASSERT_TRUE(world.storage().append(batch).ok());
  EXPECT_THROW(world.restart(), std::runtime_error);
}

RC_GTEST_PROP(BooksProperty, RefundsInAnyNumberEndWhereOneDoes, ()) {
  World world;
  RC_ASSERT(world.programme("P", {{"share", *rc::gen::element(std::string("0.333333"), std::string("0.6"), std::string("1"))}}).ok());
  RC_ASSERT(world.fund("P", "1000").ok());
  // A voucher that is too small now and then, and a limit of the user's, so that all three parts occur.
  RC_ASSERT(world.voucher("V", {{"face", *rc::gen::element(std::string("0.000007"), std::string("0.5"), std::string("100"))}}).ok());
  const auto elapsed = *rc::gen::inRange(1, 5000);
  test::Words words{{"id", "7"}, {"cpus", "3"}, {"elapsed", std::to_string(elapsed)}, {"tag", "outage"}, {"voucher", "V"}};
  if (*rc::gen::arbitrary<bool>()) words["max-self"] = "0.25";
  RC_ASSERT(world.books().settle({world.record("none", words)}, world.now)->charged == 1u);
  const auto line = [&] {
    return world.books().view_statement(World::caller("auditor"), {}, world.facts(), world.now)->at("lines")[0];
  };
  const json before = line();
  const auto micro = [](const json& text) { return parse_money(text.get<std::string>())->micro; };
  std::int64_t left = micro(before["charge"]);
  for (int i = 0; left > 0; ++i) {
    const std::int64_t amount = i > 20 ? left : *rc::gen::inRange<std::int64_t>(1, left + 1);
    RC_ASSERT(world.approved(world.books().refund(World::caller("cashier"), {{"request_id", world.new_request_id()}, {"job_id", 7}, {"reason", "r"},
                                                                            {"amount", format_money({amount})}}, world.now)).ok());
    left -= amount;
    const json now = line();
    std::int64_t parts = 0;
    for (const char* part : {"by_voucher", "by_self", "overrun"}) {
      RC_ASSERT(micro(now[part]) >= 0 && micro(now[part]) <= micro(before[part]));
      parts += micro(now[part]);
    }
    RC_ASSERT(parts == left && micro(now["charge"]) == left);
  }
  RC_ASSERT(world.books().verify()->at("problems") == json::array());
  const auto voucher = world.books().view_voucher(World::caller("auditor"), "V", world.facts(), world.now);
  RC_ASSERT(voucher->at("available") == voucher->at("face"));
}

}  // namespace
}  // namespace sluice::service
