// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/record_text.hpp"

#include <algorithm>

#include "accounting/service/member_text.hpp"
#include "accounting/slurm/codec.hpp"

namespace sluice::service {
namespace {

constexpr std::size_t usual_bytes = 1000;

std::string tres_text(const slurm::Tres& tres) {
  std::string text = "{";
  for (const auto& [name, count] : tres) {
    if (text.size() > 1) text += ',';
    MemberText::quote(text, slurm::valid_text(name));
    MemberText::put_number(text += ':', count);
  }
  return text += '}';
}

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void put_if(MemberText& to, const char* name, const std::string& text) {
  to.text_if(name, is_plain(text) ? text : slurm::valid_text(text));
}
template <typename Number>
requires std::is_integral_v<Number>
void put_if(MemberText& to, const char* name, Number number) {
  if (number != 0) to.number(name, number);
}
template <typename Number>
void put_if(MemberText& to, const char* name, const std::optional<Number>& number) {
  if (number) to.raw_if(name, std::to_string(*number));
}

void put_admin_comment(MemberText& to, const std::string& comment) {
  if (comment.empty()) return;
  if (is_plain(comment)) return to.text("admin_comment", comment);
  nlohmann::json bytes = nlohmann::json::object();
  slurm::put_bytes(bytes, "admin_comment", comment);
  for (const auto& [name, value] : bytes.items()) to.text(name.c_str(), value.get<std::string>());
}

}  // namespace

std::string record_text(const slurm::UsageRecord& r) {
  // By name, as a tree keeps them.
  MemberText to;
  to.reserve(usual_bytes);
  put_if(to, "account", r.account);
  put_admin_comment(to, r.admin_comment);
  put_if(to, "array_job_id", r.array_job_id);
  put_if(to, "array_task_id", r.array_task_id);
  put_if(to, "array_tasks", r.array_tasks);
  to.text("cluster", slurm::valid_text(r.cluster));
  to.raw_if("db_index", std::to_string(r.db_index));
  to.number("elapsed_seconds", r.elapsed_seconds);
  put_if(to, "eligible", r.eligible);
  put_if(to, "end", r.end);
  put_if(to, "energy_joules", r.energy_joules);
  to.number("exit_code", r.exit_code);
  put_if(to, "het_job_id", r.het_job_id);
  put_if(to, "het_job_offset", r.het_job_offset);
  to.number("job_id", r.job_id);
  put_if(to, "name", r.name);
  put_if(to, "nodes", r.nodes);
  put_if(to, "partition", r.partition);
  put_if(to, "qos", r.qos);
  put_if(to, "restart_count", r.restart_count);
  put_if(to, "start", r.start);
  to.text("state", slurm::valid_text(r.state));
  to.number("state_number", r.state_number);
  to.number("submit", r.submit);
  to.number("suspended_seconds", r.suspended_seconds);
  put_if(to, "time_limit_minutes", r.time_limit_minutes);
  to.raw_if("tres_alloc", tres_text(r.tres_alloc));
  to.raw_if("tres_req", tres_text(r.tres_req));
  put_if(to, "user", r.user);
  to.number("user_id", r.user_id);
  to.number("v", 1);
  return std::move(to).whole();
}

}  // namespace sluice::service
