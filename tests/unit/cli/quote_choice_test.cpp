// SPDX-License-Identifier: Apache-2.0
//
// Goal: of a federation's quotes the right one decides, and reads well. Method: quotes
// as home and site give them, changed in one thing each.

#include "accounting/cli/quote_choice.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

ClusterQuote home(const Json& changes = Json::object(), bool accepted = true) {
  Json quote = {{"asked", "cq"},     {"role", "home"},       {"mode", "enforce"}, {"declined", false}, {"cluster", "cq"},
                {"partition", "ai"}, {"account", "astro"},   {"user", "ann"},     {"unpriced", false}, {"amount", "2.68"},
                {"by_self", "1.08"}, {"by_voucher", "1.60"}, {"voucher", "V"},    {"tasks", 1},        {"notes", Json::array()},
                {"refusals", Json::array()}};
  quote.update(changes);
  return {quote, accepted};
}

ClusterQuote site(const Json& changes = Json::object()) {
  Json quote = {{"asked", "hami"}, {"role", "site"}, {"declined", true}, {"cluster", "hami"}, {"partition", "npu"},
                {"amount", "0.50"}, {"by_self", nullptr}, {"by_voucher", nullptr}, {"voucher", nullptr}};
  quote.update(changes);
  return home(quote, false);
}

Json refusal(const char* code, const char* text) { return {{"refusals", {{{"code", code}, {"text", text}}}}}; }

std::string decides(const Quotes& all, const std::string& local, bool* asked_for_local = nullptr) {
  const Quotes found = deciding_quotes(all, [&] {
    if (asked_for_local != nullptr) *asked_for_local = true;
    return local;
  });
  return found.empty() ? "nobody" : found.front().object["asked"].get<std::string>();
}

TEST(DecidingQuotes, TheClusterThatTheJobIsSubmittedTo) {
  EXPECT_EQ(decides({home(), site()}, "cq"), "cq");
  EXPECT_EQ(decides({home(), site()}, "hami"), "hami") << "who sits at the site submits there";
  EXPECT_EQ(decides({home(), site()}, ""), "cq") << "where Slurm doesn't tell";
  EXPECT_EQ(decides({site()}, "cq"), "nobody") << "what the sibling says is no quote of ours";
  EXPECT_EQ(decides({site()}, "hami"), "hami");
  EXPECT_EQ(decides({}, "cq"), "nobody");
}

TEST(DecidingQuotes, WhoChoseAClusterIsAnsweredByIt) {
  bool asked = false;
  EXPECT_EQ(decides({site({{"declined", false}})}, "cq", &asked), "hami");
  EXPECT_EQ(decides({home()}, "hami", &asked), "cq");
  EXPECT_FALSE(asked) << "Slurm is asked for our cluster only where that decides";
}

TEST(DecidingQuotes, EachComponentOfAHeterogeneousJob) {
  const Quotes all{home(), home({{"partition", "super"}, {"voucher", nullptr}, {"amount", "1.00"}})};
  const Quotes found = deciding_quotes(all, [] { return ""; });
  EXPECT_EQ(quote_lines(found), (Texts{"up to 2.68 yuan on cq/ai: voucher V pays up to 1.60, you up to 1.08",
                                       "up to 1.00 yuan on cq/super, paid by account astro", "together up to 3.68 yuan"}));
}

TEST(Refusals, OfTheClusterThatDecides) {
  const auto suspended = refusal("voucher_suspended", "voucher V is suspended; use another");
  const auto no_partition = refusal("partition_not_found", "cluster hami has no partition 'ai'");
  EXPECT_EQ(refusals_of({home(suspended)}, {home(suspended), site()}), (Texts{"voucher V is suspended; use another"}));
  EXPECT_EQ(refusals_of({home()}, {home(), site(no_partition)}), Texts{}) << "the other site's partitions don't matter";
  EXPECT_EQ(refusals_of({site(no_partition)}, {site(no_partition)}), (Texts{"cluster hami has no partition 'ai'"}));
}

TEST(Refusals, OnlyHomeKnowsVouchers) {
  const auto unknown = refusal("voucher_unknown", "there is no voucher V");
  EXPECT_EQ(refusals_of({site()}, {site(), home(unknown)}), (Texts{"there is no voucher V"}));
  EXPECT_EQ(refusals_of({site()}, {site(), home(refusal("partition_not_found", "cluster cq has no partition 'npu'"))}), Texts{});
}

TEST(Refusals, BeforeTheyAreInForceTheyAreTold) {
  const auto quote = home({{"mode", "warn"}, {"refusals", {{{"code", "a"}, {"text", "one"}}, {{"code", "b"}, {"text", "two"}}}}});
  EXPECT_EQ(refusals_of({quote}, {quote}), Texts{});
  EXPECT_EQ(quote_lines({quote}), (Texts{"would be refused once in force: one", "would be refused once in force: two"}));
}

TEST(Refusals, SlurmsOwn) {
  EXPECT_FALSE(slurm_refuses({home()}));
  EXPECT_TRUE(slurm_refuses({home(Json::object(), false)}));
  EXPECT_FALSE(slurm_refuses({site()})) << "it gave way to another cluster";
}

TEST(QuoteLines, SayWhoPaysWhat) {
  EXPECT_EQ(quote_lines({home({{"voucher", nullptr}})}), (Texts{"up to 2.68 yuan on cq/ai, paid by account astro"}));
  EXPECT_EQ(quote_lines({home({{"tasks", 10}})}),
            (Texts{"up to 2.68 yuan on cq/ai for all 10 tasks: voucher V pays up to 1.60, you up to 1.08"}));
  EXPECT_EQ(quote_lines({site()}), (Texts{"up to 0.50 yuan on hami/npu; what a voucher pays is settled at the home site"}));
}

TEST(QuoteLines, SayWhatWasAssumed) {
  EXPECT_EQ(quote_lines({home({{"voucher", nullptr}, {"notes", {"the default ai is assumed", "a\x1b[1mb"}}})}),
            (Texts{"up to 2.68 yuan on cq/ai, paid by account astro", "  the default ai is assumed", "  a [1mb"}));
  EXPECT_EQ(quote_lines({home({{"unpriced", true}, {"amount", nullptr}, {"notes", {"the default ai is assumed", "no price is set"}}})}),
            (Texts{"no price is set; the job is charged when one is", "  the default ai is assumed"}));
}

TEST(QuoteLines, SurviveQuotesThatLackEverything) {
  const ClusterQuote empty{Json::object(), true};
  EXPECT_EQ(deciding_quotes({empty}, [] { return ""; }).size(), 0u);
  EXPECT_EQ(quote_lines({empty}), (Texts{"no price is known; the job is charged when one is"}));
  EXPECT_EQ(refusals_of({empty}, {empty}), Texts{});
  const ClusterQuote wrong{{{"asked", 3}, {"notes", "x"}, {"refusals", 1}, {"amount", "many"}, {"tasks", "x"}}, true};
  EXPECT_FALSE(quote_lines({wrong, wrong}).empty());
}

}  // namespace
}  // namespace sluice::cli
