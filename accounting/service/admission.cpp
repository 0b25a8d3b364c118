// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/admission.hpp"

#include <nlohmann/json.hpp>

namespace sluice::service {

using nlohmann::json;

ledger::AdmissionRow to_row(const Admission& a) {
  json body = {{"target", a.target},
               {"user", a.user},
               {"account", a.account},
               {"partition", a.partition},
               {"mode", static_cast<int>(a.mode)},
               {"answer", a.answer},
               {"quote", a.quote.micro},
               {"quote_by_voucher", a.quote_by_voucher.micro},
               {"quote_by_self", a.quote_by_self.micro},
               {"task_quote", a.task_quote.micro},
               {"task_by_voucher", a.task_by_voucher.micro},
               {"task_by_self", a.task_by_self.micro},
               {"tasks_total", a.tasks_total},
               {"tasks_at_once", a.tasks_at_once},
               {"lien_number", a.lien_number},
               {"lien_first", a.lien_first.micro},
               {"tasks_charged", a.tasks_charged},
               {"job_ids", a.job_ids},
               {"reasons", a.reasons}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("voucher", a.voucher);
  add("programme", a.programme);
  add("workload", a.workload);
  add("scenario", a.scenario);
  add("price_book", a.price_book);
  add("closed_because", a.closed_because);
  add("lien_voided_because", a.lien_voided_because);
  if (a.lien_voided_at != 0) body["lien_voided_at"] = a.lien_voided_at;
  if (a.unpriced) body["unpriced"] = true;
  if (a.lien_used) body["lien_used"] = true;
  if (a.max_self) body["max_self"] = a.max_self->micro;
  return {a.id, a.open, a.created_at, a.cluster, a.user_id, a.content_sha256,
          body.dump(-1, ' ', false, json::error_handler_t::replace)};
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
