// SPDX-License-Identifier: Apache-2.0
//
// Centre: what the service does because time has passed.

#include "tests/simulation/centre.hpp"

namespace sluice::simulation {

void Centre::sweep() {
  slurm::LiveCluster live = cluster_.live(now_);
  if (dice_.chance(100)) live = {cluster_name, false, "slurmctld does not answer", 0, {}};
  const std::set<std::string> alive = live.ok ? cluster_.admissions_alive() : std::set<std::string>{};
  const auto judge = [&](const Entry& entry) {
    require(entry.batch != nullptr && entry.batch->objects.empty() && entry.batch->charges.empty(), "a sweep stores admissions and no more");
    std::size_t liens = 0;
    for (const auto& row : entry.batch->admissions) {
      const auto known = state().admissions.find(row.id);
      if (known == state().admissions.end() || !known->second.open) fail("a sweep touched admission " + row.id + ", which is not open");
      if (row.open) {
        const auto jobs = nlohmann::json::parse(row.body).at("job_ids").get<std::set<std::uint32_t>>();
        change(entry.number, [id = row.id, jobs](State& s) { s.see(id, jobs); });
        continue;
      }
      require(live.ok, "an admission was given up although its cluster was not read");
      if (alive.contains(row.id)) fail("admission " + row.id + " was given up and its job lives");
      if (known->second.lien > 0) {
        ++liens;
        touch_voucher(known->second.voucher);
      }
      touch_admission(row.id);
      change(entry.number, [id = row.id](State& s) { s.close(id); });
    }
    require(entry.batch->events.size() == liens, "a sweep posts what ends a lien and no more");
  };
  const auto overdue = perform(judge, [&] { return books_->sweep({live}, now_); });
  if (!overdue) return;
  if (!overdue->ok()) return explain_fault(overdue->failure());
  for (const auto& [cluster, ids] : **overdue) wanted_jobs_.insert(wanted_jobs_.end(), ids.begin(), ids.end());
}

void Centre::expire() {
  bool stored = false;
  const auto judge = [&](const Entry& entry) {
    stored = true;
    require(entry.batch != nullptr && entry.batch->charges.empty() && entry.batch->admissions.empty(), "an expiry stores vouchers and no more");
    for (const auto& event : entry.batch->events) {
      require(event.transfers.size() == 1 && event.transfers.front().credit.name.starts_with("voucher/"), "an expiry takes from one voucher");
      const std::string id = event.transfers.front().credit.name.substr(8);
      const Voucher& voucher = state().vouchers.at(id);
      const Micro amount = event.transfers.front().amount.micro;
      if (voucher.state != Voucher::State::revoked && !rules_.is_over(state(), voucher, now_)) fail("voucher " + id + " has expired before its time");
      if (amount != voucher.available) fail("voucher " + id + " has " + text_of(voucher.available) + " and " + text_of(amount) + " of it expired");
      touch_voucher(id);
      change(entry.number, [id, amount](State& s) { s.expire(id, amount); });
    }
    for (const auto& object : entry.batch->objects) {
      require(object.kind == "voucher" && rules_.is_over(state(), state().vouchers.at(object.id), now_), "a voucher changed before its time");
      change(entry.number, [id = object.id](State& s) { s.expire(id, 0); });
    }
  };
  const auto expired = perform(judge, [&] { return books_->expire(now_); });
  if (!expired) return;
  if (!expired->ok()) return explain_fault(expired->failure());
  if (stored) told();
  for (const auto& [id, voucher] : state().vouchers) {
    const bool revoked = voucher.state == Voucher::State::revoked;
    if (!revoked && !rules_.is_over(state(), voucher, now_)) continue;
    if (voucher.available != 0 || (!revoked && voucher.state != Voucher::State::expired)) fail("voucher " + id + " is over and still holds " + text_of(voucher.available));
  }
}

/// As a thread of the service does every few milliseconds.
void Centre::sync() {
  const auto synced = perform([](const Entry&) { fail("a sync stored something"); }, [&] { return storage_.sync(); });
  if (synced && !synced->ok()) explain_fault(synced->failure());
}

void Centre::collected() {
  const auto judge = [](const Entry& entry) { require(entry.batch != nullptr && entry.batch->objects.size() == 1 && entry.batch->events.empty(), "a mark is a mark"); };
  const auto marked = perform(judge, [&] { return books_->set_collected_to(now_); });
  if (marked && !marked->ok()) explain_fault(marked->failure());
}

}  // namespace sluice::simulation
