// SPDX-License-Identifier: Apache-2.0
//
// An event and its transfers: the unit that posts together or not at all. Events
// are never edited; a correction is a new event that names what it corrects.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/core/time.hpp"
#include "accounting/ledger/account.hpp"

namespace sluice::ledger {

/// The numbers are part of the stored format: append, never renumber.
enum class EventKind : int {
  fund = 1,
  grant = 2,
  lien = 3,
  void_lien = 4,
  charge = 5,
  refund = 6,
  expire = 7,
  revoke = 8,
};
[[nodiscard]] const char* name_of(EventKind kind);

/// What a transfer does to its two accounts. The numbers are part of the stored format.
enum class TransferState : int {
  posted = 1,   ///< moves `amount`
  pending = 2,  ///< opens lien `lien` over `amount`
  settled = 3,  ///< of lien `lien`, posts `amount`
  voided = 4,   ///< of lien `lien`, gives `amount` back
};

/// True for what ends a lien or a part of it.
[[nodiscard]] constexpr bool resolves(TransferState state) {
  return state == TransferState::settled || state == TransferState::voided;
}

struct Transfer {
  AccountRef debit;
  AccountRef credit;
  Money amount;
  TransferState state = TransferState::posted;
  std::string lien;  ///< empty for posted
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

/// A person or service, as known when it acted: uids are reused, so the name is kept.
struct Actor {
  std::int64_t uid = -1;
  std::string name;
  friend bool operator==(const Actor&, const Actor&) = default;
};

struct Event {
  std::string id;  ///< made by whoever asks; unique for ever
  EventKind kind = EventKind::fund;
  Actor actor;
  Actor approver;  ///< uid −1 where none is required
  UnixTime posted_at = 0;
  std::optional<UnixTime> usage_from;
  std::optional<UnixTime> usage_to;
  std::string period;    ///< month it is posted into, "2026-01"
  std::string document;  ///< notice, contract or receipt number, or a record's hash
  std::string corrects;  ///< id of the event that this one corrects
  std::string memo;
  std::vector<Transfer> transfers;
};

}  // namespace sluice::ledger
