// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/admission.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accounting/core/digest.hpp"
#include "accounting/service/member_text.hpp"

namespace sluice::service {

using nlohmann::json;

namespace {

constexpr std::size_t usual_row_bytes = 2000;

/// What a task of a part needs beyond one of the others, for `count` of them.
Int128 beyond(Money of_part, Money of_others, std::int64_t count) {
  return std::max<Int128>(0, static_cast<Int128>(of_part.micro) - of_others.micro) * count;
}

/// What the dearest of the parts' tasks need beyond the others, where `tasks` can run.
template <typename Amount>
Int128 beyond_of(const std::vector<TaskPart>& parts, Amount amount_of, Money of_others, std::int64_t tasks) {
  std::vector<std::pair<Money, std::int64_t>> dearest;
  for (const TaskPart& part : parts) dearest.emplace_back(amount_of(part), part.count);
  std::sort(dearest.rbegin(), dearest.rend());
  Int128 sum = 0;
  for (const auto& [amount, count] : dearest) {
    const std::int64_t running = std::min(count, tasks);
    sum += beyond(amount, of_others, running);
    tasks -= running;
  }
  return sum;
}

std::int64_t tasks_left(const Admission& a) { return std::max<std::int64_t>(0, a.tasks_total - a.tasks_charged); }

std::optional<Money> money(Int128 micro) { return divide_half_even(micro, 1); }

}  // namespace

Terms terms_of(const Admission& a) {
  return {a.account,       a.partition,  a.target,          a.mode,  a.unpriced, a.price_book,
          a.tasks_at_once, a.task_quote, a.task_by_voucher, a.asked, a.parts};
}

bool set_terms(Admission& a, const Terms& terms) {
  Int128 quote = static_cast<Int128>(terms.task_quote.micro) * a.tasks_total;
  Int128 by_voucher = static_cast<Int128>(terms.task_by_voucher.micro) * a.tasks_total;
  for (const TaskPart& part : terms.parts) {
    quote += beyond(part.quote, terms.task_quote, part.count);
    by_voucher += beyond(part.by_voucher, terms.task_by_voucher, part.count);
  }
  const auto whole = money(quote);
  const auto of_voucher = money(std::min(by_voucher, quote));
  if (!whole || !of_voucher) return false;
  a.account = terms.account;
  a.partition = terms.partition;
  a.target = terms.target;
  a.mode = terms.mode;
  a.unpriced = terms.unpriced;
  a.price_book = terms.price_book;
  a.tasks_at_once = terms.tasks_at_once;
  a.task_quote = terms.task_quote;
  a.task_by_voucher = terms.task_by_voucher;
  a.task_by_self = terms.task_quote - terms.task_by_voucher;
  a.quote = *whole;
  a.quote_by_voucher = *of_voucher;
  a.quote_by_self = *whole - *of_voucher;
  a.asked = terms.asked;
  a.parts = terms.parts;
  return true;
}

std::optional<Money> lien_wanted(const Admission& a) {
  if (a.mode != Mode::enforce || a.voucher.empty()) return Money{};
  const std::int64_t tasks = std::min(a.tasks_at_once, tasks_left(a));
  Int128 amount = static_cast<Int128>(a.task_by_voucher.micro) * tasks;
  amount += beyond_of(a.parts, [](const TaskPart& part) { return part.by_voucher; }, a.task_by_voucher, tasks);
  return money(amount);
}

Money self_quote_left(const Admission& a) {
  if (a.mode != Mode::enforce) return {};
  Int128 amount = static_cast<Int128>(a.task_by_self.micro) * tasks_left(a);
  amount += beyond_of(a.parts, [](const TaskPart& part) { return part.quote - part.by_voucher; }, a.task_by_self, tasks_left(a));
  return money(amount).value_or(Money{});
}

ledger::AdmissionRow to_row(const Admission& a) {
  MemberText body;
  body.reserve(usual_row_bytes);
  body.text("target", a.target);
  body.text("user", a.user);
  body.text("account", a.account);
  body.text("partition", a.partition);
  body.number("mode", static_cast<int>(a.mode));
  body.raw_if("answer", a.answer);
  body.number("quote", a.quote.micro);
  body.number("quote_by_voucher", a.quote_by_voucher.micro);
  body.number("quote_by_self", a.quote_by_self.micro);
  body.number("task_quote", a.task_quote.micro);
  body.number("task_by_voucher", a.task_by_voucher.micro);
  body.number("task_by_self", a.task_by_self.micro);
  body.number("tasks_total", a.tasks_total);
  body.number("tasks_at_once", a.tasks_at_once);
  body.number("lien_number", a.lien_number);
  body.number("lien_first", a.lien_first.micro);
  body.number("tasks_charged", a.tasks_charged);
  body.list("job_ids", a.job_ids, [](std::string& to, std::uint32_t id) { to += std::to_string(id); });
  body.texts("reasons", a.reasons);
  body.text_if("nonce_id", a.nonce_id);
  body.text_if("lien_with", a.lien_with);
  body.text_if("voucher", a.voucher);
  body.text_if("programme", a.programme);
  body.text_if("workload", a.workload);
  body.text_if("scenario", a.scenario);
  body.text_if("price_book", a.price_book);
  body.text_if("closed_because", a.closed_because);
  body.text_if("lien_voided_because", a.lien_voided_because);
  if (a.lien_voided_at != 0) body.number("lien_voided_at", a.lien_voided_at);
  body.flag_if("unpriced", a.unpriced);
  body.flag_if("lien_used", a.lien_used);
  if (a.newest_run != 0) body.number("newest_run", a.newest_run);
  body.flag_if("interrupted", a.interrupted);
  if (a.max_self) body.number("max_self", a.max_self->micro);
  body.raw_if("asked", a.asked);
  if (!a.parts.empty()) body.raw_if("parts", to_json(a.parts).dump());
  if (a.change) body.raw_if("change", to_json(*a.change).dump());
  return {a.id, a.open, a.created_at, a.cluster, a.user_id, a.content_sha256, std::move(body).whole()};
}

Result<Admission> admission_from_row(const ledger::AdmissionRow& row) {
  try {
    const json body = json::parse(row.body);
    Admission a;
    a.id = row.id;
    a.open = row.open;
    a.created_at = row.created_at;
    a.cluster = row.cluster;
    a.user_id = row.user_id;
    a.content_sha256 = row.content_sha256;
    a.target = body.at("target");
    a.user = body.at("user");
    a.account = body.at("account");
    a.partition = body.at("partition");
    a.mode = static_cast<Mode>(body.at("mode").get<int>());
    // A text of JSON in older rows.
    if (const auto answer = body.find("answer"); answer != body.end()) {
      a.answer = answer->is_string() ? answer->get<std::string>() : answer->dump();
    }
    a.quote.micro = body.at("quote");
    a.quote_by_voucher.micro = body.at("quote_by_voucher");
    a.quote_by_self.micro = body.at("quote_by_self");
    a.task_quote.micro = body.at("task_quote");
    a.task_by_voucher.micro = body.at("task_by_voucher");
    a.task_by_self.micro = body.at("task_by_self");
    a.tasks_total = body.at("tasks_total");
    a.tasks_at_once = body.at("tasks_at_once");
    a.lien_number = body.at("lien_number");
    a.lien_first.micro = body.at("lien_first");
    a.tasks_charged = body.at("tasks_charged");
    a.job_ids = body.at("job_ids").get<std::set<std::uint32_t>>();
    a.reasons = body.at("reasons").get<std::vector<std::string>>();
    a.nonce_id = body.value("nonce_id", "");
    a.lien_with = body.value("lien_with", "");
    a.voucher = body.value("voucher", "");
    a.programme = body.value("programme", "");
    a.workload = body.value("workload", "");
    a.scenario = body.value("scenario", "");
    a.price_book = body.value("price_book", "");
    a.closed_because = body.value("closed_because", "");
    a.lien_voided_because = body.value("lien_voided_because", "");
    a.lien_voided_at = body.value("lien_voided_at", UnixTime{0});
    a.unpriced = body.value("unpriced", false);
    a.lien_used = body.value("lien_used", false);
    a.newest_run = body.value("newest_run", UnixTime{0});
    a.interrupted = body.value("interrupted", false);
    if (body.contains("asked")) a.asked = body["asked"].dump();
    if (body.contains("parts")) a.parts = parts_from_json(body["parts"]);
    if (body.contains("change")) a.change = pending_change_from_json(body["change"]);
    if (body.contains("max_self")) a.max_self = Money{body["max_self"].get<std::int64_t>()};
    return a;
  } catch (const json::exception& problem) {
    return fault("admission " + row.id + " in the ledger can't be read: " + problem.what());
  }
}

std::string nonce_id(const std::string& nonce, std::int64_t user_id, std::optional<std::uint32_t> het_offset) {
  return id_from("A", nonce + "\n" + std::to_string(user_id) + "\n" + (het_offset ? std::to_string(*het_offset) : ""));
}

}  // namespace sluice::service
