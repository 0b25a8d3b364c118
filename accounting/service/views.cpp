// SPDX-License-Identifier: Apache-2.0
//
// Books: what callers may see, as the JSON of API.md.

#include <algorithm>
#include <set>

#include "accounting/ledger/refusal.hpp"
#include "accounting/service/books.hpp"
#include "accounting/slurm/codec.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

bool needs_approver(ledger::EventKind kind) {
  return kind == ledger::EventKind::fund || kind == ledger::EventKind::grant;
}

/// Takes `name` out of `sums` and tells where the books hold something else.
void compare_charges(std::map<std::string, Money>& sums, const std::string& name, Money held, json& problems) {
  const auto found = sums.find(name);
  const Money sum = found == sums.end() ? Money{} : found->second;
  if (sum != held) problems.push_back(name + ": the transfers make " + format_money(held) + ", the charges less refunds " + format_money(sum));
  if (found != sums.end()) sums.erase(found);
}

}  // namespace

bool Books::sees_all(const Caller& caller, UnixTime now) const {
  for (const char* role : {"programme_manager", "cashier", "reviewer", "auditor"}) {
    if (config_->has_role(caller.name, role, now)) return true;
  }
  return false;
}

bool Books::is_member(const Caller& caller, const std::string& account, const SlurmFacts& facts) const {
  for (const auto& cluster : config_->clusters()) {
    const auto known = facts.cluster(cluster);
    if (known == nullptr) continue;
    const auto found = known->inventory.accounts_of_user.find(caller.name);
    if (found == known->inventory.accounts_of_user.end()) continue;
    if (std::find(found->second.begin(), found->second.end(), account) != found->second.end()) return true;
  }
  return false;
}

bool Books::may_see(const Caller& caller, const std::string& user, const std::string& account, const SlurmFacts& facts,
                    UnixTime now) const {
  // An administrator helps with any job, and sees no balance, voucher or statement but its own.
  return caller.name == user || sees_all(caller, now) || config_->has_role(caller.name, "administrator", now) ||
         is_member(caller, account, facts);
}

json Books::show(const Voucher& v) const {
  const auto balance = ledger_.balance(ledger::voucher(v.id));
  const auto spent = ledger_.balance(ledger::used(v.id));
  const auto programme = programmes_.find(v.programme);
  const Share share = v.share ? *v.share : programme != programmes_.end() ? programme->second.share : Share{};
  return {{"id", v.id},
          {"programme", v.programme},
          {"state", name_of(v.state)},
          {"face", format_money(v.face)},
          {"available", format_money(balance.available())},
          {"liens", format_money(balance.credits_pending)},
          {"used", format_money(spent.net())},
          {"claimed", format_money(Money{})},
          {"valid_from", format_time(v.valid_from, config_->zone)},
          {"valid_to", format_time(v.valid_to, config_->zone)},
          {"accounts", v.accounts},
          {"users", v.users},
          {"clusters", v.clusters},
          {"partitions", v.partitions},
          {"share", format_share(share)}};
}

json Books::show(const Programme& p) const {
  const auto budget = ledger_.balance(ledger::budget(p.id));
  Money granted;
  Money available;
  Money spent;
  for (const auto& [id, voucher] : vouchers_) {
    if (voucher.programme != p.id) continue;
    granted = granted + voucher.face;
    available = available + ledger_.balance(ledger::voucher(id)).available();
    spent = spent + ledger_.balance(ledger::used(id)).net();
  }
  json body = to_json(p, config_->zone);
  body["funded"] = format_money(Money{-ledger_.balance(ledger::issuer(p.id)).net().micro});
  body["budget_left"] = format_money(budget.available());
  body["granted"] = format_money(granted);
  body["available"] = format_money(available);
  body["used"] = format_money(spent);
  body["unclaimed"] = format_money(ledger_.balance(ledger::receivable_unclaimed(p.id)).net());
  return body;
}

json Books::show(const Proposal& p) const {
  const auto time = [&](UnixTime at) { return at == 0 ? json(nullptr) : json(format_time(at, config_->zone)); };
  return {{"id", p.id},
          {"kind", p.kind},
          {"state", p.state},
          {"summary", p.summary},
          {"proposed_by", p.proposed_by.name},
          {"proposed_at", time(p.proposed_at)},
          {"decided_by", p.decided_by.name.empty() ? json(nullptr) : json(p.decided_by.name)},
          {"decided_at", time(p.decided_at)},
          {"outcome", p.outcome}};
}

Result<json> Books::view_balance(const Caller& caller, const std::optional<std::string>& account, const SlurmFacts& facts,
                                 UnixTime now) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  if (account) {
    if (!sees_all(caller, now) && !is_member(caller, *account, facts)) {
      return refusal("not_yours", "account " + *account + " is not one of yours");
    }
    names.insert(*account);
  } else {
    for (const auto& cluster : config_->clusters()) {
      const auto known = facts.cluster(cluster);
      if (known == nullptr) continue;
      const auto found = known->inventory.accounts_of_user.find(caller.name);
      if (found != known->inventory.accounts_of_user.end()) names.insert(found->second.begin(), found->second.end());
    }
  }
  json accounts = json::array();
  for (const auto& name : names) {
    const auto rule = config_->account_rule(name);
    const auto open = open_self_quotes_.find(name);
    accounts.push_back({{"account", name},
                        {"self_pay", rule ? name_of(rule->self_pay) : "unknown"},
                        {"limit", rule && rule->self_pay == SelfPay::limit ? json(format_money(rule->limit)) : json(nullptr)},
                        {"owes", format_money(ledger_.balance(ledger::receivable_user(name)).net())},
                        {"prepaid", format_money(Money{-ledger_.balance(ledger::advance_user(name)).net().micro})},
                        {"open_quotes", format_money(open == open_self_quotes_.end() ? Money{} : open->second)}});
  }
  json vouchers = json::array();
  for (const auto& [id, voucher] : vouchers_) {
    const auto lists = [&](const std::vector<std::string>& list, const std::string& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    const bool by_user = voucher.users.empty() || lists(voucher.users, caller.name);
    const bool by_account = voucher.accounts.empty() || std::any_of(names.begin(), names.end(), [&](const auto& name) { return lists(voucher.accounts, name); });
    const bool of_account = account && (lists(voucher.accounts, *account) || voucher.accounts.empty());
    if (account ? of_account && (by_user || sees_all(caller, now)) : by_user && by_account) vouchers.push_back(show(voucher));
  }
  return json{{"user", caller.name}, {"accounts", accounts}, {"vouchers", vouchers}};
}

Result<json> Books::view_vouchers(const Caller& caller, const std::optional<std::string>& programme,
                                  const std::optional<std::string>& state, const SlurmFacts& facts, UnixTime now) {
  const std::lock_guard lock(mutex_);
  json vouchers = json::array();
  for (const auto& [id, voucher] : vouchers_) {
    if (programme && voucher.programme != *programme) continue;
    if (state && name_of(voucher.state) != *state) continue;
    const bool by_user = voucher.users.empty() ||
                         std::find(voucher.users.begin(), voucher.users.end(), caller.name) != voucher.users.end();
    const bool by_account = voucher.accounts.empty() ||
                            std::any_of(voucher.accounts.begin(), voucher.accounts.end(), [&](const auto& name) { return is_member(caller, name, facts); });
    if (sees_all(caller, now) || (by_user && by_account)) vouchers.push_back(show(voucher));
  }
  return json{{"vouchers", vouchers}};
}

Result<json> Books::view_voucher(const Caller& caller, const std::string& id, const SlurmFacts& facts, UnixTime now) {
  const auto all = view_vouchers(caller, std::nullopt, std::nullopt, facts, now);
  if (!all.ok()) return all.failure();
  for (const auto& voucher : all->at("vouchers")) {
    if (voucher.at("id") == id) return voucher;
  }
  return refusal("voucher_unknown", "there is no voucher " + id + " that you may see");
}

Result<json> Books::view_programmes(UnixTime) {
  const std::lock_guard lock(mutex_);
  json programmes = json::array();
  for (const auto& [id, programme] : programmes_) programmes.push_back(show(programme));
  return json{{"programmes", programmes}};
}

Result<json> Books::view_programme(const std::string& id, UnixTime) {
  const std::lock_guard lock(mutex_);
  const auto found = programmes_.find(id);
  if (found == programmes_.end()) return refusal("programme_unknown", "there is no programme " + id);
  return show(found->second);
}

Result<json> Books::view_proposals(const Caller& caller, const std::optional<std::string>& state, UnixTime now) {
  const std::lock_guard lock(mutex_);
  if (!sees_all(caller, now)) return refusal("role_missing", "proposals are for people of finance");
  json proposals = json::array();
  for (const auto& [id, proposal] : proposals_) {
    if (!state || proposal.state == *state) proposals.push_back(show(proposal));
  }
  return json{{"proposals", proposals}};
}

json Books::borne(const ledger::ChargeRow& row) const {
  const auto taken = refunds_.find(row.key);
  const auto back = [&](const char* part) {
    return taken == refunds_.end() ? Money{} : Money{taken->second.at(part).get<std::int64_t>()};
  };
  return {{"charge", format_money(row.amount - back("amount"))},
          {"by_voucher", format_money(row.by_voucher - back("by_voucher"))},
          {"by_self", format_money(row.by_self - back("by_self"))},
          {"overrun", format_money(row.overrun - back("overrun"))},
          {"refunded", format_money(back("amount"))}};
}

Result<json> Books::view_statement(const Caller& caller, const ledger::ChargeQuery& query, const SlurmFacts& facts, UnixTime now,
                                   const std::vector<std::string>& clusters) {
  ledger::ChargeQuery narrowed = query;
  narrowed.posted_only = true;
  {
    const std::lock_guard lock(mutex_);
    if (!sees_all(caller, now)) {
      // Without a role: one's own jobs, or those of an account that one belongs to.
      const bool own_account = query.account && is_member(caller, *query.account, facts);
      if (query.account && !own_account) return refusal("not_yours", "account " + *query.account + " is not one of yours");
      if (query.user && *query.user != caller.name && !own_account) return refusal("not_yours", "jobs of " + *query.user + " are not for you to see");
      if (!own_account) narrowed.user = caller.name;
    }
  }
  std::vector<ledger::ChargeRow> rows;
  const auto read = storage_.charges(narrowed, [&](ledger::ChargeRow&& row) {
    const bool wanted = clusters.empty() || std::find(clusters.begin(), clusters.end(), row.cluster) != clusters.end();
    if (row.start && wanted) rows.push_back(std::move(row));
    return true;
  });
  if (!read.ok()) return read.failure();
  const std::lock_guard lock(mutex_);
  // Fen appear once per payer, voucher and month.
  std::map<std::string, Money> voucher_sums;
  std::map<std::string, Money> self_sums;
  std::map<std::string, Money> overrun_sums;
  Money exact;
  json lines = json::array();
  for (const auto& row : rows) {
    const json record = json::parse(row.record, nullptr, false);
    const json parts = borne(row);
    const auto amount = [&](const char* name) { return *parse_money(parts.at(name).get<std::string>()); };
    const std::string month = month_of(row.end, config_->zone);
    Money& by_voucher = voucher_sums[month + "/" + row.voucher];
    Money& by_self = self_sums[month + "/" + row.account];
    Money& overrun = overrun_sums[month];
    by_voucher = by_voucher + amount("by_voucher");
    by_self = by_self + amount("by_self");
    overrun = overrun + amount("overrun");
    exact = exact + amount("charge");
    json line = {{"cluster", row.cluster},
                 {"user", row.user},
                 {"account", row.account},
                 {"partition", row.partition},
                 {"state", row.state},
                 {"start", format_time(*row.start, config_->zone)},
                 {"end", format_time(row.end, config_->zone)},
                 {"elapsed_seconds", record.value("elapsed_seconds", 0)},
                 {"tres", record.value("tres_alloc", json::object())},
                 {"voucher", row.voucher.empty() ? json(nullptr) : json(row.voucher)}};
    line.update(names_of(row.job_id, row.array_job_id, task_of(record)));
    line.update(parts);
    lines.push_back(std::move(line));
  }
  const auto rounded = [](const std::map<std::string, Money>& sums) {
    Money total;
    for (const auto& [key, sum] : sums) total = total + round_to_fen(sum);
    return total;
  };
  const Money by_voucher = rounded(voucher_sums);
  const Money by_self = rounded(self_sums);
  const Money overrun = rounded(overrun_sums);
  const Money total = by_voucher + by_self + overrun;
  return json{{"from", query.end_from ? json(format_time(*query.end_from, config_->zone)) : json(nullptr)},
              {"to", query.end_to ? json(format_time(*query.end_to, config_->zone)) : json(nullptr)},
              {"lines", lines},
              {"total", format_money_fen(total)},
              {"by_voucher", format_money_fen(by_voucher)},
              {"by_self", format_money_fen(by_self)},
              {"overrun", format_money_fen(overrun)},
              {"rounding", format_money(total - exact)}};
}

Result<json> Books::verify_for(const Caller& caller, UnixTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (!sees_all(caller, now) && !config_->has_role(caller.name, "administrator", now)) {
      return refusal("role_missing", "the ledger is checked by people of finance and by administrators; the site names them in sluice.yaml");
    }
  }
  return verify();
}

Result<json> Books::verify() {
  ledger::Ledger recomputed;
  json problems = json::array();
  std::size_t events = 0;
  std::size_t transfers = 0;
  // What charges, less what was refunded of them, must have left in the books.
  std::map<std::string, Money> earned;
  std::map<std::string, Money> spent_of;
  auto stored = storage_.audit(
      [&](ledger::Event&& event) {
        ++events;
        transfers += event.transfers.size();
        const auto checked = recomputed.check(event);
        if (!checked.ok()) {
          problems.push_back("event '" + event.id + "': " + checked.failure().text);
          return;
        }
        recomputed.apply(event);
        if (needs_approver(event.kind) && (event.approver.uid < 0 || event.approver.uid == event.actor.uid)) {
          problems.push_back("event '" + event.id + "': no second person approved it");
        }
        // Refunds as the events tell them; the running sums in memory are only a convenience.
        if (event.kind != ledger::EventKind::refund) return;
        for (const auto& transfer : event.transfers) {
          if (transfer.debit.name.starts_with("revenue/")) earned[transfer.debit.name] = earned[transfer.debit.name] - transfer.amount;
          if (transfer.credit.name.starts_with("used/")) spent_of[transfer.credit.name] = spent_of[transfer.credit.name] - transfer.amount;
        }
      },
      [&](ledger::ChargeRow&& row) {
        if (!row.posted) return;
        Money& revenue = earned[ledger::revenue(row.cluster).name];
        revenue = revenue + row.amount;
        if (row.voucher.empty()) return;
        Money& used = spent_of[ledger::used(row.voucher).name];
        used = used + row.by_voucher;
      });
  if (!stored.ok()) return stored.failure();
  std::size_t accounts = 0;
  for (const auto& [account, balance] : stored->balances) {
    ++accounts;
    const auto again = recomputed.balance(account);
    if (again.debits_posted != balance.debits_posted || again.credits_posted != balance.credits_posted) {
      problems.push_back(account.name + ": stored " + format_money(balance.net()) + ", recomputed " + format_money(again.net()));
    }
  }
  std::size_t held = 0;
  for (const auto& [account, balance] : recomputed.balances()) held += balance.debits_posted.is_zero() && balance.credits_posted.is_zero() ? 0 : 1;
  const auto with_sums = std::count_if(stored->balances.begin(), stored->balances.end(), [](const auto& entry) {
    return !entry.second.debits_posted.is_zero() || !entry.second.credits_posted.is_zero();
  });
  if (static_cast<std::size_t>(with_sums) != held) problems.push_back("the accounts with sums differ from those of the transfers");
  for (const auto& [account, balance] : recomputed.balances()) {
    const Money net = balance.net();
    if (account.name.starts_with("revenue/")) compare_charges(earned, account.name, Money{-net.micro}, problems);
    if (account.name.starts_with("used/")) compare_charges(spent_of, account.name, net, problems);
  }
  for (const auto& [name, sum] : earned) {
    if (!sum.is_zero()) problems.push_back(name + ": charges of " + format_money(sum) + " are not in the transfers");
  }
  for (const auto& [name, sum] : spent_of) {
    if (!sum.is_zero()) problems.push_back(name + ": charges of " + format_money(sum) + " are not in the transfers");
  }
  for (const auto& lien : stored->liens) {
    const auto* again = recomputed.lien(lien.id);
    if (again == nullptr || again->amount != lien.amount) problems.push_back("lien " + lien.id + ": stored, but not in the transfers");
  }
  if (stored->liens.size() != recomputed.liens().size()) problems.push_back("the open liens differ from those of the transfers");
  const Money entitlement = recomputed.sum(ledger::Book::entitlement);
  const Money money = recomputed.sum(ledger::Book::money);
  if (!entitlement.is_zero()) problems.push_back("book entitlement does not sum to zero");
  if (!money.is_zero()) problems.push_back("book money does not sum to zero");
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, programme] : programmes_) {
      Money spent;
      for (const auto& [voucher_id, voucher] : vouchers_) {
        if (voucher.programme == id) spent = spent + recomputed.balance(ledger::used(voucher_id)).net();
      }
      const Money unclaimed = recomputed.balance(ledger::receivable_unclaimed(id)).net();
      if (unclaimed != spent) {
        problems.push_back("programme " + id + ": vouchers used " + format_money(spent) + ", unclaimed is " + format_money(unclaimed));
      }
    }
  }
  return json{{"ok", problems.empty()},
              {"books", {{"entitlement", format_money(entitlement)}, {"money", format_money(money)}}},
              {"accounts", accounts},
              {"events", events},
              {"transfers", transfers},
              {"liens_open", recomputed.liens().size()},
              {"problems", problems}};
}

json Books::counts() const {
  const std::lock_guard lock(mutex_);
  std::size_t pending = 0;
  for (const auto& [id, proposal] : proposals_) pending += proposal.state == "pending" ? 1 : 0;
  return {{"open_admissions", open_.size()}, {"open_liens", ledger_.liens().size()}, {"pending_proposals", pending}};
}

}  // namespace sluice::service
