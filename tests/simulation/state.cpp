// SPDX-License-Identifier: Apache-2.0
//
// How the model's state changes: the table of LEDGER.md, row by row.

#include <algorithm>
#include <tuple>

#include "tests/simulation/model.hpp"

namespace sluice::simulation {

void State::fund(const std::string& programme, Micro amount) {
  Programme& p = programmes.at(programme);
  p.funded += amount;
  p.budget += amount;
}

void State::issue(const std::string& id, const Voucher& voucher) {
  Voucher& v = vouchers[id] = voucher;
  v.available = v.face;
  programmes.at(v.programme).budget -= v.face;
}

const Admission* State::open_of_nonce(const Submission& asked) const {
  const Admission* newest = nullptr;
  for (const std::string& id : open) {
    const Admission& a = admissions.at(id);
    if (!a.by_nonce || a.asked.nonce != asked.nonce || a.asked.uid != asked.uid) continue;
    if (newest == nullptr || std::tie(newest->created_at, newest->id) < std::tie(a.created_at, a.id)) newest = &a;
  }
  return newest;
}

void State::admit(const Admission& admission) {
  Admission& a = admissions[admission.id] = admission;
  open.insert(a.id);
  const auto v = vouchers.find(a.voucher);
  // After a machine died its voucher may be poorer than it was: then the lien is gone, the admission not.
  if (v == vouchers.end() || v->second.available < a.lien) a.lien = 0;
  if (a.lien == 0) return;
  v->second.available -= a.lien;
  v->second.liened += a.lien;
}

void State::see(const std::string& admission, const std::set<std::uint32_t>& jobs) {
  admissions.at(admission).jobs.insert(jobs.begin(), jobs.end());
}

void State::close(const std::string& admission) {
  Admission& a = admissions.at(admission);
  a.open = false;
  open.erase(a.id);
  if (a.lien == 0) return;
  Voucher& v = vouchers.at(a.voucher);
  v.liened -= a.lien;
  v.available += a.lien;
  a.lien = 0;
}

void State::charge(const Usage& usage, const Bill& bill) {
  const bool again = charges.contains(usage.key);
  charges[usage.key] = {usage, bill};
  if (bill.rated) unrated.erase(usage.key);
  if (!bill.rated) unrated.insert(usage.key);
  if (again && !bill.posted) return;  // its lien was given back when it was read first
  if (const auto a = admissions.find(bill.admission); a != admissions.end() && a->second.open) {
    if (a->second.lien > 0) {
      Voucher& v = vouchers.at(a->second.voucher);
      v.liened -= a->second.lien;
      v.available += a->second.lien;
      a->second.lien = 0;
    }
    if (bill.counts) ++a->second.charged;
    a->second.jobs.insert(usage.kept_id());
  }
  if (bill.posted) {
    if (bill.by_voucher > 0) {
      Voucher& v = vouchers.at(bill.voucher);
      v.available -= bill.by_voucher;
      v.used += bill.by_voucher;
    }
    owes[usage.account] += bill.by_self;
    overrun += bill.overrun;
    revenue += bill.amount;
  }
  if (const auto a = admissions.find(bill.admission); a != admissions.end() && a->second.open) {
    if (a->second.charged >= a->second.asked.tasks) {
      close(a->first);
    } else if (bill.new_lien > 0) {
      Voucher& v = vouchers.at(a->second.voucher);
      v.available -= bill.new_lien;
      v.liened += bill.new_lien;
      a->second.lien = bill.new_lien;
      ++a->second.lien_number;
    }
  }
}

void State::refund(const std::string& key, const Back& total, Second now) {
  Charge& c = charges.at(key);
  const Micro by_voucher = total.by_voucher - c.back.by_voucher;
  if (by_voucher > 0) {
    Voucher& v = vouchers.at(c.bill.voucher);
    Programme& p = programmes.at(v.programme);
    const bool ended = v.state == Voucher::State::expired || v.state == Voucher::State::revoked || now >= std::min(v.to, p.to);
    v.used -= by_voucher;
    (ended ? p.lapsed : v.available) += by_voucher;
    if (ended) v.gone += by_voucher;
  }
  owes.at(c.usage.account) -= total.by_self - c.back.by_self;
  overrun -= total.overrun - c.back.overrun;
  revenue -= total.all - c.back.all;
  c.back = total;
}

void State::revoke(const std::string& voucher) {
  Voucher& v = vouchers.at(voucher);
  v.state = Voucher::State::revoked;
  expire(voucher, v.available);
}

void State::expire(const std::string& voucher, Micro amount) {
  Voucher& v = vouchers.at(voucher);
  Programme& p = programmes.at(v.programme);
  const bool revoked = v.state == Voucher::State::revoked;
  v.available -= amount;
  v.gone += amount;
  (p.lapses && !revoked ? p.lapsed : p.budget) += amount;
  if (!revoked) v.state = Voucher::State::expired;
}

}  // namespace sluice::simulation
