// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/admission.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::service {

using nlohmann::json;

namespace {

/// An object of JSON, member by member, into one text. slurmctld waits while a row is made, and
/// building a tree of it first takes several times as long.
class Members {
 public:
  void number(const char* name, std::int64_t value) { begin(name) += std::to_string(value); }
  void text(const char* name, const std::string& value) { quote(begin(name), value); }
  void text_if(const char* name, const std::string& value) {
    if (!value.empty()) text(name, value);
  }
  void flag_if(const char* name, bool value) {
    if (value) begin(name) += "true";
  }
  template <typename Values, typename Write>
  void list(const char* name, const Values& values, Write write) {
    std::string& to = begin(name);
    to += '[';
    for (const auto& value : values) {
      if (to.back() != '[') to += ',';
      write(to, value);
    }
    to += ']';
  }
  static void quote(std::string& to, const std::string& value) {
    // What needs no escape is most of it; the rest is the library's business.
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
    });
    if (plain) {
      to += '"';
      to += value;
      to += '"';
    } else {
      to += json(value).dump(-1, ' ', false, json::error_handler_t::replace);
    }
  }
  [[nodiscard]] std::string whole() && { return std::move(text_ += '}'); }

 private:
  std::string& begin(const char* name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    return text_ += "\":";
  }

  std::string text_;
};

}  // namespace

ledger::AdmissionRow to_row(const Admission& a) {
  Members body;
  body.text("target", a.target);
  body.text("user", a.user);
  body.text("account", a.account);
  body.text("partition", a.partition);
  body.number("mode", static_cast<int>(a.mode));
  body.text("answer", a.answer);
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
  body.list("reasons", a.reasons, Members::quote);
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
  if (a.max_self) body.number("max_self", a.max_self->micro);
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
    a.answer = body.at("answer");
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
    if (body.contains("max_self")) a.max_self = Money{body["max_self"].get<std::int64_t>()};
    return a;
  } catch (const json::exception& problem) {
    return fault("admission " + row.id + " in the ledger can't be read: " + problem.what());
  }
}

}  // namespace sluice::service
