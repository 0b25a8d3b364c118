// SPDX-License-Identifier: Apache-2.0
//
// What slurmctld's calls do: read the submission, ask sluiced once within the
// deadline, apply the answer or the site's policy. Any thread of slurmctld may call;
// the only state is the Controller that init() makes and fini() frees.

#include "plugins/job_submit/hooks.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "plugins/client/client.hpp"
#include "plugins/job_submit/answer.hpp"
#include "plugins/job_submit/json_limits.hpp"
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

constexpr std::size_t logged_bytes_max = 256;  // of what sluiced says instead of an answer

void log_line(const char* line) noexcept { slurm_abi::log_error("sluice: job_submit: %s", line); }

void log_notice(client::Breaker::Notice::Kind kind, const char* line) noexcept {
  if (kind == client::Breaker::Notice::Kind::opened) {
    log_line(line);
  } else {
    slurm_abi::log_info("sluice: job_submit: %s", line);
  }
}

/// Lets one of a burst of like messages through every ten seconds.
class LogThrottle {
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
  LogThrottle unreadable;
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

client::Exchange exchange_of(const Request& request, const Settings& settings) {
  client::Exchange exchange;
  exchange.socket_path = settings.socket;
  exchange.body = request.body;
  exchange.deadline = request.kind == Kind::sibling ? settings.sibling_deadline : settings.deadline;
  exchange.probe = settings.probe;
  exchange.backoff = {settings.backoff_min, settings.backoff_max};
  return exchange;
}

/// sluiced is there, but of no use.
void log_no_answer(const std::string& why) {
  if (!controller->unreadable.pass(steady_clock::now())) return;
  log_line(("no answer from sluiced: " + printable(cut_text(why, logged_bytes_max))).c_str());
}

int admit(const Submission& submission, std::uint32_t submit_uid, const Settings& settings) {
  const auto made = make_request(submission.fields, submit_uid);
  if (const auto* refusal = std::get_if<LocalRefusal>(&made)) {
    return refuse(submission, slurm_abi::accounting_policy, {refusal->line});
  }
  const auto& request = std::get<Request>(made);
  using Outcome = client::Reply::Outcome;
  const client::Reply reply = controller->client.ask(exchange_of(request, settings));
  if (reply.outcome == Outcome::answered && reply.status == 200) {
    const auto answer = read_answer(reply.body);
    if (const auto* good = std::get_if<Answer>(&answer)) return apply(submission, *good);
    log_no_answer(std::get<Unreadable>(answer).why);
  } else if (reply.outcome == Outcome::answered) {
    log_no_answer("status " + std::to_string(reply.status) + ": " + reply.body);
  } else if (reply.outcome == Outcome::bad_reply || reply.outcome == Outcome::not_sent) {
    log_no_answer(reply.why);
  }  // the breaker logs the rest
  return go_by_policy(submission, request, settings);
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
