// SPDX-License-Identifier: Apache-2.0
//
// Reading a price book and looking a row up.

#include "accounting/tariff/price_book.hpp"

#include <algorithm>

#include "accounting/core/digest.hpp"
#include "accounting/core/yaml_reader.hpp"

namespace sluice::tariff {
namespace {

constexpr const char* any = "*";

bool is_word(std::string_view text, std::string_view also = "._-") {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

std::map<std::string, Money> read_prices(YamlMap prices) {
  std::map<std::string, Money> per_hour;
  for (const std::string& name : prices.keys()) {
    if (!is_priceable(name)) {
      prices.fail(name, name == "mem" ? "memory is priced per GB; write mem_gb"
                                      : "is nothing that can be priced; write cpu, mem_gb, node, billing, gres/NAME, "
                                        "gres/NAME:TYPE or license/NAME");
    }
    const Money price = prices.money(name);
    if (price.is_negative()) prices.fail(name, "a price can't be negative; write 0 or more");
    per_hour.emplace(name, price);
  }
  return per_hour;
}

PriceRow read_row(YamlMap& map, const Zone& zone) {
  PriceRow row;
  row.line = map.mark().line + 1;
  row.cluster = map.text("cluster");
  row.partition = map.text("partition");
  row.from = map.time("from", zone);
  row.to = map.time_or("to", zone, time_forever);
  if (row.to <= row.from) map.fail("to", "ends before it begins; `to` is exclusive and must be after `from`");
  row.per_hour = read_prices(map.map("per_hour"));
  if (row.per_hour.empty()) map.fail("per_hour", "has no price; write at least one, such as cpu: \"0.10\"");
  map.done();
  return row;
}

/// Puts `row` where it belongs by time; throws where one of the same cluster and partition overlaps.
void insert_row(std::vector<PriceRow>& rows, PriceRow row, const YamlMap& map) {
  const auto next = std::find_if(rows.begin(), rows.end(), [&](const PriceRow& other) { return other.to > row.from; });
  if (next != rows.end() && next->from < row.to) {
    throw YamlProblem{map.mark(), map.path() + " (line " + std::to_string(row.line) + ") overlaps the row of line " +
                                      std::to_string(next->line) + " for cluster " + row.cluster + ", partition " +
                                      row.partition + "; end one where the other begins"};
  }
  rows.insert(next, std::move(row));
}

}  // namespace

bool is_priceable(std::string_view name) {
  if (name == "cpu" || name == "mem_gb" || name == "node" || name == "billing") return true;
  if (name.starts_with("license/")) return is_word(name.substr(8), "._-@");
  if (!name.starts_with("gres/")) return false;
  name.remove_prefix(5);
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return is_word(name);
  return is_word(name.substr(0, colon)) && is_word(name.substr(colon + 1));
}

const PriceRow* PriceBook::find(const std::string& cluster, const std::string& partition, UnixTime at) const {
  const std::pair<std::string, std::string> keys[] = {
      {cluster, partition}, {cluster, any}, {any, partition}, {any, any}};
  for (const auto& key : keys) {
    const auto rows = rows_.find(key);
    if (rows == rows_.end()) continue;
    for (const PriceRow& row : rows->second) {
      if (row.from <= at && at < row.to) return &row;
    }
  }
  return nullptr;
}

Result<PriceBook> parse_price_book(const std::string& file, const std::string& text) {
  return read_yaml<PriceBook>(file, text, [&](YamlMap& top) {
    PriceBook book;
    if (top.has("version")) (void)top.integer("version", 1, 1);
    book.name_ = top.text("price_book");
    if (!is_word(book.name_)) top.fail("price_book", "write a name of up to 64 letters, digits, '.', '_' and '-'");
    book.currency_ = top.text("currency");
    if (book.currency_.size() != 3 || !std::all_of(book.currency_.begin(), book.currency_.end(),
                                                   [](char c) { return c >= 'A' && c <= 'Z'; })) {
      top.fail("currency", "write a code of three capital letters, such as CNY");
    }
    const auto zone = parse_zone(top.text("zone"));
    if (!zone.ok()) top.fail("zone", zone.failure().text);
    book.zone_ = *zone;
    auto maps = top.maps("prices");
    if (maps.empty()) top.fail("prices", "has no row; write at least one");
    for (YamlMap& map : maps) {
      PriceRow row = read_row(map, book.zone_);
      auto& rows = book.rows_[{row.cluster, row.partition}];
      insert_row(rows, std::move(row), map);
    }
    book.sha256_ = sha256_hex(text);
    return book;
  });
}

}  // namespace sluice::tariff
