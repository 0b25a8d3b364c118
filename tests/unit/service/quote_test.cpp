// SPDX-License-Identifier: Apache-2.0
//
// Goal: what home and site answer to `sluice quote` and to a plain --test-only. Method:
// submissions to both, and quotes of any length.

#include "accounting/service/quote.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "accounting/service/site_admission.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::Words;
using test::World;

const std::string prefix = "sluice-quote: ";

json quote_in(const Answer& answer) {
  if (answer.lines.size() != 1 || !answer.lines[0].starts_with(prefix)) return "no quote";
  return json::parse(answer.lines[0].substr(prefix.size()), nullptr, false);
}

/// The site hami of the world, without a ledger.
Answer at_site(World& world, Words words, const std::string& more = "") {
  words.try_emplace("kind", "test");
  const auto config = parse_config("c.yaml", "role: site\ncluster: hami\nmode: enforce\nprice_book: p.yaml\n"
                                             "sites:\n  - {name: hami, cluster: hami, feature: wind, partition: ai}\n" + more);
  const auto book = tariff::parse_price_book("p.yaml", World::default_prices());
  const auto request = world.request(words);
  const auto appraisal = appraise({request, *config, &*book, world.facts().cluster("hami"), "ann", world.now});
  return answer_at_site({request, appraisal, *config, "key"});
}

TEST(QuoteOfHome, HoldsAllThatAReaderNeeds) {
  World world;
  ASSERT_TRUE(world.programme("P", {{"share", "0.60"}}).ok());
  ASSERT_TRUE(world.fund("P", "100").ok());
  ASSERT_TRUE(world.voucher("V", {{"face", "10"}}).ok());
  const auto answer = world.submit("a", {{"kind", "test"}, {"quote-format", "json"}, {"time", "60"}, {"cpus", "10"}, {"voucher", "V"}});
  EXPECT_TRUE(answer.admit);
  const json quote = quote_in(answer);
  EXPECT_EQ(quote, json::parse(R"({"asked":"cq","role":"home","mode":"enforce","declined":false,"cluster":"cq","partition":"ai","account":"astro",
    "user":"ann","unpriced":false,"amount":"10.00","by_voucher":"6.00","by_self":"4.00","voucher":"V","tasks":1,
    "notes":["account astro is ann's default"],"refusals":[]})"));
  EXPECT_TRUE(world.books().counts()["open_admissions"] == 0) << "nothing is held";
}

TEST(QuoteOfHome, RefusesWithTheReasonInIt) {
  World world;
  const Words words{{"kind", "test"}, {"quote-format", "json"}, {"time", "60"}, {"voucher", "none"}};
  const auto answer = world.submit("a", words);
  EXPECT_FALSE(answer.admit);
  EXPECT_TRUE(answer.denied);
  EXPECT_EQ(quote_in(answer)["refusals"], json::parse(R"([{"code":"voucher_unknown","text":"there is no voucher none; see: sluice voucher list"}])"));
  world.set_config([] {
    std::string text = World::default_config();
    return text.replace(text.find("enforce"), 7, "observe");
  }());
  const auto observed = world.submit("a", words);
  EXPECT_TRUE(observed.admit);
  EXPECT_EQ(quote_in(observed)["mode"], "observe");
  EXPECT_EQ(quote_in(observed)["refusals"].size(), 1u);
}

TEST(QuoteOfHome, WithoutAPriceHasNoAmount) {
  World world;
  const json quote = quote_in(world.submit("a", {{"kind", "test"}, {"quote-format", "json"}, {"time", "60"}, {"partition", "free"}}));
  EXPECT_EQ(quote["unpriced"], true);
  EXPECT_EQ(quote["amount"], nullptr);
  EXPECT_EQ(quote["notes"].back(), "no price is set for partition free of cluster cq");
}

TEST(QuoteOfHome, NamesTheSiteOfAPartitionThatIsntHere) {
  World world;
  std::string config = World::default_config();
  config.replace(config.find("feature: wind, partition: ai"), 28, "feature: wind, partition: npu");
  world.set_config(config);
  const auto answer = world.submit("a", {{"time", "60"}, {"partition", "npu"}});
  ASSERT_EQ(answer.lines.size(), 1u);
  EXPECT_EQ(answer.lines[0], "sluice: cluster cq has no partition 'npu'; choose one of: ai, cpu, free; to run in npu of cluster hami give --place=hami instead");
}

TEST(QuoteOfSite, GivesWayToTheClusterOfTheSubmission) {
  World world;
  const Words words{{"quote-format", "json"}, {"time", "60"}, {"cpus", "10"}};
  const auto answer = at_site(world, words);
  EXPECT_FALSE(answer.admit);
  const json quote = quote_in(answer);
  EXPECT_EQ(quote["declined"], true);
  EXPECT_EQ(quote["asked"], "hami");
  EXPECT_EQ(quote["role"], "site");
  EXPECT_EQ(quote["amount"], "4.00");
  EXPECT_EQ(quote["voucher"], nullptr);
  EXPECT_EQ(quote["refusals"], json::array());
  Words array = words;
  array["array"] = "1-3";
  EXPECT_EQ(quote_in(at_site(world, array))["amount"], "12.00") << "of all tasks, as at home";
}

TEST(QuoteOfSite, DecidesWhereItWasChosenWithM) {
  World world;
  auto request = world.request({{"kind", "test"}, {"quote-format", "json"}, {"time", "60"}});
  request.job.clusters = "hami";
  const auto config = parse_config("c.yaml", "role: site\ncluster: hami\nmode: enforce\nprice_book: p.yaml\n");
  Appraisal appraisal;
  const auto answer = [&] { return answer_at_site({request, appraisal, *config, "key"}); };
  EXPECT_TRUE(answer().admit);
  EXPECT_EQ(quote_in(answer())["declined"], false);
  appraisal.refusals.push_back(refusal("partition_not_found", "cluster hami has no partition 'x'"));
  EXPECT_FALSE(answer().admit);
}

TEST(QuoteOfSite, IsSilentAboutPartitionsOfOthers) {
  World world;
  const auto other = at_site(world, {{"time", "60"}, {"partition", "theirs"}});
  EXPECT_TRUE(other.admit) << "Slurm itself says no";
  EXPECT_TRUE(other.lines.empty());
  const auto own = at_site(world, {{"time", "60"}});
  EXPECT_EQ(own.lines, (std::vector<std::string>{"sluice: up to 0.40 yuan on hami/ai; what a voucher pays is settled at the home site"}));
  const auto place = at_site(world, {{"time", "60"}, {"place", "mars"}});
  EXPECT_FALSE(place.admit);
  ASSERT_EQ(place.lines.size(), 1u);
  EXPECT_TRUE(place.lines[0].starts_with("sluice: there is no site 'mars'"));
  const auto submitted = at_site(world, {{"kind", "submit"}, {"time", "60"}, {"partition", "theirs"}});
  EXPECT_FALSE(submitted.admit) << "a job that is submitted here is this site's to refuse";
}

TEST(QuoteLine, IsShortenedAndStaysJson) {
  const std::string chinese = "没有这样的分区";
  std::string text;
  while (text.size() < 3000) text += chinese;
  const json quote = {{"voucher", text}, {"notes", json::array({"first", text, text, "the last"})}, {"refusals", {{{"code", "c"}, {"text", text}}}}};
  const std::string line = quote_line(quote);
  EXPECT_LE(line.size(), quote_line_bytes_max);
  const json read = json::parse(line.substr(prefix.size()), nullptr, false);
  ASSERT_TRUE(read.is_object());
  EXPECT_EQ(read["notes"].back(), "the last") << "what is short is whole";
  EXPECT_EQ(read["refusals"][0]["code"], "c");
  const std::string cut = read["voucher"];
  EXPECT_TRUE(cut.ends_with("…"));
  EXPECT_EQ(text.rfind(cut.substr(0, cut.size() - 3), 0), 0u) << "no character is torn";
}

RC_GTEST_PROP(QuoteLineProperty, NeverTooLongAndAlwaysJson, ()) {
  json quote = {{"amount", "1.00"}};
  const auto bytes = [] { return *rc::gen::container<std::string>(rc::gen::arbitrary<char>()); };
  const auto times = *rc::gen::inRange(1, 400);
  for (const char* name : {"partition", "account", "voucher", "user"}) {
    std::string text;
    const std::string once = bytes();
    for (int i = 0; i < times; ++i) text += once;
    quote[name] = text;
  }
  quote["notes"] = json::array();
  for (int i = 0; i < times; ++i) quote["notes"].push_back(bytes());
  const std::string line = quote_line(quote);
  RC_ASSERT(line.size() <= quote_line_bytes_max);
  RC_ASSERT(json::parse(line.substr(prefix.size()), nullptr, false).is_object());
  RC_ASSERT(line.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace sluice::service
