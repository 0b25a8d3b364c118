// SPDX-License-Identifier: Apache-2.0
//
// The one lien of a heterogeneous job. Slurm asks for its components one after the other within one
// call, and tells no id that they have in common: they are told by their nonce. The first one opens
// the lien, each that follows raises it, and one that is refused takes all of them back. Each component
// has an admission, a record and a charge of its own; the first one's holds the lien, and stays open
// as long as another's needs it.

#include <algorithm>

#include "accounting/service/books.hpp"

namespace sluice::service {

const ledger::Lien* Books::open_lien(const Admission& holder) const {
  return holder.lien_number > 0 ? ledger_.lien(holder.lien_id(holder.lien_number)) : nullptr;
}

const Admission& Books::holder_of(const Admission& a) const {
  const auto holder = open_.find(a.lien_with);
  return holder != open_.end() ? holder->second : a;
}

std::vector<const Admission*> Books::covered_beside(const Admission& a, const Working& working) const {
  const std::string& holder = a.lien_with.empty() ? a.id : a.lien_with;
  std::vector<const Admission*> others;
  const auto add = [&](const std::string& id) {
    const auto here = working.find(id);
    const auto stored = open_.find(id);
    const Admission* one = here != working.end() ? &here->second : stored != open_.end() ? &stored->second : nullptr;
    if (one != nullptr && one->open && one->id != a.id) others.push_back(one);
  };
  add(holder);
  const auto [first, last] = open_with_.equal_range(holder);
  for (auto it = first; it != last; ++it) add(it->second);
  return others;
}

Money Books::wanted_beside(const Admission& a, const Working& working) const {
  Money sum;
  for (const Admission* one : covered_beside(a, working)) sum = checked_add(sum, lien_wanted(*one).value_or(Money{})).value_or(sum);
  return sum;
}

/// Of the same submission, let in a moment ago and not seen in Slurm yet: a nonce comes from the user's
/// side, and an older job that had the same one is another job.
std::vector<std::string> Books::components_before(const AdmissionRequest& request, UnixTime now) const {
  std::vector<std::string> ids;
  if (request.nonce.empty()) return ids;
  for (std::uint32_t offset = 0; offset < request.job.het_offset.value_or(0); ++offset) {
    const Admission* a = open_of_nonce(nonce_id(request.nonce, request.job.user_id, offset));
    if (a == nullptr || !a->job_ids.empty() || now - a->created_at >= config_->collector.void_after_seconds) break;
    ids.push_back(a->id);
  }
  return ids;
}

Result<void> Books::place_lien(Transaction& transaction, Admission& a, Money amount, std::optional<Admission>& holder, UnixTime now) {
  Admission& owner = holder ? *holder : a;
  std::vector<ledger::Transfer> transfers;
  Money whole = amount;
  if (const auto* lien = open_lien(owner); lien != nullptr) {
    const auto sum = checked_add(lien->amount, amount);
    if (!sum) return refusal("request_too_large", "the price of all components together can't be computed; ask for less");
    whole = *sum;
    transfers = ledger::void_transfers(*lien);
  }
  if (holder) a.lien_with = owner.id;
  ++owner.lien_number;
  owner.lien_first = whole;
  const auto placed = ledger::lien_transfers(owner.lien_id(owner.lien_number), owner.voucher, whole);
  transfers.insert(transfers.end(), placed.begin(), placed.end());
  ledger::Event event = new_event("lien/" + owner.lien_id(owner.lien_number), ledger::EventKind::lien, {a.user_id, a.user}, now);
  event.transfers = std::move(transfers);
  event.document = a.content_sha256;
  return transaction.post(std::move(event));
}

Result<void> Books::void_lien(Transaction& transaction, Admission& holder, const ledger::Lien& lien, const std::string& why,
                              const ledger::Actor& actor, UnixTime now) {
  ledger::Event event = new_event("void/" + lien.id, ledger::EventKind::void_lien, actor, now);
  event.memo = why;
  event.document = holder.content_sha256;
  event.transfers = ledger::void_transfers(lien);
  const auto posted = transaction.post(std::move(event));
  if (!posted.ok()) return posted;
  holder.lien_voided_at = now;
  holder.lien_voided_because = why;
  return {};
}

Result<void> Books::give_up(const std::vector<std::string>& ids, const std::string& why, UnixTime now) {
  if (ids.empty()) return {};
  Transaction transaction(*this);
  for (const std::string& id : ids) {
    const auto closed = close(transaction, open_.at(id), why, now);
    if (!closed.ok()) return closed;
  }
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  for (const std::string& id : ids) forget(id);
  return {};
}

void Books::forget(const std::string& id) {
  Admission after = open_.at(id);
  after.open = false;
  put(std::move(after));
}

}  // namespace sluice::service
