// SPDX-License-Identifier: Apache-2.0
//
// Centre: what people of finance ask for, in calm and while everything breaks.

#include <algorithm>
#include <iterator>

#include "tests/simulation/centre.hpp"

namespace sluice::simulation {

using nlohmann::json;

namespace {

constexpr Micro refund_limit = 20'000'000;
constexpr std::size_t asked_max = 30;

const std::map<std::string, std::int64_t>& people() {
  static const std::map<std::string, std::int64_t> uids = {{"root", 0}, {"manager", 7001}, {"deputy", 7002}, {"cashier", 7003}, {"auditor", 7004}, {"checker", 7005}, {"stranger", 7006}};
  return uids;
}

bool may(const std::string& who, const std::string& verb) {
  if (who == "manager" || who == "deputy") return true;
  if (verb == "approve" || verb == "reject") return who == "checker";
  return verb == "refund" && who == "cashier";
}

std::string utc(Second at) { return format_time(at, Zone{"UTC", 0}); }

std::string share_text(std::int64_t share) { return text_of(share); }

}  // namespace

Centre::Command Centre::programme_command() {
  Command c{"programme", "manager", "P" + std::to_string(++numbers_), {}, 0, {}, {}};
  Programme& p = c.programme;
  p.share = dice_.chance(300) ? 1'000'000 : dice_.between(100'000, 999'999);
  p.from = now_ - dice_.below(3600);
  p.to = now_ + dice_.between(5, 400) * 86400;
  p.lapses = dice_.chance(500);
  if (dice_.chance(300)) p.states = {"COMPLETED", "TIMEOUT"};
  const std::string text = "programme: " + c.target + "\nname: " + c.target + "\nissuer: district\nvalid_from: " + utc(p.from) + "\nvalid_to: " + utc(p.to) +
                           "\nshare: \"" + share_text(p.share) + "\"\nexpiry_to: " + (p.lapses ? "lapsed" : "budget") + "\n" +
                           (p.states.empty() ? "" : "eligible_states: [COMPLETED, TIMEOUT]\n");
  c.request = {{"text", text}};
  programmes_asked_.push_back(c.target);
  return c;
}

Centre::Command Centre::fund_command() {
  Command c{"fund", "manager", dice_.pick(programmes_asked_), {}, dice_.between(1, 6'000'000'000), {}, {}};
  c.request = {{"amount", text_of(c.amount)}, {"document", "notice " + std::to_string(++numbers_)}};
  return c;
}

Centre::Command Centre::voucher_command() {
  // Now and then an id that is taken.
  const bool again = !vouchers_asked_.empty() && dice_.chance(50);
  Command c{"voucher", "manager", again ? dice_.pick(vouchers_asked_).first : "V" + std::to_string(++numbers_), {}, 0, {}, {}};
  Voucher& v = c.voucher;
  v.programme = dice_.pick(programmes_asked_);
  v.face = dice_.between(1, 300'000'000);
  v.from = dice_.chance(900) ? now_ - dice_.below(3600) : now_ + dice_.below(86400);
  v.to = std::max(now_, v.from) + (dice_.chance(500) ? dice_.between(1, 72) * 3600 : dice_.between(3, 60) * 86400);
  v.account = dice_.pick(accounts_);
  if (dice_.chance(200)) v.user = dice_.pick(users_).first;
  if (dice_.chance(200)) v.share = dice_.between(0, 1'000'000);
  c.request = {{"id", c.target}, {"programme", v.programme}, {"face", text_of(v.face)}, {"valid_from", utc(v.from)}, {"valid_to", utc(v.to)},
               {"accounts", {v.account}}, {"users", json::array()}, {"clusters", json::array()}, {"partitions", json::array()},
               {"document", "contract " + std::to_string(numbers_)}};
  if (!v.user.empty()) c.request["users"] = {v.user};
  if (v.share) c.request["share"] = share_text(*v.share);
  if (!again) vouchers_asked_.emplace_back(c.target, v.account);
  return c;
}

Centre::Command Centre::decision_command() {
  Command c{dice_.chance(920) ? "approve" : "reject", "checker", "PR-NONE", {}, 0, {}, {}};
  // One that waits, mostly; where none does, one that was decided.
  for (int tries = 0; tries < 20 && !proposals_seen_.empty(); ++tries) {
    c.target = dice_.chance(800) ? dice_.pick_newest(proposals_seen_, 10) : dice_.pick(proposals_seen_);
    const auto known = state().proposals.find(c.target);
    if (known != state().proposals.end() && known->second.state == "pending") break;
  }
  if (c.verb == "reject") c.request["reason"] = "no";
  return c;
}

Centre::Command Centre::refund_command() {
  Command c{"refund", "cashier", charges_seen_.empty() ? "none" : dice_.pick(charges_seen_), {}, 0, {}, {}};
  c.request = {{"reason", "r"}, {"job_id", 1}, {"cluster", cluster_name}};
  const auto known = state().charges.find(c.target);
  if (known == state().charges.end()) return c;
  const Usage& usage = known->second.usage;
  if (usage.task) c.request["job_id"] = std::to_string(usage.array_id) + "_" + std::to_string(*usage.task);
  if (!usage.task) c.request["job_id"] = usage.job_id;
  if (dice_.chance(800)) c.request["submit"] = utc(usage.submit);
  const Micro left = known->second.bill.amount - known->second.back.all;
  if (dice_.chance(700)) {
    c.amount = dice_.chance(950) ? dice_.between(1, std::max<Micro>(1, left)) : left + dice_.between(1, 1000);
    c.request["amount"] = text_of(c.amount);
  }
  return c;
}

Centre::Command Centre::voucher_state_command() {
  const auto verb = dice_.below(100);
  Command c{verb < 20 ? "revoke" : verb < 50 ? "suspend" : "resume", "manager", "", {{"reason", "r"}}, 0, {}, {}};
  // What was suspended is resumed before long, or nothing would be paid.
  for (int tries = 0; tries < 6; ++tries) {
    c.target = dice_.pick_newest(vouchers_asked_, 20).first;
    const auto known = state().vouchers.find(c.target);
    if (known != state().vouchers.end() && (known->second.state == Voucher::State::suspended) == (c.verb == "resume")) break;
  }
  return c;
}

void Centre::command() {
  const auto kind = dice_.below(100);
  Command c = kind < 2    ? programme_command()
              : kind < 10 ? fund_command()
              : kind < 30 ? voucher_command()
              : kind < 68 ? decision_command()
              : kind < 85 ? refund_command()
                          : voucher_state_command();
  if (dice_.chance(80)) c.who = std::next(people().begin(), dice_.below(static_cast<std::int64_t>(people().size())))->first;
  c.request["request_id"] = "request-" + std::to_string(++numbers_);
  send(c);
  asked_.push_back(std::move(c));
  if (asked_.size() > asked_max) asked_.erase(asked_.begin() + dice_.below(asked_max));
}

/// Somebody tries again after an answer was lost, or uses a request id twice.
void Centre::command_again() {
  if (asked_.empty()) return;
  Command c = dice_.chance(500) ? asked_.back() : dice_.pick(asked_);
  if (dice_.chance(50)) c.request["reason"] = "another";
  send(c);
}

void Centre::set_up_programme() {
  const auto approved = [&](Command c) {
    c.request["request_id"] = "request-" + std::to_string(++numbers_);
    send(c);
    Command decision{"approve", "checker", proposals_seen_.back(), {{"request_id", "request-" + std::to_string(++numbers_)}}, 0, {}, {}};
    send(decision);
  };
  approved(programme_command());
  Command fund = fund_command();
  fund.target = programmes_asked_.back();
  approved(fund);
  for (int i = 0; i < 3; ++i) approved(voucher_command());
}

Result<json> Centre::call(const Command& c) {
  const service::Caller caller{people().at(c.who), c.who};
  if (c.verb == "programme") return books_->propose_programme(caller, c.request, now_);
  if (c.verb == "fund") return books_->propose_fund(caller, c.target, c.request, now_);
  if (c.verb == "voucher") return books_->propose_voucher(caller, c.request, facts_, now_);
  if (c.verb == "revoke") return books_->propose_revoke(caller, c.target, c.request, now_);
  if (c.verb == "refund") return books_->refund(caller, c.request, now_);
  if (c.verb == "approve" || c.verb == "reject") return books_->decide(caller, c.target, c.verb == "approve", c.request, now_);
  return books_->set_suspended(caller, c.target, c.verb == "suspend", c.request, now_);
}

std::string Centre::content_of(const Command& c) { return c.verb + " " + c.who + " " + (c.verb == "refund" ? "" : c.target) + " " + c.request.dump(); }

void Centre::send(const Command& c) {
  trace(c.who + " " + c.verb + " " + c.target + " " + c.request.dump());
  const std::string id = c.request.at("request_id");
  const bool answered = state().requests.contains(id);
  const std::string due = expected_refusal(c);
  const auto judge = [&](const Entry& entry) {
    if (!due.empty()) fail(c.verb + " was done, but it should be refused: " + due);
    if (answered) fail(c.verb + " was done twice for one request");
    judge_command(entry, c);
  };
  const auto answer = perform(judge, [&] { return call(c); });
  if (!answer) return;
  if (!answer->ok() && answer->failure().kind == Failure::Kind::fault) return explain_fault(answer->failure());
  if (!answer->ok()) {
    if (answer->failure().code != due) fail(c.verb + ": refused (" + answer->failure().code + ": " + answer->failure().text + "), due is '" + due + "'");
    ++tally_.refusals[due];
    return;
  }
  if (!due.empty()) fail(c.verb + " was answered, but it should be refused: " + due);
  if (!state().requests.contains(id)) fail(c.verb + " was answered and left nothing");
  told();
  const auto stored = storage_.tables().objects.find({"request", id});
  require(stored != storage_.tables().objects.end() && json::parse(stored->second->body).at("answer") == **answer, "an answer is not the one that was stored");
}

std::string Centre::expected_refusal(const Command& c) const {
  const State& s = state();
  if (const auto known = s.requests.find(c.request.at("request_id")); known != s.requests.end()) return known->second == content_of(c) ? "" : "request_id_reused";
  if (c.who == "root") return "root_has_no_say";
  if (!may(c.who, c.verb)) return "role_missing";
  if (c.verb == "programme") return s.programmes.contains(c.target) ? "programme_exists" : "";
  if (c.verb == "fund") return s.programmes.contains(c.target) ? "" : "programme_unknown";
  if (c.verb == "refund") return refusal_of_refund(c);
  if (c.verb == "approve" || c.verb == "reject") return refusal_of_decision(c);
  const auto voucher = s.vouchers.find(c.target);
  if (c.verb == "voucher") {
    // Nobody writes a reason there.
    if (c.request.contains("reason") || c.voucher.to <= now_) return "usage";
    if (!s.programmes.contains(c.voucher.programme)) return "programme_unknown";
    const bool waits = std::any_of(s.proposals.begin(), s.proposals.end(), [&](const auto& entry) {
      return entry.second.kind == "voucher" && entry.second.state == "pending" && entry.second.target == c.target;
    });
    return waits || voucher != s.vouchers.end() ? "voucher_exists" : "";
  }
  if (voucher == s.vouchers.end()) return "voucher_unknown";
  if (c.verb == "revoke") return voucher->second.state == Voucher::State::revoked ? "voucher_revoked" : "";
  return voucher->second.state == (c.verb == "suspend" ? Voucher::State::active : Voucher::State::suspended) ? "" : "voucher_state";
}

std::string Centre::refusal_of_refund(const Command& c) const {
  const auto charge = state().charges.find(c.target);
  if (charge == state().charges.end() || c.request.at("job_id") == 1) return "charge_unknown";
  const Usage& wanted = charge->second.usage;
  std::size_t rows = 0;
  for (const auto& [key, one] : state().charges) {
    const bool same = wanted.task ? one.usage.array_id == wanted.array_id && one.usage.task == wanted.task : one.usage.job_id == wanted.job_id;
    if (same && one.bill.posted && (!c.request.contains("submit") || one.usage.submit == wanted.submit)) ++rows;
  }
  if (rows != 1) return rows == 0 ? "charge_unknown" : "charge_ambiguous";
  const Micro left = charge->second.bill.amount - charge->second.back.all;
  const Micro amount = c.request.contains("amount") ? c.amount : left;
  return amount <= 0 || amount > left ? "refund_above_charge" : "";
}

std::string Centre::refusal_of_decision(const Command& c) const {
  const State& s = state();
  const auto known = s.proposals.find(c.target);
  if (known == s.proposals.end()) return "proposal_unknown";
  const Proposal& p = known->second;
  if (p.state != "pending") return "proposal_decided";
  if (c.verb == "reject") return "";
  if (p.by == c.who) return "same_person";
  if (p.kind == "programme") return s.programmes.contains(p.target) ? "programme_exists" : "";
  if (p.kind == "voucher" && s.vouchers.contains(p.target)) return "voucher_exists";
  if (p.kind == "voucher") return s.programmes.at(p.voucher.programme).budget < p.voucher.face ? "insufficient_budget" : "";
  if (p.kind == "revoke") return s.vouchers.at(p.target).state == Voucher::State::revoked ? "voucher_revoked" : "";
  if (p.kind == "refund") return s.charges.at(p.target).back.all + p.amount > s.charges.at(p.target).bill.amount ? "refund_above_charge" : "";
  return "";
}

void Centre::judge_command(const Entry& entry, const Command& c) {
  require(entry.batch != nullptr && entry.batch->charges.empty() && entry.batch->admissions.empty(), "a command stores objects and events");
  const auto& objects = entry.batch->objects;
  const auto of_kind = [&](const char* kind) { return std::find_if(objects.begin(), objects.end(), [&](const auto& one) { return one.kind == kind; }); };
  const auto proposal = of_kind("proposal");
  const auto request = of_kind("request");
  require(request != objects.end() && request->id == c.request.at("request_id"), "a command leaves its request id");
  change(entry.number, [id = request->id, content = content_of(c)](State& s) { s.requests[id] = content; });
  if (c.verb == "suspend" || c.verb == "resume") {
    const auto after = c.verb == "suspend" ? Voucher::State::suspended : Voucher::State::active;
    require(of_kind("voucher") != objects.end() && entry.batch->events.empty(), "a voucher is suspended or resumed, and no more");
    change(entry.number, [id = c.target, after](State& s) { s.vouchers.at(id).state = after; });
    return;
  }
  if (c.verb == "refund") {
    const Charge& charge = state().charges.at(c.target);
    const Micro amount = c.request.contains("amount") ? c.amount : charge.bill.amount - charge.back.all;
    const bool waits = charge.back.all + amount > refund_limit;
    require(waits == (proposal != objects.end()), "a refund above the limit needs a second person, one below it none");
    if (!waits) {
      require(entry.batch->events.size() == 1, "a refund posts one event");
      return judge_refund(entry, entry.batch->events.front(), c.target, amount);
    }
    Proposal p{"refund", "pending", c.who, c.target, amount, {}, {}, 0};
    proposals_seen_.push_back(proposal->id);
    change(entry.number, [id = proposal->id, p](State& s) { s.proposals[id] = p; });
    return;
  }
  if (proposal == objects.end()) fail(c.verb + " left no proposal");
  if (c.verb == "approve" || c.verb == "reject") {
    require(proposal->id == c.target, "another proposal was decided");
    const Proposal decided = state().proposals.at(c.target);
    if (c.verb == "approve") judge_decision(entry, decided);
    require(c.verb == "approve" || entry.batch->events.empty(), "a rejection posts nothing");
    change(entry.number, [id = c.target, after = c.verb == "approve" ? "approved" : "rejected"](State& s) { s.proposals.at(id).state = after; });
    return;
  }
  require(entry.batch->events.empty(), "a proposal posts nothing");
  proposals_seen_.push_back(proposal->id);
  const Proposal p{c.verb, "pending", c.who, c.target, c.amount, c.programme, c.voucher, 0};
  change(entry.number, [id = proposal->id, p](State& s) { s.proposals[id] = p; });
}

void Centre::judge_decision(const Entry& entry, const Proposal& p) {
  for (const auto& event : entry.batch->events) {
    if (event.approver.uid < 0 || event.approver.name == event.actor.name) fail("event " + event.id + " was approved by nobody else");
    require(event.kind == ledger::EventKind::revoke || !event.document.empty(), "an event names no document");
  }
  if (p.kind == "programme") {
    change(entry.number, [id = p.target, programme = p.programme](State& s) { s.programmes[id] = programme; });
  } else if (p.kind == "fund") {
    change(entry.number, [id = p.target, amount = p.amount](State& s) { s.fund(id, amount); });
    touch_programme(p.target);
  } else if (p.kind == "voucher") {
    change(entry.number, [id = p.target, voucher = p.voucher](State& s) { s.issue(id, voucher); });
    touch_voucher(p.target);
  } else if (p.kind == "revoke") {
    change(entry.number, [id = p.target](State& s) { s.revoke(id); });
    touch_voucher(p.target);
  } else if (p.kind == "refund") {
    require(entry.batch->events.size() == 1, "a refund posts one event");
    judge_refund(entry, entry.batch->events.front(), p.target, p.amount);
  } else {
    change(entry.number, [book = p.book](State& s) { s.book = book; });
  }
}

void Centre::judge_refund(const Entry& entry, const ledger::Event& event, const std::string& key, Micro amount) {
  const auto& objects = entry.batch->objects;
  const auto sums = std::find_if(objects.begin(), objects.end(), [&](const auto& one) { return one.kind == "refund" && one.id == key; });
  require(sums != objects.end(), "a refund keeps its sums");
  require(event.corrects == "charge/" + key, "a refund says what it corrects");
  const json body = json::parse(sums->body);
  const Back total{body.at("amount"), body.at("by_voucher"), body.at("by_self"), body.at("overrun")};
  const Charge& charge = state().charges.at(key);
  if (total.all != charge.back.all + amount || !Rules::is_fair(charge, total)) fail("a refund of " + text_of(amount) + " of job " + key + " is shared unfairly: " + sums->body);
  touch_account(charge.usage.account);
  if (!charge.bill.voucher.empty()) touch_voucher(charge.bill.voucher);
  change(entry.number, [key, total, now = now_](State& s) { s.refund(key, total, now); });
}

void Centre::offer_prices() {
  // A new book mostly; now and then one that was offered before.
  if (price_texts_.size() < 6 && (price_texts_.empty() || dice_.chance(800))) {
    const auto number = std::to_string(price_texts_.size() + 1);
    std::map<std::string, Micro> prices = {{"main", dice_.between(100'000, 3'000'000)}};
    if (!price_texts_.empty() && dice_.chance(700)) prices["fast"] = dice_.between(1'000'000, 9'000'000);
    std::string text = "price_book: book-" + number + "\ncurrency: CNY\nzone: UTC\nprices:\n";
    for (const auto& [partition, price] : prices) {
      text += std::string("  - {cluster: ") + cluster_name + ", partition: " + partition + ", from: 2020-01-01, per_hour: {cpu: \"" + text_of(price) + "\"}}\n";
    }
    rules_.prices.push_back(prices);
    price_texts_.push_back(text);
  }
  const int book = 1 + static_cast<int>(dice_.below(static_cast<std::int64_t>(price_texts_.size())));
  const bool waits = std::any_of(state().proposals.begin(), state().proposals.end(), [&](const auto& entry) {
    return entry.second.kind == "prices" && entry.second.state == "pending" && entry.second.book == book;
  });
  const bool news = !waits && state().book != book;
  const auto judge = [&](const Entry& entry) {
    require(news && entry.batch != nullptr && entry.batch->events.empty() && entry.batch->objects.size() == 1, "a price book that is no news left something");
    const auto& object = entry.batch->objects.front();
    const bool first = state().book == 0;
    if (first != (object.kind == "mark")) fail("a price book came into force without approval, or the first did not");
    if (!first) proposals_seen_.push_back(object.id);
    change(entry.number, [first, book, id = object.id](State& s) {
      s.books.insert(book);
      if (first) s.book = book;
      if (!first) s.proposals[id] = {"prices", "pending", "manager", "", 0, {}, {}, book};
    });
  };
  const auto said = perform(judge, [&] { return books_->offer_price_book("prices.yaml", price_texts_[static_cast<std::size_t>(book) - 1], {7001, "manager"}, now_); });
  if (said && !said->ok()) explain_fault(said->failure());
}

}  // namespace sluice::simulation
