// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/tables.hpp"

#include "tests/simulation/failed.hpp"

namespace sluice::simulation {
namespace {

using ledger::TransferState;

/// A row that lives as long as what it came in.
template <typename Whole, typename Row>
std::shared_ptr<const Row> part_of(const std::shared_ptr<const Whole>& whole, const Row& row) {
  return {whole, &row};
}

bool may_not_owe(const ledger::AccountRef& account) {
  const auto begins = [&](const char* prefix) { return account.name.starts_with(prefix); };
  return account.book == ledger::Book::entitlement && (begins("budget/") || begins("voucher/") || begins("used/"));
}

}  // namespace

void Tables::write(const Shared<ledger::Batch>& batch) {
  for (const auto& document : batch->documents) documents.try_emplace(document.sha256, part_of(batch, document));
  for (const auto& event : batch->events) post(part_of(batch, event));
  for (const auto& object : batch->objects) objects[{object.kind, object.id}] = part_of(batch, object);
  for (const auto& row : batch->admissions) put(part_of(batch, row));
  for (const auto& row : batch->charges) put(part_of(batch, row));
}

void Tables::write(const Shared<ledger::NewAdmission>& admission) {
  if (admission->lien) post(part_of(admission, *admission->lien));
  put(part_of(admission, admission->row));
}

void Tables::post(const Shared<ledger::Event>& event) {
  if (!event_ids.insert(event->id).second) fail("event '" + event->id + "' was posted twice");
  if (event->actor.name.empty() || event->period.empty()) fail("event '" + event->id + "' doesn't say who or when");
  events.push_back(event);
  for (const auto& transfer : event->transfers) post(transfer);
}

void Tables::post(const ledger::Transfer& transfer) {
  const std::int64_t amount = transfer.amount.micro;
  require(amount > 0, "a transfer is not above zero");
  require(transfer.debit.book == transfer.credit.book && transfer.debit != transfer.credit, "a transfer is not between two accounts of one book");
  require((transfer.state == TransferState::posted) == transfer.lien.empty(), "a transfer's lien doesn't fit its state");
  Sums& debit = accounts[transfer.debit];
  Sums& credit = accounts[transfer.credit];
  if (transfer.state == TransferState::pending) {
    if (!liens.emplace(transfer.lien, ledger::Lien{transfer.lien, transfer.debit, transfer.credit, transfer.amount}).second) {
      fail("lien " + transfer.lien + " was placed twice");
    }
    debit.debits_pending += amount;
    credit.credits_pending += amount;
    return;
  }
  if (transfer.state != TransferState::posted) {
    // What is left of it is the other transfer's, in the same event.
    const auto lien = liens.find(transfer.lien);
    if (lien == liens.end() || lien->second.amount.micro < amount) fail("lien " + transfer.lien + " is not there to be settled or voided");
    debit.debits_pending -= amount;
    credit.credits_pending -= amount;
    lien->second.amount.micro -= amount;
    if (lien->second.amount.is_zero()) liens.erase(lien);
    if (transfer.state == TransferState::voided) return;
  }
  debit.debits += amount;
  credit.credits += amount;
  if (may_not_owe(transfer.credit) && credit.debits < credit.credits) fail(transfer.credit.name + " would owe");
}

void Tables::put(const Shared<ledger::AdmissionRow>& row) { admissions[row->id] = row; }

void Tables::put(const Shared<ledger::ChargeRow>& row) {
  if (row->amount.micro != row->by_voucher.micro + row->by_self.micro + row->overrun.micro || row->by_voucher.is_negative() ||
      row->by_self.is_negative() || row->overrun.is_negative()) {
    fail("the parts of charge " + row->key + " are not its whole");
  }
  auto& stored = charges[row->key];
  if (stored != nullptr && stored->rated) fail("job " + row->key + " was charged twice");
  if ((stored != nullptr) != row->replaces) fail("charge " + row->key + (row->replaces ? " replaces nothing" : " is not new"));
  stored = row;
}

}  // namespace sluice::simulation
