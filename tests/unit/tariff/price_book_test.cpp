// SPDX-License-Identifier: Apache-2.0
//
// Goal: the price that holds is the one that its author meant, or the author is
// told where the book is wrong. Method: rows of books and messages; look-ups.

#include "accounting/tariff/price_book.hpp"

#include <gtest/gtest.h>

#include <string>

#include "accounting/core/digest.hpp"
#include "accounting/core/yaml_reader.hpp"

namespace sluice::tariff {
namespace {

const std::string head = "price_book: cq-2026\ncurrency: CNY\nzone: Asia/Shanghai\n";

TEST(PriceBook, FindsTheMostSpecificRowOfTheTime) {
  const auto book = parse_price_book("p.yaml", head + R"(prices:
  - {cluster: "*", partition: "*", from: 2026-01-01, per_hour: {cpu: "1"}}
  - {cluster: "*", partition: ai, from: 2026-01-01, per_hour: {cpu: "2"}}
  - {cluster: cq, partition: "*", from: 2026-01-01, to: 2027-01-01, per_hour: {cpu: "3"}}
  - {cluster: cq, partition: ai, from: 2026-07-01, to: 2026-08-01, per_hour: {cpu: "5"}}
  - {cluster: cq, partition: ai, from: 2026-03-01, to: 2026-07-01, per_hour: {cpu: "4"}}
)");
  ASSERT_TRUE(book.ok()) << book.failure().text;
  struct Row {
    const char* cluster;
    const char* partition;
    const char* at;
    const char* price;  // "" where nothing holds
  };
  const Row rows[] = {
      {"cq", "ai", "2026-03-01", "4.000000"},           // `from` is inclusive
      {"cq", "ai", "2026-06-30T23:59:59", "4.000000"},
      {"cq", "ai", "2026-07-01", "5.000000"},           // `to` is exclusive
      {"cq", "ai", "2026-08-01", "3.000000"},           // cluster before partition
      {"cq", "super", "2026-03-01", "3.000000"},
      {"cq", "ai", "2027-01-01", "2.000000"},
      {"hami", "ai", "2026-03-01", "2.000000"},
      {"hami", "super", "2026-03-01", "1.000000"},
      {"hami", "super", "2099-01-01", "1.000000"},      // no `to`: no end
      {"hami", "super", "2025-12-31T23:59:59", ""},
      {"cq", "AI", "2026-03-01", "3.000000"},           // names are exact
  };
  for (const Row& row : rows) {
    const auto* found = book->find(row.cluster, row.partition, *parse_time(row.at, book->zone()));
    EXPECT_EQ(found == nullptr ? "" : format_money(found->per_hour.at("cpu")), row.price)
        << row.cluster << " " << row.partition << " " << row.at;
  }
  EXPECT_EQ(book->name(), "cq-2026");
  EXPECT_EQ(book->currency(), "CNY");
}

TEST(PriceBook, DatesAreOfTheBooksZone) {
  const std::string text =
      "price_book: b\ncurrency: CNY\nzone: UTC\nprices: [{cluster: c, partition: p, from: 2026-01-01, per_hour: {cpu: 1}}]\n";
  const auto book = parse_price_book("p.yaml", text);
  ASSERT_TRUE(book.ok());
  EXPECT_EQ(book->find("c", "p", *parse_time("2026-01-01T07:59:59+08:00", Zone{})), nullptr);
  EXPECT_NE(book->find("c", "p", *parse_time("2026-01-01T08:00:00+08:00", Zone{})), nullptr);
  EXPECT_EQ(book->sha256(), sha256_hex(text));
}

TEST(PriceBook, SaysWhereItIsWrong) {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"", "p.yaml:1:1: prices: has no row; write at least one"},
      {"prices: []\n", "p.yaml:4:9: prices: a list: has no row; write at least one"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, per_hour: {}}\n",
       "p.yaml:5:58: prices[0].per_hour: a mapping: has no price; write at least one, such as cpu: \"0.10\""},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01}\n", "p.yaml:5:3: prices[0].per_hour: is missing"},
      {"prices:\n- {cluster: c, partition: p, per_hour: {cpu: 1}}\n", "p.yaml:5:3: prices[0].from: is missing"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, to: 2026-01-01, per_hour: {cpu: 1}}\n",
       "p.yaml:5:52: prices[0].to: '2026-01-01': ends before it begins; `to` is exclusive and must be after `from`"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, per_hour: {cpu: -1}}\n",
       "p.yaml:5:64: prices[0].per_hour.cpu: '-1': a price can't be negative; write 0 or more"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, per_hour: {mem: 1}}\n",
       "p.yaml:5:64: prices[0].per_hour.mem: '1': memory is priced per GB; write mem_gb"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, per_hour: {energy: 1}}\n",
       "p.yaml:5:67: prices[0].per_hour.energy: '1': is nothing that can be priced; write cpu, mem_gb, node, billing, "
       "gres/NAME, gres/NAME:TYPE or license/NAME"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, per_hour: {cpu: 1}, discount: 0.5}\n",
       "p.yaml:5:68: prices[0].discount: unknown key; known here: cluster, from, partition, per_hour, to"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-01-01, to: 2026-03-01, per_hour: {cpu: 1}}\n"
       "- {cluster: c, partition: p, from: 2026-03-01, per_hour: {cpu: 1}}\n"
       "- {cluster: c, partition: p, from: 2026-02-28, to: 2026-03-01, per_hour: {cpu: 1}}\n",
       "p.yaml:7:3: prices[2] (line 7) overlaps the row of line 5 for cluster c, partition p; end one where the other "
       "begins"},
      {"prices:\n- {cluster: c, partition: p, from: 2026-06-01, per_hour: {cpu: 1}}\n"
       "- {cluster: c, partition: p, from: 2026-01-01, per_hour: {cpu: 1}}\n",
       "p.yaml:6:3: prices[1] (line 6) overlaps the row of line 5 for cluster c, partition p; end one where the other "
       "begins"},
      {"version: 2\nprices: []\n", "p.yaml:4:10: version: '2': write a whole number from 1 to 1"},
  };
  for (const Row& row : rows) {
    const auto book = parse_price_book("p.yaml", head + row.text);
    EXPECT_EQ(book.ok() ? "read" : book.failure().text, row.message) << row.text;
  }
  EXPECT_EQ(parse_price_book("p.yaml", "price_book: a b\n").failure().text,
            "p.yaml:1:13: price_book: 'a b': write a name of up to 64 letters, digits, '.', '_' and '-'");
  EXPECT_EQ(parse_price_book("p.yaml", "price_book: a\ncurrency: yuan\n").failure().text,
            "p.yaml:2:11: currency: 'yuan': write a code of three capital letters, such as CNY");
}

TEST(PriceBook, NamesThatCanBePriced) {
  for (const char* name : {"cpu", "mem_gb", "node", "billing", "gres/gpu", "gres/gpu:a100", "gres/gpu:1g.5gb", "gres/npu",
                           "license/matlab", "license/fluent@db"}) {
    EXPECT_TRUE(is_priceable(name)) << name;
  }
  for (const char* name : {"", "CPU", "mem", "energy", "gpu", "gres/", "gres/gpu:", "gres/:a100", "gres/gpu:a:b", "license/",
                           "fs/disk", "gres/gpu a100"}) {
    EXPECT_FALSE(is_priceable(name)) << name;
  }
}

TEST(PriceBook, TheInstalledExampleIsRead) {
  const std::string path = SLUICE_SOURCE_DIR "/etc/prices.yaml";
  const auto text = load_text(path);
  ASSERT_TRUE(text.ok()) << text.failure().text;
  const auto book = parse_price_book(path, *text);
  ASSERT_TRUE(book.ok()) << book.failure().text;
  EXPECT_EQ(book->find("cq", "ai", *parse_time("2026-06-01", book->zone())), nullptr) << "an example prices nobody's jobs";
}

}  // namespace
}  // namespace sluice::tariff
