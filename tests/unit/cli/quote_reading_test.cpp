// SPDX-License-Identifier: Apache-2.0
//
// Goal: what sbatch says is sorted rightly. Method: its words as Slurm 22.05 writes them.

#include "accounting/cli/quote_reading.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using Texts = std::vector<std::string>;

TEST(ReadQuote, SortsLines) {
  const auto reading = read_quote(
      "sbatch: debug:  something\n"
      "sbatch: sluice: up to 2.68 yuan\n"
      "sbatch: sluice-quote: {\"amount\":\"2.68\"}\n"
      "sbatch: Job 12 to start at 2026-03-02T09:00:00 using 2 processors on nodes n1 in partition ai\n"
      "sbatch:   Preempts: 7,8\n"
      "\n"
      "sbatch: sluice: \x1b[1mwarm");
  EXPECT_EQ(reading.lines, (Texts{"up to 2.68 yuan", " [1mwarm"}));
  ASSERT_EQ(reading.quotes.size(), 1u);
  EXPECT_EQ(reading.quotes[0].object["amount"], "2.68");
  EXPECT_TRUE(reading.quotes[0].accepted);
  EXPECT_EQ(reading.will_run,
            (Texts{"Job 12 to start at 2026-03-02T09:00:00 using 2 processors on nodes n1 in partition ai", "  Preempts: 7,8"}));
  EXPECT_EQ(reading.others, (Texts{"debug:  something"}));
  EXPECT_TRUE(reading.errors.empty());
  EXPECT_FALSE(reading.no_controller || reading.no_service || reading.unreadable_quote || reading.wrong_options);
}

TEST(ReadQuote, KnowsWhatARefusalCarried) {
  const auto reading = read_quote(
      "sbatch: error: sluice-quote: {\"asked\":\"hami\"}\n"
      "sbatch: 0: sluice-quote: {\"asked\":\"cq\"}\n"
      "sbatch: 11: sluice: a component's line\n"
      "sbatch: error: sluice: --voucher: too long\n"
      "sbatch: error: sluice: --voucher: too long\n");
  ASSERT_EQ(reading.quotes.size(), 2u);
  EXPECT_FALSE(reading.quotes[0].accepted);
  EXPECT_TRUE(reading.quotes[1].accepted) << "Slurm numbers a heterogeneous job's components";
  EXPECT_EQ(reading.lines, (Texts{"a component's line", "--voucher: too long"})) << "each cluster says it; once is enough";
}

TEST(ReadQuote, KnowsWhoFailed) {
  EXPECT_TRUE(read_quote("allocation failure: Unable to contact slurm controller (connect failure)\n").no_controller);
  EXPECT_TRUE(read_quote("sbatch: fatal: Could not establish a configuration source\n").no_controller);
  EXPECT_TRUE(read_quote("sbatch: error: sluice: the accounting service of this cluster doesn't answer, and no job is taken\n").no_service);
  EXPECT_TRUE(read_quote("sbatch: unrecognized option '--x'\n").wrong_options);
  EXPECT_TRUE(read_quote("sbatch: error: Unable to open file absent.sh\n").wrong_options);
  EXPECT_TRUE(read_quote("sbatch: sluice-quote: {\n").unreadable_quote);
  EXPECT_TRUE(read_quote("sbatch: sluice-quote: 3\n").unreadable_quote);
  EXPECT_EQ(read_quote("allocation failure: Requested node configuration is not available\n").errors,
            (Texts{"Requested node configuration is not available"}));
}

TEST(ReadQuote, TakesNobodyElsesWordForOurs) {
  const auto reading = read_quote("sluice: printed by a script\nsluice-quote: {}\nsbatch: my sluice: note\n");
  EXPECT_TRUE(reading.lines.empty());
  EXPECT_TRUE(reading.quotes.empty());
  EXPECT_EQ(reading.others.size(), 3u);
}

}  // namespace
}  // namespace sluice::cli
