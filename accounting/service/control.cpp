// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/control.hpp"

#include <spdlog/spdlog.h>

#include "accounting/core/outside_text.hpp"
#include "accounting/service/collector.hpp"
#include "accounting/service/error_object.hpp"
#include "accounting/service/quote.hpp"
#include "accounting/service/site_admission.hpp"

namespace sluice::service {

namespace {

std::string first_line(const Answer& answer) { return answer.lines.empty() ? "" : printable(answer.lines.front()); }

PacketAnswer packet_of(Answer answer) {
  for (std::string& line : answer.lines) line = printable(line);
  return {200, to_text(answer)};
}

}  // namespace

void Control::answer(std::string_view text, const PacketListener::Reply& reply) {
  if (may_be_modify_request(text)) {
    const auto change = modify_request_from_text(text);
    if (change.ok()) return reply(answer_change(*change));
    if (change.failure().code != not_modify) return reply(say_unreadable(change.failure()));
  }
  const auto request = admission_request_from_text(text);
  if (!request.ok()) return reply(say_unreadable(request.failure()));
  parts_.plugin.asked(request->plugin, clock_now());
  // Last, and whatever happens: what is kept by then is to be written.
  const struct AtEnd {
    Control& control;
    ~AtEnd() { control.count_answered(); }
  } at_end{*this};
  bool told = false;
  const auto tell = [&](const Answer& answer) {
    reply(packet_of(answer));
    told = true;
  };
  const Answer answer = answer_to(*request, tell);
  if (!told) tell(answer);
  count(*request, answer);
  // A quote refuses nobody anything.
  if (!answer.admit && !asks_for_quote(*request)) spdlog::info("refused uid {}: {}", request->job.user_id, first_line(answer));
}

// Whatever it is that is said, it may quote what a user wrote: here all of it passes, on
// its way to the log and to slurmctld, where a line break would forge a line.
PacketAnswer Control::say_unreadable(const Failure& failure) {
  const std::string why = printable(failure.text);
  spdlog::warn("a request of the plugin couldn't be read: {}", why);
  unreadable_.fetch_add(1, std::memory_order_relaxed);
  return {400, error_object("usage", failure.code, why)};
}

PacketAnswer Control::answer_change(const ModifyRequest& request) {
  // A site without a ledger holds no liens: home sees the change when it reads this cluster's jobs.
  parts_.plugin.asked(std::nullopt, clock_now());
  Answer answer;
  if (parts_.books != nullptr) answer = parts_.books->modify(request, parts_.facts, clock_now());
  if (!answer.admit) {
    spdlog::info("refused uid {} a change of job {}: {}", request.submit_uid, printable(request.name), first_line(answer));
  }
  {
    const std::lock_guard lock(counting_);
    ++counts_.answers[{"modify", answer.admit ? "admit" : "refuse"}];
  }
  count_answered();
  return packet_of(std::move(answer));
}

void Control::count(const AdmissionRequest& request, const Answer& answer) {
  static constexpr const char* kinds[] = {"submit", "test", "sibling"};
  const std::lock_guard lock(counting_);
  ++counts_.answers[{kinds[static_cast<int>(request.kind)], answer.admit ? "admit" : "refuse"}];
  // Who asks for a quote is told of refusals, and refused nothing.
  if (request.kind == AdmissionRequest::Kind::submit && !answer.refusal.empty()) {
    ++counts_.refusals[{answer.refusal, name_of(answer.mode)}];
  }
}

AdmissionCounts Control::counts() const {
  const std::lock_guard lock(counting_);
  AdmissionCounts counts = counts_;
  counts.unreadable = unreadable_.load(std::memory_order_relaxed);
  return counts;
}

void Control::count_answered() {
  answered_.fetch_add(1);
  answered_.notify_all();
}

std::uint64_t Control::wait_for_answers(std::uint64_t known) const {
  answered_.wait(known);
  return answered_.load();
}

void Control::stop_waiting() { count_answered(); }

Answer Control::answer_to(const AdmissionRequest& request, const Books::Told& early) {
  const UnixTime now = clock_now();
  if (parts_.books != nullptr) return parts_.books->admit(request, parts_.facts, now, early);
  const auto config = parts_.config();
  const auto prices = parts_.prices();
  const std::string user = parts_.facts.user_name(request.job.user_id, now).value_or(std::to_string(request.job.user_id));
  const Appraisal appraisal = appraise({request, *config, prices.get(), parts_.facts.cluster(config->cluster), user, now});
  return answer_at_site({request, appraisal, *config, parts_.mac_key});
}

}  // namespace sluice::service
