// SPDX-License-Identifier: Apache-2.0
//
// Books::admit: from a submission to an answer and a lien.

#include <algorithm>

#include "accounting/core/digest.hpp"
#include "accounting/programme/eligibility.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/member_text.hpp"
#include "accounting/service/quote.hpp"
#include "accounting/slurm/tag.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

bool is_denial(const Failure& failure) {
  return failure.code == "voucher_not_yours" || failure.code == "voucher_unknown";
}

/// For a limit, as somebody set it.
std::string exact(Money limit) { return fen_at_most(limit) == fen_at_least(limit) ? format_money_fen(limit) : format_money(limit); }

/// What a quote says, in whole fen that add up; the user's own part is never more than it says.
struct QuoteTexts {
  explicit QuoteTexts(const Admission& a)
      : amount(format_at_least(a.quote)), by_self(format_at_least(a.quote_by_self)),
        by_voucher(format_fen(fen_at_least(a.quote) - fen_at_least(a.quote_by_self))) {}
  std::string amount;
  std::string by_self;
  std::string by_voucher;
};

std::optional<Money> times(Money amount, std::int64_t count) {
  return divide_half_even(static_cast<Int128>(amount.micro) * count, 1);
}

/// The same submission once more, whose first answer was lost on the way. A job that is seen, or
/// came long after, is another job: it must not share a lien.
bool is_repetition(const Admission& known, const Admission& now, std::int64_t seconds_max) {
  return known.content_sha256 == now.content_sha256 && known.job_ids.empty() && now.created_at - known.created_at < seconds_max;
}

std::string stored_answer(const Answer& answer) {
  MemberText stored;
  stored.text_if("admin_comment", answer.admin_comment);
  stored.text_if("cluster_features", answer.cluster_features);
  stored.texts("lines", answer.lines);
  stored.text_if("partition", answer.partition);
  return std::move(stored).whole();
}

Answer answer_again(const Admission& known) {
  const json stored = json::parse(known.answer, nullptr, false);
  Answer answer;
  if (!stored.is_object()) return answer;
  const auto text = [&](const char* name, std::optional<std::string>& member) {
    if (const auto found = stored.find(name); found != stored.end()) member = found->get<std::string>();
  };
  text("partition", answer.partition);
  text("cluster_features", answer.cluster_features);
  text("admin_comment", answer.admin_comment);
  answer.lines = stored.value("lines", std::vector<std::string>{});
  return answer;
}

json quote_json(const Config& config, const Appraisal& appraisal, const Admission& admission, const std::vector<Failure>& refusals) {
  const QuoteTexts quote(admission);
  json body = quote_object(config, appraisal, refusals);
  const auto unless_unpriced = [&](const std::string& amount) { return appraisal.unpriced ? json(nullptr) : json(amount); };
  body["amount"] = unless_unpriced(quote.amount);
  body["by_voucher"] = unless_unpriced(quote.by_voucher);
  body["by_self"] = unless_unpriced(quote.by_self);
  body["voucher"] = admission.voucher.empty() ? json(nullptr) : json(admission.voucher);
  return body;
}

/// All of a new admission but its id and who pays.
Admission admission_of(const AdmissionRequest& request, const Appraisal& appraisal, const Config& config,
                       const tariff::PriceBook* prices, const std::string& user, UnixTime now) {
  Admission a;
  if (!request.nonce.empty()) a.nonce_id = nonce_id(request.nonce, request.job.user_id, request.job.het_offset);
  a.created_at = now;
  a.cluster = config.cluster;
  a.target = appraisal.target;
  a.user_id = request.job.user_id;
  a.user = user;
  a.account = appraisal.account;
  a.partition = appraisal.partition;
  a.workload = request.option("workload");
  a.scenario = request.option("scenario");
  a.content_sha256 = request.content_sha256;
  a.unpriced = appraisal.unpriced;
  a.price_book = prices != nullptr ? prices->sha256() : "";
  a.mode = mode_of(config, appraisal);
  a.tasks_total = appraisal.tasks_total;
  a.tasks_at_once = appraisal.tasks_at_once;
  a.task_quote = appraisal.task_quote;
  a.reasons = appraisal.notes;
  return a;
}

std::optional<Failure> read_max_self(const AdmissionRequest& request, Admission& a) {
  const std::string text = request.option("max-self");
  if (text.empty()) return std::nullopt;
  const auto limit = parse_money(text);
  if (!limit.ok() || limit->is_negative()) {
    return refusal("bad_max_self", "--max-self=" + text + ": write an amount in yuan, such as 12.50");
  }
  a.max_self = *limit;
  return std::nullopt;
}

}  // namespace

Books::VoucherChoice Books::choose_voucher(const AdmissionRequest& request, const Appraisal& appraisal, const Admission* first, UnixTime now) {
  std::string wanted = request.option("voucher");
  if (wanted.empty()) return {};
  if (wanted == "auto" && first != nullptr) wanted = first->voucher;
  if (first != nullptr && wanted != first->voucher) {
    return {nullptr, nullptr, refusal("one_voucher_per_job", "--voucher=" + wanted + ": voucher " + first->voucher +
                                          " pays for the components before this one; name one for all of them")};
  }
  const Use use{appraisal.user, appraisal.account, appraisal.target, appraisal.partition, now};
  const auto consider = [&](const Voucher& voucher) -> VoucherChoice {
    const Programme& programme = programmes_.at(voucher.programme);
    const auto refusals = check_eligibility(voucher, programme, use, config_->zone);
    if (!refusals.empty()) return {nullptr, nullptr, refusals.front()};
    return {&voucher, &programme, std::nullopt};
  };
  if (wanted == "auto") {
    for (const Voucher* voucher : fitting_vouchers(use)) {
      const Share share = share_of(*voucher, programmes_.at(voucher->programme));
      const auto needed = times(floor_share(appraisal.task_quote, share), appraisal.tasks_at_once);
      if (needed && *needed <= ledger_.balance(ledger::voucher(voucher->id)).available()) return consider(*voucher);
    }
    return {nullptr, nullptr,
            refusal("no_voucher_fits", "none of your vouchers fits this job; see: sluice voucher list")};
  }
  if (wanted.find(',') != std::string::npos) {
    return {nullptr, nullptr, refusal("one_voucher_per_job", "--voucher=" + wanted + " names several; name one, or auto")};
  }
  const auto found = vouchers_.find(wanted);
  if (found == vouchers_.end()) {
    return {nullptr, nullptr, refusal("voucher_unknown", "there is no voucher " + wanted + "; see: sluice voucher list")};
  }
  return consider(found->second);
}

std::optional<Failure> Books::check_self_pay(const Admission& a) const {
  const auto rule = config_->account_rule(a.account);
  if (!rule) {
    return refusal("account_unknown", "account " + a.account + " has no self-pay rule here; ask the centre's administrators");
  }
  if (a.max_self && a.task_by_self > *a.max_self) {
    return refusal("over_max_self", "you would pay up to " + format_at_least(a.task_by_self) + " yuan yourself and --max-self allows " +
                                        exact(*a.max_self) + "; raise it, shorten --time or ask for less");
  }
  if (a.quote_by_self.micro == 0) return std::nullopt;
  const std::string part = format_at_least(a.quote_by_self) + " yuan";
  if (rule->self_pay == SelfPay::none) {
    return refusal("self_pay_not_allowed", "account " + a.account + " may not pay itself and " + part +
                                               " would be its own; use a voucher that pays all of it");
  }
  if (rule->self_pay == SelfPay::limit) {
    const Money owes = ledger_.balance(ledger::receivable_user(a.account)).net();
    const auto open = open_self_quotes_.find(a.account);
    const Money quoted = open == open_self_quotes_.end() ? Money{} : open->second;
    const Int128 room = static_cast<Int128>(rule->limit.micro) - owes.micro - quoted.micro;
    if (a.quote_by_self.micro > room) {
      return refusal("over_account_limit", "account " + a.account + " may owe " + exact(rule->limit) + " yuan, owes " + format_at_least(owes) +
                                               " with " + format_at_least(quoted) + " more quoted to its open jobs; this job needs " + part);
    }
  }
  return std::nullopt;
}

std::optional<Money> Books::share_quote(Admission& a, const VoucherChoice& choice, std::vector<Failure>& refusals) const {
  if (choice.voucher != nullptr) {
    a.voucher = choice.voucher->id;
    a.programme = choice.programme->id;
    a.task_by_voucher = floor_share(a.task_quote, share_of(*choice.voucher, *choice.programme));
    a.reasons.push_back("voucher " + a.voucher + " pays " + format_share(share_of(*choice.voucher, *choice.programme)) + " of a charge");
  }
  a.task_by_self = a.task_quote - a.task_by_voucher;
  const auto quote = times(a.task_quote, a.tasks_total);
  const auto lien = times(a.task_by_voucher, std::min(a.tasks_at_once, a.tasks_total));
  if (!quote || !lien) {
    refusals.push_back(refusal("request_too_large", "the price of all tasks together can't be computed; submit fewer"));
  } else {
    a.quote = *quote;
    a.quote_by_voucher = *times(a.task_by_voucher, a.tasks_total);
    a.quote_by_self = a.quote - a.quote_by_voucher;
    const auto open = open_self_quotes_.find(a.account);
    if (open != open_self_quotes_.end() && !checked_add(open->second, a.quote_by_self)) {
      refusals.push_back(refusal("request_too_large", "with this job account " + a.account + " would have more quoted than can be counted"));
    }
  }
  return lien;
}

Answer Books::answer_for(const AdmissionRequest& request, const Appraisal& appraisal, const Admission& a,
                         const std::vector<Failure>& refusals) const {
  Answer answer;
  answer.mode = a.mode;
  if (!refusals.empty()) answer.refusal = refusals.front().code;
  const bool acts = a.mode == Mode::enforce;
  // A sibling's user was told at the origin.
  const bool tells = a.mode != Mode::observe && request.kind != AdmissionRequest::Kind::sibling;
  const bool test = request.kind == AdmissionRequest::Kind::test;
  const std::string up_to = request.job.cron ? "sluice: each run up to " : "sluice: up to ";
  if (asks_for_quote(request)) {
    // All is in that line, whatever the mode, and its reader words it.
    answer.lines.push_back(quote_line(quote_json(*config_, appraisal, a, refusals)));
    answer.admit = refusals.empty() || !acts;
    answer.denied = !answer.admit && is_denial(refusals.front());
    return answer;
  }
  if (!refusals.empty()) {
    if (acts) {
      answer.admit = false;
      answer.denied = is_denial(refusals.front());
      for (const auto& one : refusals) answer.lines.push_back("sluice: " + one.text);
      return answer;
    }
    if (tells || test) {
      for (const auto& one : refusals) answer.lines.push_back("sluice: would be refused once in force: " + one.text);
    }
  } else if (tells || test) {
    if (appraisal.unpriced) {
      answer.lines.push_back("sluice: " + (appraisal.notes.empty() ? std::string("no price is known") : appraisal.notes.back()) +
                             "; the job is charged when one is");
    } else if (const QuoteTexts quote(a); !a.voucher.empty()) {
      answer.lines.push_back(up_to + quote.amount + " yuan on " + appraisal.target + "/" + appraisal.partition +
                             ": voucher " + a.voucher + " pays up to " + quote.by_voucher + ", you up to " + quote.by_self);
    } else {
      answer.lines.push_back(up_to + quote.amount + " yuan on " + appraisal.target + "/" + appraisal.partition +
                             ", paid by account " + a.account);
    }
  }
  if (test) return answer;
  if (tells && !acts && !request.option("place").empty()) {
    answer.lines.push_back("sluice: --place=" + request.option("place") + " has no effect until sluice is in force here");
  }
  // Before it is in force, only the tag is ours: where jobs run stays as it was.
  if (acts && !appraisal.set_partition.empty()) answer.partition = appraisal.set_partition;
  if (acts && !appraisal.set_cluster_features.empty()) answer.cluster_features = appraisal.set_cluster_features;
  const bool quoted = !appraisal.unpriced && request.kind == AdmissionRequest::Kind::submit;
  TagFacts tag{a.id, a.voucher, a.workload, {}, quoted ? format_at_least(a.quote) : "", appraisal.unpriced};
  const Site* site = config_->site_of_cluster(appraisal.target);
  tag.site = site != nullptr ? site->name : appraisal.target;
  const std::string before = request.job.admin_comment.value_or("");
  const std::string mac = tag_mac(mac_key_, a.id, a.cluster, a.user_id);
  auto tagged = slurm::with_tag_text(before, tag_text(tag, mac, config_->tag_full));
  answer.tag_is_full = config_->tag_full && tagged.ok() && tagged->size() <= comment_bytes_max;
  if (!tagged.ok() || tagged->size() > comment_bytes_max) tagged = slurm::with_tag_text(before, tag_text(tag, mac, false));
  // A text of others that leaves no room stays; the job is then matched by what it asked for.
  if (tagged.ok() && tagged->size() <= comment_bytes_max) answer.admin_comment = *tagged;
  return answer;
}

Answer Books::admit(const AdmissionRequest& request, SlurmFacts& facts, UnixTime now, const Told& early) {
  const std::string user = facts.user_name(request.job.user_id, now).value_or(std::to_string(request.job.user_id));
  const std::lock_guard lock(mutex_);
  const Appraisal appraisal =
      appraise({request, *config_, prices_.get(), facts.cluster(config_->cluster), user, now});

  Admission a = admission_of(request, appraisal, *config_, prices_.get(), user, now);
  const bool sibling = request.kind == AdmissionRequest::Kind::sibling;
  // At a sibling the tag says what the origin's does, as far as both know it.
  a.id = sibling && !a.nonce_id.empty() ? a.nonce_id : random_id_of_time("A", now);
  if (const Admission* known = sibling ? nullptr : open_of_nonce(a.nonce_id); known != nullptr) {
    const bool again = request.kind == AdmissionRequest::Kind::submit && is_repetition(*known, a, config_->collector.void_after_seconds);
    if (again) return answer_again(*known);
    // A nonce comes from the user's side, and another job needs a lien of its own.
    a.nonce_id.clear();
  }

  std::vector<Failure> refusals = appraisal.refusals;
  // Components of a heterogeneous job before this one; the first of them holds the lien of all.
  const auto before = request.kind == AdmissionRequest::Kind::submit ? components_before(request, now) : std::vector<std::string>{};
  const Admission* first = before.empty() || open_lien(open_.at(before.front())) == nullptr ? nullptr : &open_.at(before.front());
  const VoucherChoice choice = choose_voucher(request, appraisal, first, now);
  if (sibling) {
    // The origin answered the user and, where it is a home, holds the lien; here the job is only
    // let in, with a tag that says what was asked for in case its origin has no ledger.
    a.voucher = choice.voucher != nullptr ? choice.voucher->id : "";
    return answer_for(request, appraisal, a, {});
  }
  if (choice.refusal) refusals.push_back(*choice.refusal);
  const auto lien = share_quote(a, choice, refusals);
  if (auto refused = read_max_self(request, a)) refusals.push_back(std::move(*refused));
  if (!appraisal.account.empty() && !choice.refusal) {
    if (auto refused = check_self_pay(a)) refusals.push_back(std::move(*refused));
  }
  // A line of a scrontab runs on and on under one admission: each run is priced when it starts and paid
  // from what there is then, so nothing is set aside and no record ends the admission.
  const bool cron = request.job.cron;
  if (cron) {
    a.open = false;
    a.price_book.clear();
    a.closed_because = "a line of a scrontab: each run is priced when it starts, and nothing is set aside";
    a.reasons.push_back(a.closed_because);
  }
  if (choice.voucher != nullptr && lien && !cron) {
    const Money available = ledger_.balance(ledger::voucher(a.voucher)).available();
    if (*lien > available) {
      refusals.push_back(refusal("insufficient_balance",
                                 "voucher " + a.voucher + " has " + format_at_most(available) + " yuan available and this job may need " +
                                     format_at_least(*lien) + "; shorten --time, ask for less, or use another voucher"));
    }
  }
  const char* not_yet = a.mode == Mode::enforce ? "" : "would be refused once in force: ";
  for (const auto& one : refusals) a.reasons.push_back(not_yet + one.code + ": " + one.text);

  Answer answer = answer_for(request, appraisal, a, refusals);
  if (request.kind == AdmissionRequest::Kind::test) return answer;
  const auto refuse_all = [&](Answer refused) {
    // Slurm takes all of a heterogeneous job's components or none.
    const auto given_up = give_up(before, "a component of its heterogeneous job was refused: " + refused.lines.front(), now);
    if (!given_up.ok()) throw std::runtime_error(given_up.failure().text);
    return refused;
  };
  if (!answer.admit) return refuse_all(std::move(answer));

  const auto writable = storage_.is_writable();
  if (!writable.ok()) throw std::runtime_error(writable.failure().text);
  Transaction transaction(*this);
  std::optional<Admission> holder;
  if (a.mode == Mode::enforce && lien && lien->micro > 0 && !cron) {
    if (first != nullptr) holder = *first;
    const auto posted = place_lien(transaction, a, *lien, holder, now);
    if (!posted.ok()) {
      Answer refused;
      refused.admit = false;
      refused.lines.push_back("sluice: " + posted.failure().text);
      refused.refusal = posted.failure().code;
      refused.mode = a.mode;
      return refuse_all(std::move(refused));
    }
  }
  // Where the tag doesn't tell all that a charge needs, it must not be all that is left after a kill.
  const bool tag_is_enough = answer.tag_is_full && !a.max_self;
  if (early && tag_is_enough && !holder) early(answer);
  a.asked = price_fields_text(request.job, a.account);
  a.answer = stored_answer(answer);
  Result<void> committed;
  if (holder) {
    transaction.batch.admissions = {to_row(*holder), to_row(a)};
    committed = transaction.commit();
  } else if (tag_is_enough) {
    transaction.commit_soon(to_row(a));
  } else {
    committed = transaction.commit_logged(to_row(a));
  }
  if (!committed.ok()) throw std::runtime_error(committed.failure().text);
  if (holder) put(std::move(*holder));
  put(std::move(a));
  return answer;
}

}  // namespace sluice::service
