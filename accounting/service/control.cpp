// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/control.hpp"

#include <spdlog/spdlog.h>

#include "accounting/core/outside_text.hpp"
#include "accounting/service/collector.hpp"
#include "accounting/service/error_object.hpp"
#include "accounting/service/quote.hpp"
#include "accounting/service/site_admission.hpp"

namespace sluice::service {

PacketAnswer Control::admit(std::string_view text) {
  const auto request = admission_request_from_text(text);
  // Whatever it is that is said, it may quote what a user wrote: here all of it passes, on
  // its way to the log and to slurmctld, where a line break would forge a line.
  if (!request.ok()) {
    const std::string why = printable(request.failure().text);
    spdlog::warn("an admission couldn't be read: {}", why);
    return {400, error_object("usage", request.failure().code, why)};
  }
  Answer answer = answer_to(*request);
  for (std::string& line : answer.lines) line = printable(line);
  // A quote refuses nobody anything.
  if (!answer.admit && !asks_for_quote(*request)) {
    spdlog::info("refused uid {}: {}", request->job.user_id, answer.lines.empty() ? "" : answer.lines.front());
  }
  answered_.fetch_add(1, std::memory_order_relaxed);
  return {200, to_text(answer)};
}

Answer Control::answer_to(const AdmissionRequest& request) {
  const UnixTime now = clock_now();
  if (parts_.books != nullptr) return parts_.books->admit(request, parts_.facts, now);
  const auto config = parts_.config();
  const auto prices = parts_.prices();
  const std::string user = parts_.facts.user_name(request.job.user_id, now).value_or(std::to_string(request.job.user_id));
  const Appraisal appraisal = appraise({request, *config, prices.get(), parts_.facts.cluster(config->cluster), user, now});
  return answer_at_site({request, appraisal, *config, parts_.mac_key});
}

}  // namespace sluice::service
