// SPDX-License-Identifier: Apache-2.0
//
// Rating: usage times prices, exactly, rounded once.

#include <algorithm>
#include <optional>

#include "accounting/tariff/price_book.hpp"

namespace sluice::tariff {
namespace {

constexpr std::int64_t mb_per_gb = 1024;
constexpr std::int64_t seconds_per_hour = 3600;

/// The exact sum in 1e-6 × seconds × (1/1024), so that MB and whole units meet.
class ExactSum {
 public:
  void add(Money price, Int128 count, std::int64_t parts_of_unit) {
    Int128 product = 0;
    if (__builtin_mul_overflow(static_cast<Int128>(price.micro), count, &product) ||
        __builtin_mul_overflow(product, static_cast<Int128>(parts_of_unit), &product) ||
        __builtin_add_overflow(sum_, product, &sum_)) {
      overflow_ = true;
    }
  }
  [[nodiscard]] std::optional<Money> over(std::int64_t seconds) const {
    Int128 product = 0;
    if (overflow_ || __builtin_mul_overflow(sum_, static_cast<Int128>(seconds), &product)) return std::nullopt;
    return divide_half_even(product, static_cast<Int128>(mb_per_gb) * seconds_per_hour);
  }

 private:
  Int128 sum_ = 0;
  bool overflow_ = false;
};

std::optional<Money> price_of(const PriceRow& row, const std::string& name) {
  const auto price = row.per_hour.find(name);
  if (price == row.per_hour.end()) return std::nullopt;
  return price->second;
}

/// All devices of one kind: Slurm counts a typed one under "gres/gpu" and again under "gres/gpu:a100".
struct Devices {
  std::int64_t total = 0;
  std::vector<std::pair<std::string, std::int64_t>> typed;
};

void add_devices(const PriceRow& row, const std::string& kind, const Devices& devices, ExactSum& sum, Rated& rated) {
  const auto kind_price = price_of(row, kind);
  Int128 of_types = 0;
  for (const auto& [name, count] : devices.typed) of_types += count;
  // A site may account only the types, so the total can be missing.
  Int128 rest = std::max<Int128>(devices.total, of_types);
  Int128 named = 0;
  for (const auto& [name, count] : devices.typed) {
    if (const auto price = price_of(row, name)) {
      sum.add(*price, count, mb_per_gb);
      rest -= count;
    } else if (!kind_price && count > 0) {
      rated.unpriced.push_back(name);
      named += count;
    }
  }
  if (rest <= 0) return;
  if (kind_price) {
    sum.add(*kind_price, rest, mb_per_gb);
  } else if (rest > named) {
    rated.unpriced.push_back(kind);
  }
}

}  // namespace

Result<Rated> rate(const PriceRow& row, const slurm::Tres& tres, std::int64_t seconds) {
  if (seconds < 0) return refusal("bad_usage", "a job can't have run for less than no time");
  ExactSum sum;
  Rated rated;
  std::map<std::string, Devices> kinds;
  for (const auto& [name, count] : tres) {
    if (count < 0) return refusal("bad_usage", name + " has a negative count in this usage");
    if (name.starts_with("gres/")) {
      const auto colon = name.find(':');
      Devices& devices = kinds[name.substr(0, colon)];
      if (colon == std::string::npos) {
        devices.total = count;
      } else {
        devices.typed.emplace_back(name, count);
      }
    } else if (name == "mem") {
      if (const auto price = price_of(row, "mem_gb")) sum.add(*price, count, 1);
    } else if (const auto price = price_of(row, name)) {
      sum.add(*price, count, mb_per_gb);
    }
  }
  for (const auto& [kind, devices] : kinds) add_devices(row, kind, devices, sum, rated);
  const auto amount = sum.over(seconds);
  if (!amount) return refusal("amount_too_large", "the price of this usage is beyond what an amount can hold");
  rated.amount = *amount;
  return rated;
}

}  // namespace sluice::tariff
