// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/public_api.hpp"

#include <sstream>

#include "accounting/core/outside_text.hpp"
#include "accounting/service/collector.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t body_depth_max = 16;

Failure usage(std::string text) { return {Failure::Kind::refusal, "usage", std::move(text)}; }
Failure not_found(const std::string& path) { return {Failure::Kind::refusal, "no_such_path", "there is nothing at " + path}; }

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t from = 1;
  while (from <= path.size()) {
    const std::size_t slash = std::min(path.find('/', from), path.size());
    parts.push_back(path.substr(from, slash - from));
    from = slash + 1;
  }
  return parts;
}

std::optional<std::string> parameter(const HttpRequest& request, const char* name) {
  const auto found = request.query.find(name);
  if (found == request.query.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

/// "K" or "K,K".
Result<std::vector<std::string>> clusters_of(const HttpRequest& request) {
  std::vector<std::string> names;
  std::istringstream list(parameter(request, "cluster").value_or(""));
  for (std::string name; std::getline(list, name, ',');) {
    if (name.empty()) return usage("cluster: a name is empty in the list");
    names.push_back(std::move(name));
  }
  return names;
}

HttpResponse response_to(const Result<json>& outcome) {
  if (outcome.ok()) return {200, outcome->dump(-1, ' ', false, json::error_handler_t::replace), "application/json"};
  const Failure& failure = outcome.failure();
  if (failure.kind == Failure::Kind::unreachable) return error_response(503, "fault", failure.code, failure.text);
  if (failure.kind == Failure::Kind::fault) return error_response(500, "fault", "fault", failure.text);
  if (failure.code == "usage") return error_response(400, "usage", failure.code, failure.text);
  if (failure.code == "no_such_path") return error_response(404, "usage", failure.code, failure.text);
  if (failure.code == "no_credential" || failure.code == "bad_credential") return error_response(401, "refusal", failure.code, failure.text);
  if (failure.code == "role_missing" || failure.code == "not_yours" || failure.code == "root_has_no_say" || failure.code == "same_person") {
    return error_response(403, "refusal", failure.code, failure.text);
  }
  const bool unknown = failure.code.size() > 8 && failure.code.rfind("_unknown") == failure.code.size() - 8;
  return error_response(unknown ? 404 : 409, "refusal", failure.code, failure.text);
}

}  // namespace

HttpResponse PublicApi::handle(const HttpRequest& request) {
  const auto uid = parts_.authenticator.authenticate(request);
  if (!uid.ok()) {
    return response_to(uid.failure().kind == Failure::Kind::fault
                           ? Result<json>{Failure{Failure::Kind::unreachable, "munge_away", uid.failure().text}}
                           : Result<json>{uid.failure()});
  }
  const UnixTime now = clock_now();
  const Caller caller{*uid, parts_.facts.user_name(*uid, now).value_or(std::to_string(*uid))};
  return response_to(answer(caller, request, now));
}

Result<json> PublicApi::answer(const Caller& caller, const HttpRequest& request, UnixTime now) {
  if (request.path == "/v1/doctor" && request.method == "GET") return parts_.doctor.report(now);
  if (parts_.books == nullptr) {
    return refusal("not_home", "this is a site without a ledger; ask the home service");
  }
  if (request.method == "GET") return get(caller, request, now);
  if (request.method == "POST") return post(caller, request, now);
  return usage("the method is GET or POST");
}

Result<json> PublicApi::get(const Caller& caller, const HttpRequest& request, UnixTime now) {
  Books& books = *parts_.books;
  const auto path = split_path(request.path);
  if (path.size() < 2 || path[0] != "v1") return not_found(request.path);
  const std::string& what = path[1];
  if (path.size() == 2) {
    if (what == "balance") return books.view_balance(caller, parameter(request, "account"), parts_.facts, now);
    if (what == "vouchers") return books.view_vouchers(caller, parameter(request, "programme"), parameter(request, "state"), parts_.facts, now);
    if (what == "programmes") return books.view_programmes(now);
    if (what == "proposals") return books.view_proposals(caller, parameter(request, "state"), now);
    if (what == "statement") return statement(caller, request, now);
  }
  if (path.size() == 3) {
    if (what == "vouchers") return books.view_voucher(caller, path[2], parts_.facts, now);
    if (what == "programmes") return books.view_programme(path[2], now);
    if (what == "ledger" && path[2] == "verify") return books.verify_for(caller, now);
    if (what == "jobs") return job(caller, path[2], parameter(request, "cluster"), now);
  }
  return not_found(request.path);
}

/// A job that was submitted a moment ago has an admission that doesn't know its id yet: Slurm is read for it.
Result<json> PublicApi::job(const Caller& caller, const std::string& text, const std::optional<std::string>& cluster, UnixTime now) {
  const auto name = parse_job_name(text);
  if (!name.ok()) return name.failure();
  Books& books = *parts_.books;
  auto found = books.view_job(caller, *name, cluster, parts_.facts, now);
  if (found.ok() || found.failure().code != "job_unknown") return found;
  const bool looked = parts_.look_at_slurm();
  found = books.view_job(caller, *name, cluster, parts_.facts, now);
  if (found.ok() || found.failure().code != "job_unknown") return found;
  std::string missing = looked ? "" : "Slurm could not be read just now";
  for (const auto& one : parts_.config()->clusters()) {
    if (cluster && one != *cluster) continue;
    const auto doings = parts_.health.all();
    const auto doing = doings.find("slurmctld of " + one);
    if (doing != doings.end() && !doing->second.ok()) missing = "slurmctld of " + one + " can't be read";
  }
  if (missing.empty()) return found;
  return Failure{Failure::Kind::unreachable, "job_not_seen", "job " + to_text(*name) + " is not known yet and " + missing + "; try again in a few seconds"};
}

Result<json> PublicApi::statement(const Caller& caller, const HttpRequest& request, UnixTime now) {
  ledger::ChargeQuery query;
  query.account = parameter(request, "account");
  query.user = parameter(request, "user");
  query.voucher = parameter(request, "voucher");
  const auto clusters = clusters_of(request);
  if (!clusters.ok()) return clusters.failure();
  const auto config = parts_.config();
  for (const auto& [name, target] : {std::pair{"from", &query.end_from}, std::pair{"to", &query.end_to}}) {
    const auto text = parameter(request, name);
    if (!text) continue;
    const auto at = parse_time(*text, config->zone);
    if (!at.ok()) return usage(std::string(name) + ": " + at.failure().text);
    *target = *at;
  }
  return parts_.books->view_statement(caller, query, parts_.facts, now, *clusters);
}

Result<json> PublicApi::post(const Caller& caller, const HttpRequest& request, UnixTime now) {
  if (!nests_at_most(request.body, body_depth_max)) {
    return usage("the body nests more than " + std::to_string(body_depth_max) + " deep; no request needs that");
  }
  const json body = json::parse(request.body, nullptr, false);
  if (body.is_discarded() || !body.is_object()) return usage("the body is not a JSON object");
  Books& books = *parts_.books;
  const auto path = split_path(request.path);
  if (path.size() < 2 || path[0] != "v1") return not_found(request.path);
  const std::string& what = path[1];
  if (path.size() == 2) {
    if (what == "vouchers") return books.propose_voucher(caller, body, parts_.facts, now);
    if (what == "programmes") return books.propose_programme(caller, body, now);
    if (what == "refunds") return books.refund(caller, body, now);
  }
  if (path.size() == 4) {
    const std::string& action = path[3];
    if (what == "vouchers" && action == "suspend") return books.set_suspended(caller, path[2], true, body, now);
    if (what == "vouchers" && action == "resume") return books.set_suspended(caller, path[2], false, body, now);
    if (what == "vouchers" && action == "revoke") return books.propose_revoke(caller, path[2], body, now);
    if (what == "programmes" && action == "funds") return books.propose_fund(caller, path[2], body, now);
    if (what == "proposals" && (action == "approve" || action == "reject")) {
      auto decided = books.decide(caller, path[2], action == "approve", body, now);
      if (decided.ok()) parts_.wake_collector();
      return decided;
    }
  }
  return not_found(request.path);
}

}  // namespace sluice::service
