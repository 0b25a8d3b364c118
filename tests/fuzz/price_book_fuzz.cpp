// SPDX-License-Identifier: Apache-2.0
//
// Goal: no price book takes the service down, what is wrong with it is said with line and
// column, and what it prices is never below zero. Method: the bytes as the file.

#include <string>

#include "accounting/tariff/price_book.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using fuzz::require;
  const std::string text(fuzz::text_of(data, size));
  const auto book = tariff::parse_price_book("prices.yaml", text);
  if (!book.ok()) {
    require(book.failure().kind == Failure::Kind::refusal, "a wrong file is a refusal");
    require(book.failure().text.starts_with("prices.yaml:"), "it is said where");
    return 0;
  }
  require(book->sha256().size() == 64 && !book->name().empty(), "a book has a name and a hash");
  const slurm::Tres tres = {{"billing", 1}, {"cpu", 64}, {"gres/gpu", 8}, {"gres/gpu:a100", 8}, {"mem", 256'000}, {"node", 1}};
  for (const char* cluster : {"cq", "example"}) {
    for (const char* partition : {"ai", "super"}) {
      const auto* row = book->find(cluster, partition, 1'780'000'000);
      if (row == nullptr) continue;
      require(row->from <= 1'780'000'000 && 1'780'000'000 < row->to, "a row holds at its time");
      const auto rated = tariff::rate(*row, tres, 3600);
      if (rated.ok()) require(!rated->amount.is_negative(), "nothing costs less than nothing");
    }
  }
  return 0;
}
