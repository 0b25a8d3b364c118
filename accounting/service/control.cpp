// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/control.hpp"

#include <spdlog/spdlog.h>

#include "accounting/service/collector.hpp"
#include "accounting/service/site_admission.hpp"

namespace sluice::service {

HttpResponse error_response(unsigned int status, const std::string& kind, const std::string& code, const std::string& text) {
  const nlohmann::json body = {{"error", {{"kind", kind}, {"code", code}, {"text", text}}}};
  return {status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

HttpResponse Control::handle(const HttpRequest& request) {
  if (!request.peer_uid || !parts_.allowed_uids.contains(*request.peer_uid)) {
    return error_response(403, "refusal", "not_slurm", "only root and SlurmUser may ask here");
  }
  if (request.path == "/v1/health" && request.method == "GET") return {200, R"({"v":1,"ok":true})"};
  if (request.path != "/v1/admissions") return error_response(404, "usage", "no_such_path", "there is nothing at " + request.path);
  if (request.method != "POST") return error_response(405, "usage", "wrong_method", "POST an admission");
  return admit(request);
}

HttpResponse Control::admit(const HttpRequest& http) {
  const auto request = admission_request_from_text(http.body);
  if (!request.ok()) {
    spdlog::warn("an admission couldn't be read: {}", request.failure().text);
    return error_response(400, "usage", request.failure().code, request.failure().text);
  }
  const UnixTime now = clock_now();
  Answer answer;
  if (parts_.books != nullptr) {
    answer = parts_.books->admit(*request, parts_.facts, now);
  } else {
    const auto config = parts_.config();
    const auto prices = parts_.prices();
    const std::string user = parts_.facts.user_name(request->job.user_id, now).value_or(std::to_string(request->job.user_id));
    const Appraisal appraisal = appraise({*request, *config, prices.get(), parts_.facts.cluster(config->cluster), user, now});
    answer = answer_at_site({*request, appraisal, *config, parts_.mac_key});
  }
  if (!answer.admit) {
    spdlog::info("refused uid {}: {}", request->job.user_id, answer.lines.empty() ? "" : answer.lines.front());
  }
  answered_.fetch_add(1, std::memory_order_relaxed);
  return {200, to_text(answer)};
}

}  // namespace sluice::service
