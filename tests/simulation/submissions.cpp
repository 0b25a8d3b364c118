// SPDX-License-Identifier: Apache-2.0
//
// Centre: people submit jobs, and slurmctld asks what is to become of them.

#include <algorithm>

#include "tests/simulation/centre.hpp"

namespace sluice::simulation {
namespace {

/// Words that a refusal's first line has, any of them.
const std::map<std::string, std::vector<const char*>>& words_of_refusals() {
  static const std::map<std::string, std::vector<const char*>> words = {{"no_voucher_fits", {"none of your vouchers"}},
                                                                        {"voucher_unknown", {"there is no voucher"}},
                                                                        {"voucher_not_yours", {"isn't yours", "can't pay for account"}},
                                                                        {"voucher_revoked", {"was revoked"}},
                                                                        {"voucher_suspended", {"is suspended"}},
                                                                        {"voucher_expired", {"expired"}},
                                                                        {"voucher_not_yet_valid", {"is valid from"}},
                                                                        {"over_max_self", {"--max-self allows"}},
                                                                        {"self_pay_not_allowed", {"may not pay itself"}},
                                                                        {"over_account_limit", {"may owe"}},
                                                                        {"insufficient_balance", {"available and this job may need"}}};
  return words;
}

bool says(const std::string& line, const std::string& refusal) {
  const auto& words = words_of_refusals().at(refusal);
  return std::any_of(words.begin(), words.end(), [&](const char* word) { return line.find(word) != std::string::npos; });
}

std::string fingerprint(const Submission& asked) {
  return asked.user + " " + asked.account + " " + asked.partition + " " + asked.voucher + " " + (asked.max_self ? text_of(*asked.max_self) : "-") + " " +
         std::to_string(asked.cpus) + " " + std::to_string(asked.minutes) + " " + std::to_string(asked.tasks) + "%" + std::to_string(asked.at_once);
}

}  // namespace

Submission Centre::make_submission() {
  Submission asked;
  asked.nonce = "nonce-" + std::to_string(++numbers_);
  std::tie(asked.user, asked.uid) = dice_.pick(users_);
  asked.account = dice_.pick(accounts_);
  asked.partition = dice_.chance(850) ? "main" : "fast";
  asked.cpus = dice_.chance(800) ? dice_.between(1, 8) : dice_.between(1, 64);
  asked.minutes = dice_.chance(800) ? dice_.between(1, 240) : dice_.between(1, 2880);
  if (dice_.chance(150)) {
    asked.tasks = dice_.between(2, 12);
    asked.at_once = dice_.between(1, asked.tasks);
  }
  if (dice_.chance(150)) asked.max_self = dice_.below(50'000'000);
  const auto way = dice_.below(100);
  if (way < 20) {
    asked.voucher = "auto";
  } else if (way < 80) {
    // A new one mostly, of one's own account, that was issued.
    const bool any = dice_.chance(60);
    for (int tries = 0; tries < 20; ++tries) {
      const auto& [id, account] = dice_.pick_newest(vouchers_asked_, 24);
      asked.voucher = id;
      if (any || (account == asked.account && state().vouchers.contains(id))) break;
    }
  } else if (way < 82) {
    asked.voucher = "NO-SUCH";
  }
  return asked;
}

service::AdmissionRequest Centre::request(const Submission& asked, bool test) const {
  service::AdmissionRequest request;
  request.kind = test ? service::AdmissionRequest::Kind::test : service::AdmissionRequest::Kind::submit;
  request.nonce = asked.nonce;
  if (!asked.voucher.empty()) request.options["voucher"] = asked.voucher;
  if (asked.max_self) request.options["max-self"] = text_of(*asked.max_self);
  request.job.user_id = static_cast<std::uint32_t>(asked.uid);
  request.job.account = asked.account;
  request.job.partition = asked.partition;
  request.job.min_cpus = asked.cpus;
  request.job.time_limit_minutes = asked.minutes;
  if (asked.tasks > 1) request.job.array = "1-" + std::to_string(asked.tasks) + "%" + std::to_string(asked.at_once);
  request.content_sha256 = fingerprint(asked);
  return request;
}

void Centre::submit() {
  const Submission asked = make_submission();
  if (!dice_.chance(30)) return send(asked);
  const auto answer = perform([](const Entry&) { fail("a job that was only tested left something"); }, [&] { return books_->admit(request(asked, true), facts_, now_); });
  if (answer) require(answer->admit == rules_.judge(state(), asked, now_).refusal.empty(), "a test answers otherwise than a submission would");
}

/// An answer was lost, a client tries again; or somebody uses a nonce once more.
void Centre::submit_again() {
  if (!last_submission_) return;
  Submission asked = *last_submission_;
  if (dice_.chance(150)) ++asked.minutes;
  send(asked);
}

void Centre::send(const Submission& asked) {
  const Admission* repeated = rules_.repeated(state(), asked, now_);
  const std::string repeated_id = repeated != nullptr ? repeated->id : "";
  const Rules::Verdict due = rules_.judge(state(), asked, now_);
  std::string id;
  const auto judge = [&](const Entry& entry) {
    require(entry.admission != nullptr && id.empty(), "a submission stores one admission and no more");
    if (!repeated_id.empty()) fail("a submission that came again was admitted twice");
    if (!due.refusal.empty()) fail("admitted, but it should be refused: " + due.refusal);
    const auto& [row, lien] = *entry.admission;
    Admission admission = due.admission;
    admission.id = id = row.id;
    admission.by_nonce = state().open_of_nonce(asked) == nullptr;
    if (state().admissions.contains(id)) fail("admission " + id + " is there already");
    require(row.open && row.user_id == asked.uid && row.cluster == cluster_name && row.created_at == now_, "an admission is stored otherwise than it was asked for");
    require(lien.has_value() == (admission.lien > 0), "a lien is there that isn't due, or is missing");
    require(admission.voucher.empty() || row.body.find("\"voucher\":\"" + admission.voucher + "\"") != std::string::npos, "another voucher than was due");
    if (admission.lien > 0) touch_voucher(admission.voucher);
    touch_admission(id);
    change(entry.number, [admission](State& s) { s.admit(admission); });
  };
  const auto answer = perform(judge, [&]() -> Result<service::Answer> {
    try {
      return books_->admit(request(asked, false), facts_, now_);
    } catch (const std::runtime_error& problem) {
      return fault(problem.what());
    }
  });
  last_submission_ = asked;
  if (answer && !answer->ok()) explain_fault(answer->failure());
  if (!answer || !answer->ok()) {
    // slurmctld got no answer; by the site's policy the job is let in, or the user tries again.
    if (dice_.chance(500)) job_comes_unanswered(asked);
    return;
  }
  if (!repeated_id.empty()) {
    const auto comment = comments_.find(repeated_id);
    require((*answer)->admit && (*answer)->admin_comment, "a submission that came again was not admitted");
    if (comment != comments_.end() && comment->second != (*answer)->admin_comment) fail("a submission that came again was answered otherwise");
    id = repeated_id;
  } else if (!due.refusal.empty()) {
    ++tally_.refusals[due.refusal];
    require(!(*answer)->admit && !(*answer)->lines.empty(), "admitted without a trace, but it should be refused");
    if (!says((*answer)->lines.front(), due.refusal)) fail("refused because '" + (*answer)->lines.front() + "', and not " + due.refusal);
    require((*answer)->denied == (due.refusal == "voucher_unknown" || due.refusal == "voucher_not_yours"), "denied, or not, for the wrong reason");
    return;
  } else if (!(*answer)->admit) {
    fail("refused, but it should be admitted: " + ((*answer)->lines.empty() ? "" : (*answer)->lines.front()));
  }
  require(!id.empty(), "admitted, and nothing was stored");
  ++tally_.admitted;
  comments_[id] = (*answer)->admin_comment.value_or("");
  if (dice_.chance(930)) job_comes(asked, id, comments_[id]);
  flush();
}

/// What was answered goes into the log of admissions. Where the process dies before, its tag alone tells of a job.
void Centre::flush() {
  const auto flushed = perform([](const Entry&) { fail("a flush stored something new"); }, [&] { return books_->flush(); });
  if (flushed && !flushed->ok()) explain_fault(flushed->failure());
}

void Centre::job_comes(const Submission& asked, const std::string& admission, const std::string& comment) {
  Usage told;
  told.tag = Usage::Tag::ours;
  told.admission = admission;
  told.tag_voucher = state().admissions.at(admission).voucher;
  cluster_.submit(asked, told, comment, now_);
}

void Centre::job_comes_unanswered(const Submission& asked) {
  Usage told;
  told.tag = Usage::Tag::outage;
  told.asked = asked;
  nlohmann::json options = nlohmann::json::object();
  if (!asked.voucher.empty()) options["voucher"] = asked.voucher;
  if (asked.max_self) options["max-self"] = text_of(*asked.max_self);
  const nlohmann::json tag = {{"sluice", {{"v", 1}, {"unpriced", true}, {"nonce", asked.nonce}, {"options", options}}}};
  cluster_.submit(asked, told, tag.dump(), now_);
}

}  // namespace sluice::simulation
