// SPDX-License-Identifier: Apache-2.0
//
// What slurmctld's calls do: read the submission, ask sluiced once within the
// deadline, apply the answer or the site's policy. Any thread of slurmctld may call;
// the only state is the Controller that init() makes and fini() frees.

#include "plugins/job_submit/hooks.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "plugins/client/client.hpp"
#include "plugins/job_submit/answer.hpp"
#include "plugins/job_submit/json_limits.hpp"
#include "plugins/job_submit/last_change.hpp"
#include "plugins/job_submit/request.hpp"
#include "plugins/job_submit/settings.hpp"
#include "plugins/job_submit/tag.hpp"
#include "plugins/slurm_abi/codes.hpp"
#include "plugins/slurm_abi/guard.hpp"
#include "plugins/slurm_abi/job_desc.hpp"
#include "plugins/slurm_abi/log.hpp"

namespace sluice::job_submit {

namespace {

using slurm_abi::guard;
using slurm_abi::JobDesc;
using slurm_abi::JobFields;
using std::chrono::steady_clock;

constexpr std::uint64_t no_count = ~std::uint64_t{0};
constexpr std::size_t logged_bytes_max = 256;  // of what sluiced says instead of an answer

void log_line(const char* line) noexcept { slurm_abi::log_error("sluice: job_submit: %s", line); }

void log_notice(client::Breaker::Notice::Kind kind, const char* line) noexcept {
  if (kind == client::Breaker::Notice::Kind::opened) {
    log_line(line);
  } else {
    slurm_abi::log_info("sluice: job_submit: %s", line);
  }
}

/// Lets one of a burst of the like through every ten seconds.
class Throttle {
 public:
  bool pass(steady_clock::time_point now) {
    const auto due = next_.load();
    const auto ticks = now.time_since_epoch().count();
    if (ticks < due) return false;
    auto expected = due;
    return next_.compare_exchange_strong(expected, ticks + steady_clock::duration(std::chrono::seconds(10)).count());
  }

 private:
  std::atomic<steady_clock::rep> next_{0};
};

struct Controller {
  SettingsFile settings{settings_path(), log_line};
  client::Client client{log_notice};
  Throttle unreadable;
  LastChange last_change;
  const PluginReport loaded{SLUICE_VERSION, slurm_abi::slurm_version(), std::time(nullptr), 0};
  std::atomic<std::uint64_t> without_answer{0};
  std::atomic<std::uint64_t> reported{no_count};
  Throttle repeated;

  /// Nothing where sluiced was told a moment ago: most requests go without.
  [[nodiscard]] std::optional<PluginReport> report_due() {
    PluginReport now = loaded;
    now.without_answer = without_answer.load(std::memory_order_relaxed);
    const bool grown = reported.exchange(now.without_answer, std::memory_order_relaxed) != now.without_answer;
    // A sluiced that was started since knows nothing.
    const bool due = repeated.pass(steady_clock::now()) || grown;
    return due ? std::optional(now) : std::nullopt;
  }
};

// Made by init() and freed by fini(), never by a destructor at exit: slurmctld's
// threads may still be running then.
Controller* controller = nullptr;

struct Submission {
  JobDesc& desc;
  const JobFields& fields;
  char** err_msg;
};

int refuse(const Submission& submission, int code, const std::vector<std::string>& lines) {
  slurm_abi::append_user_lines(submission.err_msg, lines);
  return code;
}

/// A federation ignores or rejects a pinned array, het job or -M; what a user chose
/// with --cluster-constraint is theirs; a sibling's copy has been placed already.
bool may_place(const JobFields& fields) {
  return !fields.array && !fields.het_offset && !fields.clusters && !fields.cluster_features && !fields.job_id;
}

/// Keeps an outage from sending a job away: unpinned, it starts at whichever cluster of
/// the federation is first. Only sluiced knows the feature of each site, so the name that
/// --place gives is taken for it: if it is none, Slurm refuses the job, which beats
/// running it away from its data.
void place_without_answer(const Submission& submission, const Request& request, const Settings& settings) {
  if (settings.local_feature.empty() || !may_place(submission.fields)) return;
  const std::string place = request.option("place");
  if (place.empty() || place == "local" || place == "auto") {
    submission.desc.set_cluster_features(settings.local_feature);
    return;
  }
  submission.desc.set_cluster_features(place);
  slurm_abi::append_user_lines(submission.err_msg,
                               {"sluice: the accounting service of this cluster doesn't answer: --place=" + printable(place) +
                                " is taken for --cluster-constraint=" + printable(place) +
                                "; where Slurm knows no such feature, give --cluster-constraint yourself or try again in a few minutes"});
}

/// There is no answer. `request` holds what the pointer is made of.
int go_by_policy(const Submission& submission, const Request& request, const Settings& settings) {
  controller->without_answer.fetch_add(1, std::memory_order_relaxed);
  if (request.kind == Kind::sibling) return slurm_abi::success;  // its origin has decided
  if (settings.when_unreachable == Settings::WhenUnreachable::refuse) {
    return refuse(submission, slurm_abi::accounting_policy,
                  {"sluice: the accounting service of this cluster doesn't answer, and no job is taken without it; "
                   "try again in a few minutes"});
  }
  if (request.kind == Kind::test) {
    slurm_abi::append_user_lines(submission.err_msg,
                                 {"sluice: no quote: the accounting service of this cluster doesn't answer"});
    return slurm_abi::success;
  }
  const std::string tag = outage_tag(request.nonce, request.options, submission.fields.admin_comment);
  place_without_answer(submission, request, settings);
  submission.desc.set_admin_comment(tag);
  return slurm_abi::success;
}

int apply(const Submission& submission, const Answer& answer) {
  if (answer.action == Answer::Action::refuse) {
    const int code = answer.reason == Answer::Reason::denied ? slurm_abi::access_denied : slurm_abi::accounting_policy;
    return refuse(submission, code, answer.lines);
  }
  const bool place = may_place(submission.fields);  // before the descriptor's texts change under the views
  if (answer.partition) submission.desc.set_partition(*answer.partition);
  if (answer.cluster_features && place) submission.desc.set_cluster_features(*answer.cluster_features);
  if (answer.admin_comment) submission.desc.set_admin_comment(*answer.admin_comment);
  if (answer.begin_time) submission.desc.set_begin_time(*answer.begin_time);
  slurm_abi::append_user_lines(submission.err_msg, answer.lines);
  return slurm_abi::success;
}

client::Exchange exchange_of(const std::string& body, std::chrono::milliseconds deadline, const Settings& settings) {
  client::Exchange exchange;
  exchange.socket_path = settings.socket;
  exchange.body = body;
  exchange.deadline = deadline;
  exchange.probe = settings.probe;
  exchange.backoff = {settings.backoff_min, settings.backoff_max};
  return exchange;
}

/// sluiced is there, but of no use.
void log_no_answer(const std::string& why) {
  if (!controller->unreadable.pass(steady_clock::now())) return;
  log_line(("no answer from sluiced: " + printable(cut_text(why, logged_bytes_max))).c_str());
}

/// Nothing where there is no answer that can be taken.
std::optional<Answer> ask(const client::Exchange& exchange) {
  using Outcome = client::Reply::Outcome;
  const client::Reply reply = controller->client.ask(exchange);
  if (reply.outcome == Outcome::answered && reply.status == 200) {
    auto answer = read_answer(reply.body);
    if (auto* good = std::get_if<Answer>(&answer)) return std::move(*good);
    log_no_answer(std::get<Unreadable>(answer).why);
  } else if (reply.outcome == Outcome::answered) {
    log_no_answer("status " + std::to_string(reply.status) + ": " + reply.body);
  } else if (reply.outcome == Outcome::bad_reply || reply.outcome == Outcome::not_sent) {
    log_no_answer(reply.why);
  }  // the breaker logs the rest
  return std::nullopt;
}

int admit(const Submission& submission, std::uint32_t submit_uid, const Settings& settings) {
  const auto made = make_request(submission.fields, submit_uid, controller->report_due());
  if (const auto* refusal = std::get_if<LocalRefusal>(&made)) {
    return refuse(submission, slurm_abi::accounting_policy, {refusal->line});
  }
  const auto& request = std::get<Request>(made);
  const auto deadline = request.kind == Kind::sibling ? settings.sibling_deadline : settings.deadline;
  const auto answer = ask(exchange_of(request.body, deadline, settings));
  return answer ? apply(submission, *answer) : go_by_policy(submission, request, settings);
}

/// What becomes of a change that sluiced said `answer` to, or nothing.
ChangeOutcome outcome_of(const std::optional<Answer>& answer, const Settings& settings) {
  if (!answer) {
    controller->without_answer.fetch_add(1, std::memory_order_relaxed);
    if (settings.when_unreachable == Settings::WhenUnreachable::admit) return {slurm_abi::success, {}};
    return {slurm_abi::accounting_policy,
            {"sluice: the accounting service of this cluster doesn't answer, and no job is changed without it; "
             "try again in a few minutes"}};
  }
  const bool refused = answer->action == Answer::Action::refuse;
  const int code = !refused ? slurm_abi::success : answer->reason == Answer::Reason::denied ? slurm_abi::access_denied : slurm_abi::accounting_policy;
  return {code, answer->lines};
}

ChangeOutcome ask_about(JobDesc& desc, const LastChange::Invocation& invocation, std::uint32_t submit_uid, const Settings& settings) {
  const slurm_abi::JobChange change = desc.read_change();
  auto made = make_question(change, submit_uid);
  if (std::holds_alternative<NoQuestion>(made)) return {slurm_abi::success, {}};
  if (const auto* refusal = std::get_if<LocalRefusal>(&made)) return {slurm_abi::accounting_policy, {refusal->line}};
  std::string question = std::move(std::get<Question>(made).body);
  if (auto known = controller->last_change.known(invocation, question)) return *known;
  const auto answer = ask(exchange_of(question, settings.deadline, settings));
  ChangeOutcome outcome = outcome_of(answer, settings);
  if (outcome.code != slurm_abi::success && !outcome.lines.empty()) {
    // In 22.05 this is the only place on the controller where the reason shows.
    slurm_abi::log_info("sluice: job_modify: job %s: %s", printable(change.job.value_or("")).c_str(), outcome.lines.front().c_str());
  }
  if (answer && outcome.code == slurm_abi::success && answer->admin_comment) {
    desc.set_admin_comment(*answer->admin_comment);
    // The other records are asked about with this text.
    made = make_question(desc.read_change(), submit_uid);
    if (auto* next = std::get_if<Question>(&made)) question = std::move(next->body);
  }
  controller->last_change.remember(invocation, std::move(question), outcome);
  return outcome;
}

}  // namespace

}  // namespace sluice::job_submit

using namespace sluice;

extern "C" int sluice_job_submit_init(void) {
  // Success whatever happens: a plugin whose init fails ends slurmctld.
  return slurm_abi::guard("init", slurm_abi::success, [] {
    if (job_submit::controller == nullptr) {
      job_submit::controller = new job_submit::Controller;
      (void)job_submit::controller->settings.current(std::chrono::steady_clock::now());
    }
    return slurm_abi::success;
  });
}

extern "C" int sluice_job_submit_fini(void) {
  return slurm_abi::guard("fini", slurm_abi::success, [] {
    if (job_submit::controller != nullptr) {
      delete job_submit::controller;
      job_submit::controller = nullptr;
    }
    return slurm_abi::success;
  });
}

extern "C" int sluice_job_submit_submit(void* job_desc_msg, std::uint32_t submit_uid, char** err_msg) {
  if (job_desc_msg == nullptr || job_submit::controller == nullptr) return slurm_abi::success;
  // What a bug of ours leads to is the site's policy too, as soon as we know it.
  int on_fault = slurm_abi::success;
  constexpr int thrown = -4711;
  const int result = slurm_abi::guard("job_submit", thrown, [&] {
    const auto settings = job_submit::controller->settings.current(std::chrono::steady_clock::now());
    slurm_abi::JobDesc desc(job_desc_msg);
    const slurm_abi::JobFields fields = desc.read();
    if (settings->when_unreachable == job_submit::Settings::WhenUnreachable::refuse && !fields.job_id) {
      on_fault = slurm_abi::accounting_policy;
    }
    return job_submit::admit({desc, fields, err_msg}, submit_uid, *settings);
  });
  return result == thrown ? on_fault : result;
}

extern "C" int sluice_job_submit_modify(void* job_desc_msg, const void* record, std::uint32_t submit_uid, char** err_msg) {
  if (job_desc_msg == nullptr || job_submit::controller == nullptr) return slurm_abi::success;
  int on_fault = slurm_abi::success;
  constexpr int thrown = -4711;
  const int result = slurm_abi::guard("job_modify", thrown, [&] {
    const auto now = std::chrono::steady_clock::now();
    const auto settings = job_submit::controller->settings.current(now);
    if (settings->when_unreachable == job_submit::Settings::WhenUnreachable::refuse) on_fault = slurm_abi::accounting_policy;
    slurm_abi::JobDesc desc(job_desc_msg);
    const auto outcome = job_submit::ask_about(desc, {job_desc_msg, record, std::this_thread::get_id(), now}, submit_uid, *settings);
    slurm_abi::append_user_lines(err_msg, outcome.lines);
    return outcome.code;
  });
  return result == thrown ? on_fault : result;
}
