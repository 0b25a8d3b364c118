// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/books.hpp"

#include <algorithm>
#include <tuple>

#include "accounting/core/digest.hpp"

namespace sluice::service {

using nlohmann::json;

namespace {

/// How far the clocks of a service and its slurmctld may be apart.
constexpr UnixTime clock_skew_max = 5;

bool is_older(const Admission& a, const Admission& b) { return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id); }

Proposal proposal_from_json(const json& body) {
  Proposal proposal;
  proposal.id = body.at("id");
  proposal.kind = body.at("kind");
  proposal.state = body.at("state");
  proposal.summary = body.at("summary");
  proposal.body = body.at("body");
  proposal.proposed_by = {body.at("proposed_uid"), body.at("proposed_by")};
  proposal.proposed_at = body.at("proposed_at");
  proposal.decided_by = {body.at("decided_uid"), body.at("decided_by")};
  proposal.decided_at = body.at("decided_at");
  proposal.outcome = body.at("outcome");
  return proposal;
}

}  // namespace

Books::Transaction::~Transaction() {
  if (committed_) return;
  for (auto it = batch.events.rbegin(); it != batch.events.rend(); ++it) books_.ledger_.revert(*it);
}

Result<void> Books::Transaction::post(ledger::Event event) {
  const auto checked = books_.ledger_.check(event);
  if (!checked.ok()) return checked;
  books_.ledger_.apply(event);
  batch.events.push_back(std::move(event));
  return {};
}

Result<void> Books::Transaction::commit() {
  auto appended = books_.storage_.append(batch);
  committed_ = appended.ok();
  return appended;
}

ledger::NewAdmission Books::Transaction::admission_of(ledger::AdmissionRow row) const {
  ledger::NewAdmission admission{std::move(row), {}};
  if (!batch.events.empty()) admission.lien = batch.events.front();
  return admission;
}

Result<void> Books::Transaction::commit_logged(ledger::AdmissionRow row) {
  auto logged = books_.storage_.append_logged(admission_of(std::move(row)));
  committed_ = logged.ok();
  return logged;
}

void Books::Transaction::commit_soon(ledger::AdmissionRow row) {
  books_.storage_.append_soon(admission_of(std::move(row)));
  committed_ = true;
}

Result<void> Books::load(UnixTime now) {
  auto snapshot = storage_.load();
  if (!snapshot.ok()) return snapshot.failure();
  const std::lock_guard lock(mutex_);
  loaded_at_ = now;
  for (const auto& [account, balance] : snapshot->balances) {
    ledger_.restore(account, balance.debits_posted, balance.credits_posted);
  }
  for (const auto& lien : snapshot->liens) ledger_.restore(lien);
  for (const auto& row : snapshot->admissions) {
    auto admission = admission_from_row(row);
    if (!admission.ok()) return admission.failure();
    put(std::move(*admission));
  }
  std::string current_book;
  try {
    for (const auto& object : snapshot->objects) {
      const json body = json::parse(object.body);
      if (object.kind == "programme") {
        auto programme = programme_from_json(body);
        if (!programme.ok()) return programme.failure();
        programmes_[object.id] = std::move(*programme);
      } else if (object.kind == "voucher") {
        auto voucher = voucher_from_json(body);
        if (!voucher.ok()) return voucher.failure();
        vouchers_[object.id] = std::move(*voucher);
      } else if (object.kind == "proposal") {
        proposals_[object.id] = proposal_from_json(body);
      } else if (object.kind == "refund") {
        refunds_[object.id] = body;
      } else if (object.kind == "mark") {
        if (object.id == "price_book") current_book = body.at("sha256");
        if (object.id == "since") since_ = body.at("at");
        if (object.id == "collected_to") collected_to_ = body.at("at");
      }
    }
  } catch (const json::exception& problem) {
    return fault(std::string("the ledger holds an object that can't be read: ") + problem.what());
  }
  for (const ledger::Book book : {ledger::Book::entitlement, ledger::Book::money}) {
    if (!ledger_.sum(book).is_zero()) return fault("a book of the ledger does not sum to zero; run: sluice ledger verify");
  }
  if (!current_book.empty()) {
    auto book = price_book(current_book);
    if (!book.ok()) return book.failure();
    prices_ = std::move(*book);
    // Without it the next book that is offered would count as the first and need nobody's approval.
    if (prices_ == nullptr) return fault("the price book in force, " + current_book + ", can't be read from the ledger");
  }
  if (since_ == 0) {
    Transaction transaction(*this);
    transaction.batch.objects.push_back({"mark", "since", json{{"at", now}}.dump()});
    const auto committed = transaction.commit();
    if (!committed.ok()) return committed;
    since_ = now;
  }
  return {};
}

void Books::set_config(std::shared_ptr<const Config> config) {
  const std::lock_guard lock(mutex_);
  config_ = std::move(config);
}

std::shared_ptr<const Config> Books::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

std::shared_ptr<const tariff::PriceBook> Books::prices() const {
  const std::lock_guard lock(mutex_);
  return prices_;
}

UnixTime Books::collected_to() const {
  const std::lock_guard lock(mutex_);
  return collected_to_;
}

Result<void> Books::set_collected_to(UnixTime to) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(*this);
  transaction.batch.objects.push_back({"mark", "collected_to", json{{"at", to}}.dump()});
  auto committed = transaction.commit();
  if (committed.ok()) collected_to_ = to;
  return committed;
}

Result<void> Books::tags_done(std::vector<std::int64_t> ids) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(*this);
  transaction.batch.tags_done = std::move(ids);
  return transaction.commit();
}

ledger::Event Books::new_event(std::string id, ledger::EventKind kind, const ledger::Actor& actor, UnixTime now) const {
  ledger::Event event;
  event.id = std::move(id);
  event.kind = kind;
  event.actor = actor;
  event.posted_at = now;
  event.period = month_of(now, config_->zone);
  return event;
}

Result<std::shared_ptr<const tariff::PriceBook>> Books::price_book(const std::string& sha256) {
  const auto known = books_by_hash_.find(sha256);
  if (known != books_by_hash_.end()) return known->second;
  const auto document = storage_.document(sha256);
  if (!document.ok()) return document.failure();
  if (!*document) return std::shared_ptr<const tariff::PriceBook>{};
  auto parsed = tariff::parse_price_book("price book " + sha256, (*document)->text);
  if (!parsed.ok()) return std::shared_ptr<const tariff::PriceBook>{};
  return books_by_hash_[sha256] = std::make_shared<const tariff::PriceBook>(std::move(*parsed));
}

Result<void> Books::adopt_price_book(Transaction& transaction, std::shared_ptr<const tariff::PriceBook> book) {
  transaction.batch.objects.push_back({"mark", "price_book", json{{"sha256", book->sha256()}}.dump()});
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed;
  books_by_hash_[book->sha256()] = book;
  prices_ = std::move(book);
  return {};
}

Result<std::string> Books::offer_price_book(const std::string& file, const std::string& text, const ledger::Actor& author,
                                            UnixTime now) {
  auto parsed = tariff::parse_price_book(file, text);
  if (!parsed.ok()) return parsed.failure();
  auto book = std::make_shared<const tariff::PriceBook>(std::move(*parsed));
  const std::lock_guard lock(mutex_);
  if (prices_ != nullptr && prices_->sha256() == book->sha256()) return std::string{"price book " + book->name() + " is in force"};
  for (const auto& [id, proposal] : proposals_) {
    if (proposal.kind == "price_book" && proposal.state == "pending" && proposal.body.at("sha256") == book->sha256()) {
      return std::string{"price book " + book->name() + " waits for approval: sluice approve " + id};
    }
  }
  Transaction transaction(*this);
  transaction.batch.documents.push_back({book->sha256(), "price_book", text, author.name, now});
  if (prices_ == nullptr) {
    const std::string name = book->name();
    const auto adopted = adopt_price_book(transaction, std::move(book));
    if (!adopted.ok()) return adopted.failure();
    return "price book " + name + " is the first and in force";
  }
  Proposal proposal;
  proposal.id = random_id("PR-");
  proposal.kind = "price_book";
  proposal.summary = "price book " + book->name() + " (" + book->sha256().substr(0, 12) + ") instead of " + prices_->name();
  proposal.body = {{"sha256", book->sha256()}};
  proposal.proposed_by = author;
  proposal.proposed_at = now;
  transaction.batch.objects.push_back(proposal_object(proposal));
  const auto committed = transaction.commit();
  if (!committed.ok()) return committed.failure();
  const std::string id = proposal.id;
  proposals_[id] = std::move(proposal);
  books_by_hash_[book->sha256()] = book;
  return "price book " + book->name() + " waits for approval: sluice approve " + id;
}

void Books::index(const Admission& a, bool add) {
  Money& quoted = open_self_quotes_[a.account];
  quoted = add ? quoted + self_quote_left(a) : quoted - self_quote_left(a);
  if (a.change) {
    if (add) changing_.insert(a.id);
    if (!add) changing_.erase(a.id);
  }
  if (a.job_ids.empty()) {
    auto& unseen = unseen_of_user_[a.user_id];
    if (add) unseen.insert(a.id);
    if (!add) unseen.erase(a.id);
    if (unseen.empty()) unseen_of_user_.erase(a.user_id);
  }
  const auto enter = [&](auto& index, const auto& key) {
    if (add) {
      index.emplace(key, a.id);
      return;
    }
    const auto [first, last] = index.equal_range(key);
    const auto mine = std::find_if(first, last, [&](const auto& entry) { return entry.second == a.id; });
    if (mine != last) index.erase(mine);
  };
  for (const std::uint32_t job : a.job_ids) enter(open_of_job_, job);
  if (!a.lien_with.empty()) enter(open_with_, a.lien_with);
  if (!a.nonce_id.empty()) enter(open_of_nonce_, a.nonce_id);
}

const Admission& Books::current(const std::string& id, const Working& working) const {
  const auto changed = working.find(id);
  return changed != working.end() ? changed->second : open_.at(id);
}

const Admission* Books::open_of_nonce(const std::string& nonce_id, const Working& working) const {
  const Admission* newest = nullptr;
  const auto [first, last] = open_of_nonce_.equal_range(nonce_id);
  for (auto it = first; it != last; ++it) {
    const Admission& a = current(it->second, working);
    if (a.open && (newest == nullptr || is_older(*newest, a))) newest = &a;
  }
  return newest;
}

const std::string& Books::resolve(const std::string& named, const Working& working) const {
  const Admission* found = open_of_nonce(named, working);
  return found == nullptr ? named : found->id;
}

void Books::put(Admission after) {
  if (const auto old = open_.find(after.id); old != open_.end()) {
    index(old->second, false);
    open_.erase(old);
  }
  if (!after.open) {
    sightings_.erase(after.id);
    return;
  }
  index(after, true);
  const std::string id = after.id;
  open_.emplace(id, std::move(after));
}

std::vector<const Voucher*> Books::fitting_vouchers(const Use& use) const {
  // Nearest expiry first, then the smaller balance, then the id: near-expiry credit is not lost by chance.
  const auto lists = [](const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::tuple<UnixTime, Money, const Voucher*>> ranked;
  for (const auto& [id, voucher] : vouchers_) {
    // Most are somebody else's: that is seen without the texts of a full check.
    if (!lists(voucher.users, use.user) || !lists(voucher.accounts, use.account)) continue;
    const Money available = ledger_.balance(ledger::voucher(id)).available();
    if (available.micro <= 0 || !check_eligibility(voucher, programmes_.at(voucher.programme), use, config_->zone).empty()) continue;
    ranked.emplace_back(voucher.valid_to, available, &voucher);
  }
  // By id where the rest is equal: vouchers_ is in its order.
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  std::vector<const Voucher*> fitting;
  for (const auto& one : ranked) fitting.push_back(std::get<2>(one));
  return fitting;
}

std::optional<std::string> Books::match_job(const JobSeen& job, const Working& working, std::string* how) const {
  const auto say = [&](const char* text) {
    if (how != nullptr) *how = text;
  };
  // Both clocks are of one cluster; a job can't be older than its admission.
  const auto possible = [&](const Admission& a) {
    return a.user_id == job.user_id && (a.target == job.cluster || a.cluster == job.cluster) && job.submit >= a.created_at - clock_skew_max;
  };
  for (const std::uint32_t number : {job.job_id, job.array_job_id}) {
    if (number == 0) continue;
    // Ids begin anew where slurmctld has lost its state: the newest is the one that Slurm still means.
    const Admission* newest = nullptr;
    const auto consider = [&](const Admission& a) {
      if (a.open && possible(a) && (newest == nullptr || is_older(*newest, a))) newest = &a;
    };
    const auto [first, last] = open_of_job_.equal_range(number);
    for (auto it = first; it != last; ++it) consider(current(it->second, working));
    for (const auto& [id, a] : working) {
      if (a.job_ids.contains(number)) consider(a);
    }
    if (newest == nullptr) continue;
    say("its admission was found by the job id");
    return newest->id;
  }
  if (!job.by_looks) return std::nullopt;
  const auto unseen = unseen_of_user_.find(job.user_id);
  if (unseen == unseen_of_user_.end()) return std::nullopt;
  std::vector<std::string> alike;
  for (const std::string& id : unseen->second) {
    const Admission& a = current(id, working);
    const bool fits = a.open && a.job_ids.empty() && possible(a) && a.target == job.cluster && a.account == job.account && a.partition == job.partition &&
                      (a.tasks_total > 1) == (job.array_job_id != 0) && job.submit <= a.created_at + clock_skew_max;
    if (fits) alike.push_back(id);
  }
  if (alike.empty()) return std::nullopt;
  if (alike.size() > 1) {
    say("several admissions fit it and none was chosen");
    return std::nullopt;
  }
  say("its admission is the only one that fits");
  return alike.front();
}

bool Books::is_ours(const std::string& cluster) const {
  return cluster == config_->cluster || config_->site_of_cluster(cluster) != nullptr;
}

ledger::Object Books::voucher_object(const Voucher& voucher) const {
  return {"voucher", voucher.id, to_json(voucher).dump()};
}

ledger::Object Books::proposal_object(const Proposal& p) const {
  const json body = {{"id", p.id},
                     {"kind", p.kind},
                     {"state", p.state},
                     {"summary", p.summary},
                     {"body", p.body},
                     {"proposed_uid", p.proposed_by.uid},
                     {"proposed_by", p.proposed_by.name},
                     {"proposed_at", p.proposed_at},
                     {"decided_uid", p.decided_by.uid},
                     {"decided_by", p.decided_by.name},
                     {"decided_at", p.decided_at},
                     {"outcome", p.outcome}};
  return {"proposal", p.id, body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

}  // namespace sluice::service
