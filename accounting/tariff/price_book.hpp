// SPDX-License-Identifier: Apache-2.0
//
// Price books: what an hour of each TRES costs, per cluster, partition and time.
//
// A PriceBook never changes once parsed, so any number of threads may read it.
// Pure: no clock, no I/O. PRICEBOOK.md is the format.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"
#include "accounting/slurm/record.hpp"

namespace sluice::tariff {

/// Prices of one cluster and partition ("*": any) over [from, to).
struct PriceRow {
  std::string cluster;
  std::string partition;
  UnixTime from = 0;
  UnixTime to = time_forever;
  std::map<std::string, Money> per_hour;  ///< "cpu", "mem_gb", "node", "billing", "gres/gpu", "gres/gpu:a100", "license/x"
  int line = 0;                           ///< of the file, for messages
};

class PriceBook {
 public:
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& currency() const { return currency_; }
  [[nodiscard]] const Zone& zone() const { return zone_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }  ///< of the text as read

  /// The row that holds at `at`, the most specific first: cluster and partition,
  /// cluster and "*", "*" and partition, "*" and "*". nullptr: no price, which is
  /// not a price of nothing. Valid as long as the book is.
  [[nodiscard]] const PriceRow* find(const std::string& cluster, const std::string& partition, UnixTime at) const;

 private:
  friend Result<PriceBook> parse_price_book(const std::string& file, const std::string& text);

  std::string name_;
  std::string currency_;
  Zone zone_;
  std::string sha256_;
  std::map<std::pair<std::string, std::string>, std::vector<PriceRow>> rows_;  ///< each list by ascending `from`
};

/// Reads a book; failures say FILE:LINE:COLUMN. `file` is used for messages only.
[[nodiscard]] Result<PriceBook> parse_price_book(const std::string& file, const std::string& text);

/// "cpu", "mem_gb", "node", "billing", "gres/NAME", "gres/NAME:TYPE" or "license/NAME".
[[nodiscard]] bool is_priceable(std::string_view name);

/// What usage costs.
struct Rated {
  Money amount;
  /// Devices ("gres/…") that `amount` leaves out because the row has no price for
  /// them. Not empty: the usage is unpriced, never free.
  std::vector<std::string> unpriced;
};

/// Price × count × hours summed over all TRES exactly, then rounded half-even to
/// 1e-6 once. Memory is in MB there and priced per GB of 1,024 MB here. A device
/// is priced once: by its type's price where the row has one, else by the price
/// of its kind. Refuses negative usage and amounts that don't fit.
[[nodiscard]] Result<Rated> rate(const PriceRow& row, const slurm::Tres& tres, std::int64_t seconds);

}  // namespace sluice::tariff
