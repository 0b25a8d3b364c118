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

std::set<std::string> accounts_of(const Caller& caller, const SlurmFacts& facts, const Config& config) {
  std::set<std::string> accounts;
  for (const auto& cluster : config.clusters()) {
    const auto known = facts.cluster(cluster);
    if (known == nullptr) continue;
    const auto found = known->inventory.accounts_of_user.find(caller.name);
    if (found != known->inventory.accounts_of_user.end()) accounts.insert(found->second.begin(), found->second.end());
  }
  return accounts;
}

bool lists(const std::vector<std::string>& list, const std::string& name) { return std::find(list.begin(), list.end(), name) != list.end(); }

/// Whether a list of accounts names one of `accounts`, or none at all.
bool is_for(const std::vector<std::string>& list, const std::set<std::string>& accounts) {
  return list.empty() || std::any_of(list.begin(), list.end(), [&](const auto& name) { return accounts.contains(name); });
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
  return accounts_of(caller, facts, *config_).contains(account);
}

bool Books::may_see(const Caller& caller, const std::string& user, const std::string& account, const SlurmFacts& facts,
                    UnixTime now) const {
  // An administrator helps with any job, and sees no balance, voucher or statement but its own.
  return caller.name == user || sees_all(caller, now) || config_->has_role(caller.name, "administrator", now) ||
         is_member(caller, account, facts);
}

json Books::show(const Voucher& voucher) const { return show(to_show(voucher), config_->zone); }

Books::VoucherShown Books::to_show(const Voucher& v) const {
  const auto programme = programmes_.find(v.programme);
  const Share share = v.share ? *v.share : programme != programmes_.end() ? programme->second.share : Share{};
  return {v, share, ledger_.balance(ledger::voucher(v.id)), ledger_.balance(ledger::used(v.id)).net()};
}

json Books::show(const VoucherShown& shown, const Zone& zone) {
  const Voucher& v = shown.voucher;
  return {{"id", v.id},
          {"programme", v.programme},
          {"state", name_of(v.state)},
          {"face", format_money(v.face)},
          {"available", format_money(shown.balance.available())},
          {"liens", format_money(shown.balance.credits_pending)},
          {"used", format_money(shown.used)},
          {"claimed", format_money(Money{})},
          {"valid_from", format_time(v.valid_from, zone)},
          {"valid_to", format_time(v.valid_to, zone)},
          {"accounts", v.accounts},
          {"users", v.users},
          {"clusters", v.clusters},
          {"partitions", v.partitions},
          {"share", format_share(shown.share)}};
}

std::vector<Books::ProgrammeShown> Books::programmes_to_show(const std::optional<std::string>& id) const {
  std::map<std::string, ProgrammeShown> chosen;
  for (const auto& [name, programme] : programmes_) {
    if (id && name != *id) continue;
    ProgrammeShown& shown = chosen[name];
    shown.programme = programme;
    shown.funded = Money{-ledger_.balance(ledger::issuer(name)).net().micro};
    shown.budget_left = ledger_.balance(ledger::budget(name)).available();
    shown.unclaimed = ledger_.balance(ledger::receivable_unclaimed(name)).net();
  }
  for (const auto& [name, voucher] : vouchers_) {
    const auto found = chosen.find(voucher.programme);
    if (found == chosen.end()) continue;
    ProgrammeShown& shown = found->second;
    shown.granted = shown.granted + voucher.face;
    shown.available = shown.available + ledger_.balance(ledger::voucher(name)).available();
    shown.used = shown.used + ledger_.balance(ledger::used(name)).net();
  }
  std::vector<ProgrammeShown> all;
  for (auto& [name, shown] : chosen) all.push_back(std::move(shown));
  return all;
}

json Books::show(const ProgrammeShown& shown, const Zone& zone) {
  json body = to_json(shown.programme, zone);
  body["funded"] = format_money(shown.funded);
  body["budget_left"] = format_money(shown.budget_left);
  body["granted"] = format_money(shown.granted);
  body["available"] = format_money(shown.available);
  body["used"] = format_money(shown.used);
  body["unclaimed"] = format_money(shown.unclaimed);
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
  const auto config = this->config();
  std::set<std::string> names = accounts_of(caller, facts, *config);
  json accounts = json::array();
  std::vector<VoucherShown> chosen;
  {
    const std::lock_guard lock(mutex_);
    const bool all = sees_all(caller, now);
    if (account) {
      if (!all && !names.contains(*account)) return refusal("not_yours", "account " + *account + " is not one of yours");
      names = {*account};
    }
    for (const auto& name : names) {
      const auto rule = config->account_rule(name);
      const auto open = open_self_quotes_.find(name);
      accounts.push_back({{"account", name},
                          {"self_pay", rule ? name_of(rule->self_pay) : "unknown"},
                          {"limit", rule && rule->self_pay == SelfPay::limit ? json(format_money(rule->limit)) : json(nullptr)},
                          {"owes", format_money(ledger_.balance(ledger::receivable_user(name)).net())},
                          {"prepaid", format_money(Money{-ledger_.balance(ledger::advance_user(name)).net().micro})},
                          {"open_quotes", format_money(open == open_self_quotes_.end() ? Money{} : open->second)}});
    }
    for (const auto& [id, voucher] : vouchers_) {
      const bool by_user = voucher.users.empty() || lists(voucher.users, caller.name);
      if (is_for(voucher.accounts, names) && (by_user || (account && all))) chosen.push_back(to_show(voucher));
    }
  }
  json vouchers = json::array();
  for (const auto& one : chosen) vouchers.push_back(show(one, config->zone));
  return json{{"user", caller.name}, {"accounts", accounts}, {"vouchers", vouchers}};
}

Result<json> Books::view_vouchers(const Caller& caller, const std::optional<std::string>& programme,
                                  const std::optional<std::string>& state, const SlurmFacts& facts, UnixTime now) {
  const auto config = this->config();
  const std::set<std::string> accounts = accounts_of(caller, facts, *config);
  std::vector<VoucherShown> chosen;
  {
    const std::lock_guard lock(mutex_);
    const bool all = sees_all(caller, now);
    for (const auto& [id, voucher] : vouchers_) {
      if (programme && voucher.programme != *programme) continue;
      if (state && name_of(voucher.state) != *state) continue;
      const bool by_user = voucher.users.empty() || lists(voucher.users, caller.name);
      if (all || (by_user && is_for(voucher.accounts, accounts))) chosen.push_back(to_show(voucher));
    }
  }
  json vouchers = json::array();
  for (const auto& one : chosen) vouchers.push_back(show(one, config->zone));
  return json{{"vouchers", vouchers}};
}

Result<json> Books::view_voucher(const Caller& caller, const std::string& id, const SlurmFacts& facts, UnixTime now) {
  const auto all = view_vouchers(caller, std::nullopt, std::nullopt, facts, now);
  if (!all.ok()) return all.failure();
  for (const auto& voucher : all->at("vouchers")) {
    if (voucher.at("id") == id) return voucher;
  }
  return refusal("voucher_unknown", "there is no voucher " + id + " that you may see; see: sluice voucher list");
}

Result<json> Books::view_programmes(UnixTime) {
  const auto config = this->config();
  std::vector<ProgrammeShown> all;
  {
    const std::lock_guard lock(mutex_);
    all = programmes_to_show(std::nullopt);
  }
  json programmes = json::array();
  for (const auto& one : all) programmes.push_back(show(one, config->zone));
  return json{{"programmes", programmes}};
}

Result<json> Books::view_programme(const std::string& id, UnixTime) {
  const auto config = this->config();
  std::vector<ProgrammeShown> found;
  {
    const std::lock_guard lock(mutex_);
    found = programmes_to_show(id);
  }
  if (found.empty()) return refusal("programme_unknown", "there is no programme " + id);
  return show(found.front(), config->zone);
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

Books::Borne Books::borne(const ledger::ChargeRow& row) const {
  const auto taken = refunds_.find(row.key);
  if (taken == refunds_.end()) return {row.amount, row.by_voucher, row.by_self, row.overrun, {}};
  const auto back = [&](const char* part) { return Money{taken->second.at(part).get<std::int64_t>()}; };
  return {row.amount - back("amount"), row.by_voucher - back("by_voucher"), row.by_self - back("by_self"),
          row.overrun - back("overrun"), back("amount")};
}

json Books::show(const Borne& borne) {
  return {{"charge", format_money(borne.charge)},
          {"by_voucher", format_money(borne.by_voucher)},
          {"by_self", format_money(borne.by_self)},
          {"overrun", format_money(borne.overrun)},
          {"refunded", format_money(borne.refunded)}};
}

namespace {

/// What a statement names and there isn't: a cluster that is neither configured nor in its lines, or,
/// where it has none, the voucher.
std::optional<Failure> misnamed(Books& books, const Caller& caller, const ledger::ChargeQuery& query, const SlurmFacts& facts, UnixTime now,
                                const std::vector<std::string>& clusters, const std::vector<std::string>& known,
                                const std::vector<ledger::ChargeRow>& rows) {
  for (const auto& name : clusters) {
    if (lists(known, name) || std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.cluster == name; })) continue;
    std::string names;
    for (const auto& one : known) names += (names.empty() ? "" : ", ") + one;
    return refusal("cluster_unknown", "no cluster '" + name + "' is configured, nor are there any lines of it; known: " + names);
  }
  if (!query.voucher || !rows.empty()) return std::nullopt;
  const auto voucher = books.view_voucher(caller, *query.voucher, facts, now);
  return voucher.ok() ? std::nullopt : std::optional(voucher.failure());
}

}  // namespace

Result<json> Books::view_statement(const Caller& caller, const ledger::ChargeQuery& query, const SlurmFacts& facts, UnixTime now,
                                   const std::vector<std::string>& clusters) {
  ledger::ChargeQuery narrowed = query;
  narrowed.posted_only = true;
  const auto config = this->config();
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
    return rows.size() <= statement_lines_max;
  });
  if (!read.ok()) return read.failure();
  if (rows.size() > statement_lines_max) {
    return refusal("statement_too_long", "the statement has more than " + std::to_string(statement_lines_max) +
                                             " lines; name a shorter period, one account or one cluster");
  }
  if (auto wrong = misnamed(*this, caller, query, facts, now, clusters, config->clusters(), rows)) return std::move(*wrong);
  // Fen appear once per payer, voucher and month.
  std::map<std::string, Money> voucher_sums;
  std::map<std::string, Money> self_sums;
  std::map<std::string, Money> overrun_sums;
  Money exact;
  json lines = json::array();
  for (const auto& row : rows) {
    const json record = json::parse(row.record, nullptr, false);
    const Borne parts = [&] {  // admissions go on between two lines
      const std::lock_guard lock(mutex_);
      return borne(row);
    }();
    const std::string month = month_of(row.end, config->zone);
    Money& by_voucher = voucher_sums[month + "/" + row.voucher];
    Money& by_self = self_sums[month + "/" + row.account];
    Money& overrun = overrun_sums[month];
    by_voucher = by_voucher + parts.by_voucher;
    by_self = by_self + parts.by_self;
    overrun = overrun + parts.overrun;
    exact = exact + parts.charge;
    json line = {{"cluster", row.cluster},
                 {"user", row.user},
                 {"account", row.account},
                 {"partition", row.partition},
                 {"state", row.state},
                 {"start", format_time(*row.start, config->zone)},
                 {"end", format_time(row.end, config->zone)},
                 {"elapsed_seconds", record.value("elapsed_seconds", 0)},
                 {"tres", record.value("tres_alloc", json::object())},
                 {"voucher", row.voucher.empty() ? json(nullptr) : json(row.voucher)}};
    line.update(names_of(row.job_id, row.array_job_id, task_of(record)));
    line.update(show(parts));
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
  return json{{"from", query.end_from ? json(format_time(*query.end_from, config->zone)) : json(nullptr)},
              {"to", query.end_to ? json(format_time(*query.end_to, config->zone)) : json(nullptr)},
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

UnixTime Books::oldest_open_admission() const {
  const std::lock_guard lock(mutex_);
  UnixTime oldest = 0;
  for (const auto& [id, admission] : open_) {
    if (oldest == 0 || admission.created_at < oldest) oldest = admission.created_at;
  }
  return oldest;
}

std::map<std::string, Money> Books::liens_of_programmes() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, Money> liens;
  for (const auto& [id, programme] : programmes_) liens[id] = {};
  for (const auto& [id, voucher] : vouchers_) {
    Money& sum = liens[voucher.programme];
    sum = sum + ledger_.balance(ledger::voucher(id)).credits_pending;
  }
  return liens;
}

}  // namespace sluice::service
