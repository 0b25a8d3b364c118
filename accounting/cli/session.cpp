// SPDX-License-Identifier: Apache-2.0
//
// See session.hpp.

#include "accounting/cli/session.hpp"

#include "accounting/cli/failure.hpp"
#include "accounting/report/fields.hpp"
#include "accounting/report/text.hpp"

namespace sluice::cli {
namespace {

constexpr const char* ask_administrator = "run `sluice doctor` or ask the administrator";
constexpr const char* repeat_safely = "repeat the same command within 24 hours: it is not done twice";

/// What usually helps, by the status, where the service's sentence does not say it.
std::string next_for(long status) {
  switch (status) {
    case 400: return "correct the arguments";
    case 401: return ask_administrator;
    case 403: return "ask someone whose role in sluice.yaml allows it";
    case 404: return "look the id up";
    case 409: return "look at its present state, then decide again";
    case 413: return "make it smaller";
    default: return "try again later";
  }
}

Exit exit_for(long status, const std::string& kind) {
  if (kind == "usage" || status == 400 || status == 413) return Exit::usage;
  return status >= 500 ? Exit::unreachable : Exit::refused;
}

CommandFailure not_understood(const std::string& what, const std::string& server, long status) {
  return {Exit::unreachable, what,
          server + " answered with status " + std::to_string(status) + " and something else than sluiced would",
          "check `server` in /etc/sluice/client.conf"};
}

Answer understood(const std::string& what, const std::string& server, Reply reply) {
  Answer answer{Json::parse(reply.body, nullptr, false), std::move(reply.body)};
  if (!answer.object.is_object()) throw not_understood(what, server, reply.status);
  if (reply.status == 200) return answer;
  const Json& error = report::value_at(answer.object, "error");
  std::string why = report::printable(report::raw_text(error, "text"));
  if (why.empty()) throw not_understood(what, server, reply.status);
  while (!why.empty() && (why.back() == '.' || why.back() == ' ')) why.pop_back();
  const bool says_next = why.find("; ") != std::string::npos;
  throw CommandFailure{exit_for(reply.status, report::raw_text(error, "kind")), what, why,
                       says_next ? "" : next_for(reply.status)};
}

/// No answer came. The transport's sentence may say itself what to do.
CommandFailure not_answered(const std::string& what, const Failure& failure) {
  const bool says_next = failure.text.find("; ") != std::string::npos;
  return {Exit::unreachable, what, failure.text, says_next ? "" : ask_administrator};
}

/// Whether the service has decided: anything but a failure of its own or of something between.
bool is_definite(const Reply& reply) {
  return reply.status >= 200 && reply.status < 500 && Json::parse(reply.body, nullptr, false).is_object();
}

}  // namespace

std::string query(const std::vector<std::pair<std::string_view, std::string>>& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    text += text.empty() ? '?' : '&';
    text += std::string(name) + "=" + value;
  }
  return text;
}

Answer Session::get(const std::string& what, const std::string& target, const std::string& working) {
  auto reply = transport_->exchange({"GET", target, "", working});
  if (!reply) throw not_answered(what, reply.failure());
  return understood(what, transport_->server(), std::move(reply).value());
}

Answer Session::post(const Post& post, UnixTime now) {
  bool first_attempt = true;
  const std::string content = transport_->server() + "\nPOST\n" + post.target + "\n" + post.body.dump();
  Json body = post.body;
  if (!post.request_id.empty()) {
    body["request_id"] = post.request_id;
  } else {
    const auto kept = store_.keep(content, now);
    if (!kept) {
      throw CommandFailure{Exit::refused, post.what, "the request's id can't be kept (" + kept.failure().text + ")",
                           "set XDG_STATE_HOME to a folder that you can write to, or give --request-id"};
    }
    body["request_id"] = kept->id;
    if (kept->first_sent) {
      first_attempt = false;
      notes_ << "sluice: note: repeating request " << kept->id << ", whose outcome is unknown since "
             << format_time(*kept->first_sent, Zone{"UTC", 0}) << "; it is not done twice\n";
    }
  }
  auto reply = transport_->exchange({"POST", post.target, body.dump(), ""});
  const bool sent = reply.ok() || reply.failure().code != "not_sent";
  const bool definite = reply.ok() && is_definite(*reply);
  // A request that was sent before keeps its id even where this attempt never left.
  if (post.request_id.empty() && (definite || (!sent && first_attempt))) store_.forget(content);
  if (!reply) {
    CommandFailure failure = not_answered(post.what, reply.failure());
    if (sent) failure.next = repeat_safely;
    throw failure;
  }
  try {
    return understood(post.what, transport_->server(), std::move(reply).value());
  } catch (CommandFailure& failure) {
    if (!definite) failure.next = repeat_safely;
    throw;
  }
}

}  // namespace sluice::cli
