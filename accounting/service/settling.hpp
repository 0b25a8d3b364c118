// SPDX-License-Identifier: Apache-2.0
//
// One finished job's record on its way to a charge: what settle.cpp, which has many of
// them, hands to settle_record.cpp. Nobody else includes this.

#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/core/digest.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/settlement.hpp"
#include "accounting/slurm/record.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {

/// Under which the ledger keeps the charge of a record: a job id may come again, submitted later.
[[nodiscard]] std::string charge_key(const slurm::UsageRecord& record);

/// Hashes of programmes, for as long as none can change.
class ProgrammeHashes {
 public:
  [[nodiscard]] const std::string& of(const Programme& programme) {
    std::string& hash = hashes_[programme.id];
    if (hash.empty()) hash = sha256_hex(to_json(programme).dump());
    return hash;
  }

 private:
  std::unordered_map<std::string, std::string> hashes_;
};

/// What can be made of a record without the books.
struct Books::ReadRecord {
  slurm::TaggedText comment;
  bool mac_fits = false;
  std::string text{};    ///< as it is kept
  std::string sha256{};  ///< of that
};

/// One record on its way.
struct Books::Settling {
  const slurm::UsageRecord& record;
  ReadRecord& read;
  UnixTime now = 0;
  bool again = false;              ///< read before, without a price: its task is counted already
  bool newer = false;              ///< and says something else now
  const std::string& found_before; ///< the admission that it was found to be of then; empty: none
  Working& working;                ///< admissions as this batch leaves them
  ProgrammeHashes& programme_hashes;
  std::optional<slurm::Tag>& tag = read.comment.tag;  ///< none where it is not believed
  Admission* admission = nullptr;        ///< of working; null: none, or it is closed
  Admission* holder = nullptr;           ///< of working: whose lien covers it, itself or its heterogeneous job's first component
  std::optional<Admission> closed{};
  const Voucher* voucher = nullptr;
  const Programme* programme = nullptr;
  const ledger::Lien* lien = nullptr;    ///< of the admission, where its voucher pays
  Mode mode = Mode::observe;
  bool rated = true;
  std::string price_book{};
  Money amount{};
  Split split{};
  Parts refunded{};                ///< by the site's rule, at once
  std::vector<std::string> reasons{};

  /// The admission, open or not.
  [[nodiscard]] const Admission* known() const { return admission != nullptr ? admission : closed ? &*closed : nullptr; }
};

}  // namespace sluice::service
