// SPDX-License-Identifier: Apache-2.0
//
// Books: what people ask for. One proposes, another decides; each request id is
// answered once.

#include <algorithm>

#include "accounting/core/digest.hpp"
#include "accounting/service/books.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

Failure usage(std::string text) { return {Failure::Kind::refusal, "usage", std::move(text)}; }

Result<std::string> text_of(const json& request, const char* name, bool required = true) {
  const auto found = request.find(name);
  if (found == request.end() || found->is_null()) {
    if (required) return usage(std::string(name) + ": is missing");
    return std::string{};
  }
  if (!found->is_string()) return usage(std::string(name) + ": write a text");
  const std::string& text = found->get_ref<const std::string&>();
  if (text.size() > 65536) return usage(std::string(name) + ": is too long");
  if (required && text.empty()) return usage(std::string(name) + ": is empty");
  return text;
}

Result<Money> amount_of(const json& request, const char* name) {
  const auto text = text_of(request, name);
  if (!text.ok()) return text.failure();
  const auto amount = parse_money(*text);
  if (!amount.ok()) return usage(std::string(name) + ": " + amount.failure().text);
  if (amount->micro <= 0) return usage(std::string(name) + ": '" + *text + "' is not above zero");
  return *amount;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ",") + name;
  return all;
}

/// " from 2026-01-01 to 2027-01-01"
std::string term_text(UnixTime from, UnixTime to, const Zone& zone) {
  return " from " + format_date(from, zone) + (to == time_forever ? "" : " to " + format_date(to, zone));
}

std::string places_text(const std::vector<std::string>& clusters, const std::vector<std::string>& partitions) {
  return (clusters.empty() ? "" : " on " + joined(clusters)) + (partitions.empty() ? "" : " in " + joined(partitions));
}

/// A voucher narrows its programme's places: one that adds a place would never pay there.
std::optional<Failure> widens(const Voucher& voucher, const Programme& programme) {
  const struct {
    const char* code;
    const std::vector<std::string>& wanted;
    const std::vector<std::string>& allowed;
  } places[] = {{"cluster_not_eligible", voucher.clusters, programme.clusters}, {"partition_not_eligible", voucher.partitions, programme.partitions}};
  for (const auto& [code, wanted, allowed] : places) {
    const auto lists = [&names = allowed](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (allowed.empty() || lists("*")) continue;
    for (const auto& name : wanted) {
      if (name != "*" && !lists(name)) return refusal(code, "programme " + programme.id + " doesn't pay on " + name + "; choose among " + joined(allowed));
    }
  }
  return std::nullopt;
}

/// A slip of the pen would set money aside for nobody. Without Slurm's word for it all are known.
std::optional<Failure> names_nobody(const Voucher& voucher, const ClusterFacts* facts) {
  if (facts == nullptr || facts->inventory.accounts.empty()) return std::nullopt;
  const auto& known = facts->inventory.accounts;
  for (const auto& account : voucher.accounts) {
    if (std::find(known.begin(), known.end(), account) != known.end()) continue;
    return refusal("account_unknown", "slurmdbd has no account " + account + "; correct the name, or add it with sacctmgr: sluiced reads them every minute, while slurmctld answers");
  }
  return std::nullopt;
}

/// What a second person decides on: all that says who gets how much, and what for.
std::string summary_of(const Programme& programme, const Zone& zone) {
  return "programme " + programme.id + " (" + programme.name + "), pays " + format_share(programme.share) +
         term_text(programme.valid_from, programme.valid_to, zone) + places_text(programme.clusters, programme.partitions);
}

std::string summary_of(const Voucher& voucher, const std::string& document, const Zone& zone) {
  return "issue voucher " + voucher.id + " of " + format_money_fen(voucher.face) + " under " + voucher.programme +
         (voucher.accounts.empty() ? "" : " to account " + joined(voucher.accounts)) +
         (voucher.users.empty() ? "" : (voucher.accounts.empty() ? " to user " : ", user ") + joined(voucher.users)) +
         term_text(voucher.valid_from, voucher.valid_to, zone) + places_text(voucher.clusters, voucher.partitions) +
         (voucher.share ? ", pays " + format_share(*voucher.share) : "") + ", by " + document;
}

}  // namespace

Result<ledger::Actor> Books::require_role(const Caller& caller, std::initializer_list<const char*> roles, UnixTime now) const {
  if (caller.uid == 0) return refusal("root_has_no_say", "root never handles money; ask a person with the role");
  std::string names;
  for (const char* role : roles) {
    if (config_->has_role(caller.name, role, now)) return ledger::Actor{caller.uid, caller.name};
    names += (names.empty() ? "" : " or ") + std::string(role);
  }
  return refusal("role_missing", caller.name + " is no " + names + "; the site names people and roles in sluice.yaml");
}

/// Carries a command out under the mutex. What it plans is stored, then counts.
Result<json> Books::perform(const std::string& id, const std::string& content, const std::function<Result<json>(Transaction&)>& body) {
  Transaction transaction(*this);
  auto answer = body(transaction);
  if (!answer.ok()) return answer;
  transaction.batch.objects.push_back({"request", id, json{{"content", content}, {"answer", *answer}}.dump()});
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed.failure();
  // What was planned counts from here on; nothing below may fail.
  for (const auto& object : transaction.batch.objects) {
    if (object.kind == "programme") programmes_[object.id] = *programme_from_json(json::parse(object.body));
    if (object.kind == "voucher") vouchers_[object.id] = *voucher_from_json(json::parse(object.body));
    if (object.kind == "refund") refunds_[object.id] = json::parse(object.body);
    if (object.kind == "mark" && object.id == "price_book") prices_ = books_by_hash_.at(json::parse(object.body).at("sha256"));
    if (object.kind == "proposal") {
      const json stored = json::parse(object.body);
      Proposal& proposal = proposals_[object.id];
      proposal = {stored.at("id"), stored.at("kind"), stored.at("state"), stored.at("summary"), stored.at("body"),
                  {stored.at("proposed_uid"), stored.at("proposed_by")}, stored.at("proposed_at"),
                  {stored.at("decided_uid"), stored.at("decided_by")}, stored.at("decided_at"), stored.at("outcome")};
    }
  }
  return answer;
}

Result<json> Books::command(const Caller& caller, const std::string& what, const json& request,
                            const std::function<Result<json>(Transaction&)>& body) {
  const auto id = text_of(request, "request_id");
  if (!id.ok()) return id.failure();
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'; };
  if (id->size() < 8 || id->size() > 64 || !std::all_of(id->begin(), id->end(), fits)) {
    return usage("request_id: write 8 to 64 letters, digits, '.', '_' or '-'");
  }
  const std::string content = sha256_hex(what + "\n" + std::to_string(caller.uid) + "\n" + request.dump(-1, ' ', false, json::error_handler_t::replace));
  Result<json> answer = json{};
  {
    const std::lock_guard lock(mutex_);
    const auto earlier = storage_.object("request", *id);
    if (!earlier.ok()) return earlier.failure();
    if (*earlier) {
      const json stored = json::parse((*earlier)->body);
      if (stored.at("content") != content) {
        return refusal("request_id_reused", "request_id " + *id + " was used for another request; make a new one");
      }
      // Told only once it is on disk, which the first attempt may not have reached.
      answer = stored.at("answer");
    } else {
      answer = perform(*id, content, body);
      if (!answer.ok()) return answer;
    }
  }
  const auto synced = storage_.sync();
  if (!synced.ok()) return synced.failure();
  return answer;
}

Result<json> Books::propose(Transaction& transaction, Proposal proposal) {
  transaction.batch.objects.push_back(proposal_object(proposal));
  return json{{"proposal", show(proposal)}};
}

Result<json> Books::propose_programme(const Caller& caller, const json& request, UnixTime now) {
  return command(caller, "programme create", request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager"}, now);
    if (!actor.ok()) return actor.failure();
    const auto text = text_of(request, "text");
    if (!text.ok()) return text.failure();
    const auto file = text_of(request, "file", false);
    const auto programme = parse_programme(file.ok() && !file->empty() ? *file : "programme", *text);
    if (!programme.ok()) return usage(programme.failure().text);
    if (programmes_.contains(programme->id)) {
      return refusal("programme_exists", "there is a programme " + programme->id + "; a changed rule is a new programme");
    }
    transaction.batch.documents.push_back({sha256_hex(*text), "programme", *text, actor->name, now});
    return propose(transaction, {random_id("PR-"), "programme_create", "pending",
                                 summary_of(*programme, config_->zone),
                                 {{"programme", to_json(*programme)}, {"sha256", sha256_hex(*text)}}, *actor, now, {}, 0, {}});
  });
}

Result<json> Books::propose_fund(const Caller& caller, const std::string& programme, const json& request, UnixTime now) {
  return command(caller, "programme fund " + programme, request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager"}, now);
    if (!actor.ok()) return actor.failure();
    const auto amount = amount_of(request, "amount");
    if (!amount.ok()) return amount.failure();
    const auto document = text_of(request, "document");
    if (!document.ok()) return document.failure();
    if (!programmes_.contains(programme)) return refusal("programme_unknown", "there is no programme " + programme + "; see: sluice programme list");
    return propose(transaction, {random_id("PR-"), "programme_fund", "pending",
                                 "fund programme " + programme + " with " + format_money_fen(*amount) + " by " + *document,
                                 {{"programme", programme}, {"amount", format_money(*amount)}, {"document", *document}}, *actor, now, {}, 0, {}});
  });
}

Result<json> Books::propose_voucher(const Caller& caller, const json& request, const SlurmFacts& facts, UnixTime now) {
  return command(caller, "voucher issue", request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager"}, now);
    if (!actor.ok()) return actor.failure();
    const auto document = text_of(request, "document");
    if (!document.ok()) return document.failure();
    if (request.contains("state")) return usage("state: a voucher begins active");
    json body = request;
    body.erase("request_id");
    body.erase("document");
    for (const char* name : {"valid_from", "valid_to"}) {
      // People write dates of the site's zone; kept are instants.
      const auto text = text_of(body, name);
      if (!text.ok()) return text.failure();
      const auto at = parse_time(*text, config_->zone);
      if (!at.ok()) return usage(std::string(name) + ": " + at.failure().text);
      body[name] = format_time(*at, Zone{"UTC", 0});
    }
    const auto voucher = voucher_from_json(body);
    if (!voucher.ok()) return usage(voucher.failure().text);
    if (voucher->face.micro <= 0) return usage("face: is not above zero");
    if (voucher->valid_to <= voucher->valid_from) return usage("valid_to: is not after valid_from");
    if (voucher->valid_to <= now) return usage("valid_to: lies in the past");
    const auto programme = programmes_.find(voucher->programme);
    if (programme == programmes_.end()) {
      return refusal("programme_unknown", "there is no programme " + voucher->programme + "; see: sluice programme list");
    }
    if (auto wider = widens(*voucher, programme->second)) return std::move(*wider);
    if (auto unknown = names_nobody(*voucher, facts.cluster(config_->cluster).get())) return std::move(*unknown);
    const auto waiting = std::find_if(proposals_.begin(), proposals_.end(), [&](const auto& entry) {
      return entry.second.kind == "voucher_issue" && entry.second.state == "pending" && entry.second.body.at("voucher").at("id") == voucher->id;
    });
    if (waiting != proposals_.end()) {
      return refusal("voucher_exists", "proposal " + waiting->first + " to issue voucher " + voucher->id + " waits for a decision; have it approved, reject it, or choose another id");
    }
    if (vouchers_.contains(voucher->id)) return refusal("voucher_exists", "there is a voucher " + voucher->id + "; choose another id");
    return propose(transaction, {random_id("PR-"), "voucher_issue", "pending",
                                 summary_of(*voucher, *document, config_->zone),
                                 {{"voucher", to_json(*voucher)}, {"document", *document}}, *actor, now, {}, 0, {}});
  });
}

Result<json> Books::propose_revoke(const Caller& caller, const std::string& voucher, const json& request, UnixTime now) {
  return command(caller, "voucher revoke " + voucher, request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager"}, now);
    if (!actor.ok()) return actor.failure();
    const auto reason = text_of(request, "reason");
    if (!reason.ok()) return reason.failure();
    const auto found = vouchers_.find(voucher);
    if (found == vouchers_.end()) return refusal("voucher_unknown", "there is no voucher " + voucher);
    if (found->second.state == VoucherState::revoked) return refusal("voucher_revoked", "voucher " + voucher + " is revoked already");
    return propose(transaction, {random_id("PR-"), "voucher_revoke", "pending", "revoke voucher " + voucher + ": " + *reason,
                                 {{"voucher", voucher}, {"reason", *reason}}, *actor, now, {}, 0, {}});
  });
}

Result<json> Books::set_suspended(const Caller& caller, const std::string& voucher, bool suspended, const json& request, UnixTime now) {
  return command(caller, std::string(suspended ? "voucher suspend " : "voucher resume ") + voucher, request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager"}, now);
    if (!actor.ok()) return actor.failure();
    const auto reason = text_of(request, "reason");
    if (!reason.ok()) return reason.failure();
    const auto found = vouchers_.find(voucher);
    if (found == vouchers_.end()) return refusal("voucher_unknown", "there is no voucher " + voucher);
    const VoucherState from = suspended ? VoucherState::active : VoucherState::suspended;
    if (found->second.state != from) {
      return refusal("voucher_state", "voucher " + voucher + " is " + name_of(found->second.state) + ", not " + name_of(from) + "; only one that is " +
                                          name_of(from) + " can be " + (suspended ? "suspended" : "resumed"));
    }
    Voucher after = found->second;
    after.state = suspended ? VoucherState::suspended : VoucherState::active;
    transaction.batch.objects.push_back(voucher_object(after));
    const std::string id = random_id("N-");
    transaction.batch.objects.push_back({"note", id, json{{"voucher", voucher}, {"state", name_of(after.state)}, {"reason", *reason},
                                                          {"uid", actor->uid}, {"by", actor->name}, {"at", now}}.dump()});
    return show(after);
  });
}

Result<json> Books::refund(const Caller& caller, const json& request, UnixTime now) {
  // The charge is looked up before the lock: reads of the storage may wait for the disk.
  const auto job_id = request.find("job_id");
  if (job_id == request.end()) return usage("job_id: is missing");
  const auto name = job_name_from_json(*job_id);
  if (!name.ok()) return name.failure();
  std::optional<std::string> cluster;
  if (request.contains("cluster")) {
    const auto text = text_of(request, "cluster");
    if (!text.ok()) return text.failure();
    cluster = *text;
  }
  std::optional<UnixTime> submit;
  if (request.contains("submit")) {
    const auto text = text_of(request, "submit");
    if (!text.ok()) return text.failure();
    const auto at = parse_time(*text, config()->zone);
    if (!at.ok()) return usage("submit: " + at.failure().text);
    submit = *at;
  }
  auto read = rows_of(*name, cluster);
  if (!read.ok()) return read.failure();
  std::vector<ledger::ChargeRow> rows = std::move(*read);
  // One of an array's tasks has the array's id for its own: who writes 123 may not mean that one.
  const bool is_array = !name->task && std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.array_job_id == name->id; });
  std::erase_if(rows, [&](const auto& row) { return !row.posted || (submit && row.submit != *submit); });
  const std::string job = "job " + to_text(*name);
  return command(caller, "refund", request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager", "cashier"}, now);
    if (!actor.ok()) return actor.failure();
    const auto reason = text_of(request, "reason");
    if (!reason.ok()) return reason.failure();
    if (is_array) return refusal("charge_ambiguous", job + " is an array; name a task of it, such as " + to_text(JobName(name->id, 0)));
    if (rows.empty()) return refusal("charge_unknown", "there is no charge of " + job);
    if (rows.size() > 1) return refusal("charge_ambiguous", job + " has " + std::to_string(rows.size()) + " charges; name --cluster, or the time of one with --submit");
    const ledger::ChargeRow& row = rows.front();
    const auto taken = refunds_.find(row.key);
    const Money before = taken == refunds_.end() ? Money{} : Money{taken->second.at("amount").get<std::int64_t>()};
    const Money left = row.amount - before;
    Money amount = left;
    if (request.contains("amount")) {
      const auto wanted = amount_of(request, "amount");
      if (!wanted.ok()) return wanted.failure();
      amount = *wanted;
    } else if (request.contains("share")) {
      const auto text = text_of(request, "share");
      if (!text.ok()) return text.failure();
      const auto share = parse_share(*text);
      if (!share.ok()) return usage("share: " + share.failure().text);
      amount = floor_share(row.amount, *share);
    }
    if (amount.micro <= 0 || amount > left) {
      return refusal("refund_above_charge", job + " was charged " + format_money(row.amount) + " and " +
                                                format_money(before) + " was refunded already; at most " + format_money(left) + " is left");
    }
    const json body = {{"key", row.key}, {"amount", format_money(amount)}, {"reason", *reason}, {"request_id", request.at("request_id")}};
    // All refunds of a charge together: small ones must not add up past the second person.
    if (before + amount > config_->refund_limit) {
      return propose(transaction, {random_id("PR-"), "refund", "pending",
                                   "refund " + format_money(amount) + " of " + job + " on " + row.cluster + ": " + *reason,
                                   body, *actor, now, {}, 0, {}});
    }
    const auto done = execute_refund(transaction, body, *actor, {}, now);
    if (!done.ok()) return done.failure();
    return json{{"refund", {{"cluster", row.cluster}, {"job", to_text(*name)}, {"job_id", row.job_id}, {"amount", format_money(amount)}, {"outcome", *done}}}};
  });
}

Result<std::string> Books::execute_refund(Transaction& transaction, const json& body, const ledger::Actor& actor,
                                          const ledger::Actor& approver, UnixTime now) {
  ledger::ChargeQuery query;
  query.key = body.at("key").get<std::string>();
  std::optional<ledger::ChargeRow> row;
  const auto read = storage_.charges(query, [&](ledger::ChargeRow&& one) {
    row = std::move(one);
    return false;
  });
  if (!read.ok()) return read.failure();
  if (!row) return refusal("charge_unknown", "the charge " + *query.key + " is not there");
  const auto amount = parse_money(body.at("amount").get<std::string>());
  if (!amount.ok()) return amount.failure();
  const auto back = post_refund(transaction, *row, *amount, {"refund/" + body.at("request_id").get<std::string>(), actor, approver, body.at("reason")}, now);
  if (!back.ok()) return back.failure();
  return "refunded " + format_money(*amount) + ": voucher " + format_money(back->by_voucher) + ", user " + format_money(back->by_self) +
         (back->overrun.is_zero() ? std::string{} : ", overrun " + format_money(back->overrun));
}

Result<Parts> Books::post_refund(Transaction& transaction, const ledger::ChargeRow& row, Money amount, const RefundCause& cause, UnixTime now) {
  const auto taken = refunds_.find(row.key);
  const auto so_far = [&](const char* part) {
    return taken == refunds_.end() ? Money{} : Money{taken->second.at(part).get<std::int64_t>()};
  };
  const Money total = so_far("amount") + amount;
  if (total > row.amount) return refusal("refund_above_charge", "more would be refunded than was charged");
  const Parts before{so_far("by_voucher"), so_far("by_self"), so_far("overrun")};
  const Parts after = share_refund({row.by_voucher, row.by_self, row.overrun}, before, total);
  const Parts back{after.by_voucher - before.by_voucher, after.by_self - before.by_self, after.overrun - before.overrun};
  const auto voucher = vouchers_.find(row.voucher);
  const bool expired = voucher != vouchers_.end() && (voucher->second.state == VoucherState::expired || voucher->second.state == VoucherState::revoked ||
                                                      now >= voucher->second.valid_to || now >= programmes_.at(voucher->second.programme).valid_to);
  ledger::Event event = new_event(cause.event_id, ledger::EventKind::refund, cause.actor, now);
  event.approver = cause.approver;
  event.corrects = "charge/" + row.key;
  event.document = sha256_hex(row.record);
  event.memo = cause.reason;
  event.usage_from = row.start;
  event.usage_to = row.end;
  event.transfers = ledger::refund_transfers({row.cluster, row.account, row.programme, row.voucher, back.by_voucher, back.by_self, back.overrun}, expired);
  const auto posted = transaction.post(std::move(event));
  if (!posted.ok()) return posted.failure();
  const json sum = {{"amount", total.micro}, {"by_voucher", after.by_voucher.micro}, {"by_self", after.by_self.micro}, {"overrun", after.overrun.micro}};
  transaction.batch.objects.push_back({"refund", row.key, sum.dump()});
  return back;
}

Result<std::string> Books::execute_revoke(Transaction& transaction, const json& body, const Proposal& proposal, UnixTime now) {
  const auto found = vouchers_.find(body.at("voucher").get<std::string>());
  if (found == vouchers_.end() || found->second.state == VoucherState::revoked) {
    return refusal("voucher_revoked", "the voucher is revoked already");
  }
  Voucher after = found->second;
  after.state = VoucherState::revoked;
  const Money available = ledger_.balance(ledger::voucher(after.id)).available();
  if (available.micro > 0) {
    ledger::Event event = new_event("revoke/" + proposal.id, ledger::EventKind::revoke, proposal.proposed_by, now);
    event.approver = proposal.decided_by;
    event.memo = body.at("reason");
    event.transfers = ledger::expire_transfers(after.programme, after.id, available, true);
    const auto posted = transaction.post(std::move(event));
    if (!posted.ok()) return posted.failure();
  }
  transaction.batch.objects.push_back(voucher_object(after));
  return "voucher " + after.id + " is revoked, " + format_money(available) + " went back to the budget";
}

Result<std::string> Books::execute(Transaction& transaction, const Proposal& proposal, UnixTime now) {
  const json& body = proposal.body;
  if (proposal.kind == "programme_create") {
    const std::string id = body.at("programme").at("id");
    if (programmes_.contains(id)) return refusal("programme_exists", "there is a programme " + id + " meanwhile");
    const std::string text = body.at("programme").dump();
    transaction.batch.objects.push_back({"programme", id, text});
    // As charges name it: by the hash of its canonical form.
    transaction.batch.documents.push_back({sha256_hex(text), "programme", text, proposal.proposed_by.name, now});
    return "programme " + id + " is in force";
  }
  if (proposal.kind == "programme_fund") {
    const auto amount = parse_money(body.at("amount").get<std::string>());
    if (!amount.ok()) return amount.failure();
    ledger::Event event = new_event("fund/" + proposal.id, ledger::EventKind::fund, proposal.proposed_by, now);
    event.approver = proposal.decided_by;
    event.document = body.at("document");
    event.transfers = ledger::fund_transfers(body.at("programme"), *amount);
    const auto posted = transaction.post(std::move(event));
    if (!posted.ok()) return posted.failure();
    return "programme " + body.at("programme").get<std::string>() + " has " + format_money_fen(*amount) + " more";
  }
  if (proposal.kind == "voucher_issue") {
    const auto voucher = voucher_from_json(body.at("voucher"));
    if (!voucher.ok()) return voucher.failure();
    if (vouchers_.contains(voucher->id)) return refusal("voucher_exists", "there is a voucher " + voucher->id + " meanwhile");
    if (!programmes_.contains(voucher->programme)) return refusal("programme_unknown", "there is no programme " + voucher->programme);
    if (const Money left = ledger_.balance(ledger::budget(voucher->programme)).available(); left < voucher->face) {
      return refusal("insufficient_budget", "the budget of programme " + voucher->programme + " has " + format_at_most(left) + " left and voucher " +
                                                voucher->id + " needs " + format_at_least(voucher->face) + "; add to it first with: sluice programme fund " +
                                                voucher->programme);
    }
    ledger::Event event = new_event("grant/" + proposal.id, ledger::EventKind::grant, proposal.proposed_by, now);
    event.approver = proposal.decided_by;
    event.document = body.at("document");
    event.transfers = ledger::grant_transfers(voucher->programme, voucher->id, voucher->face);
    const auto posted = transaction.post(std::move(event));
    if (!posted.ok()) return posted.failure();
    transaction.batch.objects.push_back(voucher_object(*voucher));
    return "voucher " + voucher->id + " is issued with " + format_money_fen(voucher->face);
  }
  if (proposal.kind == "voucher_revoke") return execute_revoke(transaction, body, proposal, now);
  if (proposal.kind == "refund") return execute_refund(transaction, body, proposal.proposed_by, proposal.decided_by, now);
  if (proposal.kind == "price_book") {
    const std::string sha256 = body.at("sha256");
    const auto book = price_book(sha256);
    if (!book.ok()) return book.failure();
    if (*book == nullptr) return fault("the price book's text is not in the ledger");
    transaction.batch.objects.push_back({"mark", "price_book", json{{"sha256", sha256}}.dump()});
    return "price book " + (*book)->name() + " is in force";
  }
  return fault("a proposal of kind " + proposal.kind + " is unknown to this version");
}

Result<json> Books::decide(const Caller& caller, const std::string& id, bool approve, const json& request, UnixTime now) {
  return command(caller, std::string(approve ? "approve " : "reject ") + id, request, [&](Transaction& transaction) -> Result<json> {
    const auto actor = require_role(caller, {"programme_manager", "reviewer"}, now);
    if (!actor.ok()) return actor.failure();
    const auto found = proposals_.find(id);
    if (found == proposals_.end()) return refusal("proposal_unknown", "there is no proposal " + id + "; see: sluice approve --list");
    Proposal proposal = found->second;
    if (proposal.state != "pending") {
      return refusal("proposal_decided", "proposal " + id + " is " + proposal.state + " already, by " + proposal.decided_by.name + "; nothing is left to decide");
    }
    if (approve && (proposal.proposed_by.uid == actor->uid || proposal.proposed_by.name == actor->name)) {
      return refusal("same_person", actor->name + " proposed " + id + "; another person must approve it");
    }
    proposal.decided_by = *actor;
    proposal.decided_at = now;
    if (approve) {
      const auto done = execute(transaction, proposal, now);
      if (!done.ok()) return done.failure();
      proposal.state = "approved";
      proposal.outcome = *done;
    } else {
      const auto reason = text_of(request, "reason");
      if (!reason.ok()) return reason.failure();
      proposal.state = "rejected";
      proposal.outcome = *reason;
    }
    return propose(transaction, std::move(proposal));
  });
}

}  // namespace sluice::service
