// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/job_change.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "accounting/core/outside_text.hpp"
#include "accounting/service/member_text.hpp"
#include "accounting/tariff/index_list.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using tariff::JobRequest;

constexpr std::size_t request_depth_max = 16;
constexpr std::size_t name_bytes_max = 4096;

struct NamedText {
  const char* name;
  std::optional<std::string> JobRequest::*field;
};
/// `array` apart: of a job it says which tasks, of a change how many at once.
constexpr NamedText priced_texts[] = {{"partition", &JobRequest::partition},
                                      {"cluster_features", &JobRequest::cluster_features},
                                      {"clusters", &JobRequest::clusters},
                                      {"req_nodes", &JobRequest::req_nodes},
                                      {"tres_per_job", &JobRequest::tres_per_job},
                                      {"tres_per_node", &JobRequest::tres_per_node},
                                      {"tres_per_socket", &JobRequest::tres_per_socket},
                                      {"tres_per_task", &JobRequest::tres_per_task},
                                      {"cpus_per_tres", &JobRequest::cpus_per_tres},
                                      {"mem_per_tres", &JobRequest::mem_per_tres}};

struct NamedNumber {
  const char* name;
  std::optional<std::int64_t> JobRequest::*field;
};
constexpr NamedNumber priced_numbers[] = {{"min_nodes", &JobRequest::min_nodes},
                                          {"max_nodes", &JobRequest::max_nodes},
                                          {"num_tasks", &JobRequest::num_tasks},
                                          {"min_cpus", &JobRequest::min_cpus},
                                          {"max_cpus", &JobRequest::max_cpus},
                                          {"cpus_per_task", &JobRequest::cpus_per_task},
                                          {"ntasks_per_node", &JobRequest::ntasks_per_node},
                                          {"pn_min_cpus", &JobRequest::pn_min_cpus},
                                          {"mem_per_node", &JobRequest::mem_per_node_mb},
                                          {"mem_per_cpu", &JobRequest::mem_per_cpu_mb},
                                          {"shared", &JobRequest::shared}};

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "1-100%5" with another number of tasks at once; 0: all.
std::string with_throttle(const std::string& array, const std::string& at_once) {
  const std::string tasks = array.substr(0, array.find('%'));
  return at_once == "0" ? tasks : tasks + '%' + at_once;
}

constexpr std::int64_t limit_none = -1;

}  // namespace

json to_json(const std::vector<TaskPart>& parts) {
  json list = json::array();
  for (const TaskPart& part : parts) {
    list.push_back({{"tasks", part.tasks}, {"count", part.count}, {"quote", part.quote.micro}, {"by_voucher", part.by_voucher.micro}, {"asked", part.asked}});
  }
  return list;
}

std::vector<TaskPart> parts_from_json(const json& list) {
  std::vector<TaskPart> parts;
  for (const json& one : list) {
    parts.push_back({one.at("tasks"), one.at("count"), Money{one.at("quote").get<std::int64_t>()},
                     Money{one.at("by_voucher").get<std::int64_t>()}, one.at("asked")});
  }
  return parts;
}

Result<ChangedJob> parse_changed_job(std::string_view text) {
  const auto bad = [&] {
    return refusal("bad_request", "id: '" + printable(text.substr(0, 60)) + "' names no job; write 123, 123_4-6 or 123+1");
  };
  if (text.size() > name_bytes_max) return bad();
  const auto mark = text.find_first_of("_+");
  const auto id = number_of(text.substr(0, mark));
  if (!id || *id == 0) return bad();
  ChangedJob job{*id, {}, {}};
  if (mark == std::string_view::npos) return job;
  std::string_view rest = text.substr(mark + 1);
  if (text[mark] == '+') {
    job.component = number_of(rest);
    if (!job.component) return bad();
    return job;
  }
  if (rest.size() > 1 && rest.front() == '[' && rest.back() == ']') rest = rest.substr(1, rest.size() - 2);
  if (!tariff::parse_array(rest).ok()) return bad();
  job.tasks = rest;
  return job;
}

bool may_be_modify_request(std::string_view text) { return text.find(R"("kind":"modify")") != std::string_view::npos; }

Result<ModifyRequest> modify_request_from_text(std::string_view text) {
  const auto bad = [](const std::string& why) { return refusal("bad_request", why); };
  if (!nests_at_most(text, request_depth_max)) return bad("the request nests more than " + std::to_string(request_depth_max) + " deep");
  const json body = json::parse(text, nullptr, false);
  if (body.is_discarded() || !body.is_object()) return bad("the request is not a JSON object");
  if (!body.contains("v") || body["v"] != 1) return bad("v: this service speaks version 1");
  if (!body.contains("kind") || body["kind"] != "modify") return refusal(not_modify, "kind: is not modify");
  ModifyRequest request;
  const auto id = body.find("id");
  if (id == body.end() || !id->is_string()) return bad("id: write the job as scontrol names it, such as \"123_4\"");
  request.name = *id;
  auto job = parse_changed_job(request.name);
  if (!job.ok()) return job.failure();
  request.job = std::move(*job);
  const auto changes = body.find("job");
  if (changes == body.end()) return bad("job: is missing");
  auto read = tariff::job_request_from_text(changes->dump());
  if (!read.ok()) return read.failure();
  request.changes = std::move(*read);
  if (!request.changes.submit_uid) return bad("job.submit_uid: is missing");
  request.submit_uid = *request.changes.submit_uid;
  if (request.changes.array && !number_of(*request.changes.array)) return bad("job.array: write how many tasks may run at once");
  if (const auto end = changes->find("end_time"); end != changes->end()) {
    if (!end->is_number_unsigned() || end->get<std::uint64_t>() > static_cast<std::uint64_t>(time_forever)) return bad("job.end_time: write a time");
    request.end_time = end->get<UnixTime>();
  }
  return request;
}

std::string price_fields_text(const JobRequest& job, const std::string& account) {
  MemberText fields;
  fields.text("account", account);
  for (const NamedText& text : priced_texts) {
    if (const auto& value = job.*text.field) fields.text(text.name, *value);
  }
  if (job.array) fields.text("array", *job.array);
  if (job.time_limit_infinite) {
    fields.text("time_limit", "infinite");
  } else if (job.time_limit_minutes) {
    fields.number("time_limit", *job.time_limit_minutes);
  }
  for (const NamedNumber& number : priced_numbers) {
    if (const auto& value = job.*number.field) fields.number(number.name, *value);
  }
  return std::move(fields).whole();
}

Result<JobRequest> job_from_price_fields(const std::string& text, std::uint32_t user_id) {
  json fields = json::parse(text, nullptr, false);
  if (!fields.is_object()) return fault("what the job asked for can't be read: " + text.substr(0, 60));
  fields["user_id"] = user_id;
  return tariff::job_request_from_text(fields.dump());
}

JobRequest with_changes(JobRequest before, const JobRequest& changes) {
  for (const NamedText& text : priced_texts) {
    const auto& value = changes.*text.field;
    if (value && value->empty()) {
      (before.*text.field).reset();
    } else if (value) {
      before.*text.field = value;
    }
  }
  for (const NamedNumber& number : priced_numbers) {
    if (const auto& value = changes.*number.field) before.*number.field = value;
  }
  // Slurm keeps one of the two, whichever was given last.
  if (changes.mem_per_cpu_mb) before.mem_per_node_mb.reset();
  if (changes.mem_per_node_mb) before.mem_per_cpu_mb.reset();
  if (changes.account && !changes.account->empty()) before.account = changes.account;
  if (changes.time_limit_infinite || changes.time_limit_minutes) {
    before.time_limit_infinite = changes.time_limit_infinite;
    before.time_limit_minutes = changes.time_limit_minutes;
  }
  if (changes.array && before.array) before.array = with_throttle(*before.array, *changes.array);
  return before;
}

std::set<ChangeKind> kinds_of(const ModifyRequest& request) {
  std::set<ChangeKind> kinds;
  const JobRequest& changes = request.changes;
  if (changes.time_limit_infinite || changes.time_limit_minutes || request.end_time) kinds.insert(ChangeKind::time_limit);
  if (changes.partition) kinds.insert(ChangeKind::partition);
  if (changes.account) kinds.insert(ChangeKind::account);
  if (changes.array) kinds.insert(ChangeKind::throttle);
  const auto others = [&](const NamedText& text) { return text.field != &JobRequest::partition && (changes.*text.field).has_value(); };
  const bool resources = std::any_of(std::begin(priced_texts), std::end(priced_texts), others) ||
                         std::any_of(std::begin(priced_numbers), std::end(priced_numbers),
                                     [&](const NamedNumber& number) { return (changes.*number.field).has_value(); });
  if (resources) kinds.insert(ChangeKind::resources);
  return kinds;
}

json to_json(const Terms& terms) {
  return {{"account", terms.account},         {"partition", terms.partition},
          {"target", terms.target},           {"mode", static_cast<int>(terms.mode)},
          {"unpriced", terms.unpriced},       {"price_book", terms.price_book},
          {"tasks_at_once", terms.tasks_at_once}, {"task_quote", terms.task_quote.micro},
          {"task_by_voucher", terms.task_by_voucher.micro}, {"asked", terms.asked},
          {"parts", to_json(terms.parts)}};
}

Terms terms_from_json(const json& object) {
  Terms terms;
  terms.account = object.at("account");
  terms.partition = object.at("partition");
  terms.target = object.at("target");
  terms.mode = static_cast<Mode>(object.at("mode").get<int>());
  terms.unpriced = object.at("unpriced");
  terms.price_book = object.at("price_book");
  terms.tasks_at_once = object.at("tasks_at_once");
  terms.task_quote.micro = object.at("task_quote");
  terms.task_by_voucher.micro = object.at("task_by_voucher");
  terms.asked = object.at("asked");
  terms.parts = parts_from_json(object.at("parts"));
  return terms;
}

json to_json(const PendingChange& change) {
  json kinds = json::array();
  for (const ChangeKind kind : change.kinds) kinds.push_back(static_cast<int>(kind));
  json object = {{"asked_at", change.asked_at},       {"tasks", change.tasks},
                 {"kinds", std::move(kinds)},         {"tres_before", change.tres_before},
                 {"before", to_json(change.before)}, {"after", to_json(change.after)}};
  if (change.limit_before) object["limit_before"] = *change.limit_before;
  return object;
}

PendingChange pending_change_from_json(const json& object) {
  PendingChange change;
  change.asked_at = object.at("asked_at");
  change.tasks = object.at("tasks");
  for (const json& kind : object.at("kinds")) change.kinds.insert(static_cast<ChangeKind>(kind.get<int>()));
  change.tres_before = object.at("tres_before");
  if (object.contains("limit_before")) change.limit_before = object["limit_before"].get<std::int64_t>();
  change.before = terms_from_json(object.at("before"));
  change.after = terms_from_json(object.at("after"));
  return change;
}

std::int64_t limit_of(const slurm::LiveJob& job) { return job.time_limit_minutes.value_or(limit_none); }

bool was_changed_unasked(const std::string& asked, const slurm::LiveJob& job) {
  // For every live job at every look: the text is searched, which takes a fraction of reading it.
  // No text of a user's holds a quote that isn't escaped.
  if (const auto limit = asked.find(R"("time_limit":)"); limit != std::string::npos) {
    const char* digits = asked.data() + limit + sizeof R"("time_limit":)" - 1;
    std::int64_t minutes = 0;
    const bool limited = std::from_chars(digits, asked.data() + asked.size(), minutes).ec == std::errc{};
    if (limited && (!job.time_limit_minutes || *job.time_limit_minutes > minutes)) return true;
  }
  std::string account;
  MemberText::quote(account, job.account);
  return !job.account.empty() && asked.find(R"("account":)" + account) == std::string::npos;
}

Made was_made(const PendingChange& change, const slurm::LiveJob& job) {
  const auto part = std::find_if(change.after.parts.begin(), change.after.parts.end(),
                                 [&](const TaskPart& one) { return one.tasks == change.tasks; });
  const std::string& asked = !change.tasks.empty() && part != change.after.parts.end() ? part->asked : change.after.asked;
  const auto wanted = job_from_price_fields(asked, job.user_id);
  if (!wanted.ok()) return Made::in_part;
  std::size_t made = 0;
  for (const ChangeKind kind : change.kinds) {
    switch (kind) {
      case ChangeKind::time_limit: {
        // Of a new end time Slurm makes minutes in its own way.
        const std::int64_t limit = limit_of(job);
        const bool as_wanted = limit == wanted->time_limit_minutes.value_or(limit_none);
        if (!as_wanted && !change.limit_before) return Made::in_part;
        made += as_wanted || limit != *change.limit_before ? 1 : 0;
        break;
      }
      case ChangeKind::partition: made += job.partition == wanted->partition ? 1 : 0; break;
      case ChangeKind::account: made += job.account == wanted->account ? 1 : 0; break;
      // Slurm words it in its own way: that it is another is all that can be told.
      case ChangeKind::resources:
        if (change.tres_before.empty()) return Made::in_part;
        made += job.tres_req != change.tres_before ? 1 : 0;
        break;
      case ChangeKind::throttle: ++made; break;  // done before anybody is asked
    }
  }
  if (made == change.kinds.size()) return Made::yes;
  const bool throttled = change.kinds.contains(ChangeKind::throttle);
  return made == (throttled ? 1U : 0U) ? Made::no : Made::in_part;
}

}  // namespace sluice::service
