// SPDX-License-Identifier: Apache-2.0
//
// slurmctld waits while this is read, and on a processor that has just turned from other work a
// parser that branches at every character takes most of that time: hence simdjson.

#include "accounting/service/admission_request.hpp"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "accounting/core/digest.hpp"

namespace sluice::service {
namespace {

namespace dom = simdjson::dom;
using Kind = AdmissionRequest::Kind;

constexpr std::size_t request_depth_max = 16;
constexpr std::size_t usual_bytes = 4096;
constexpr std::size_t nonce_bytes_max = 64;

Failure bad(const std::string& why) { return refusal("bad_request", why); }

/// Keeps what it has allocated from one request to the next.
dom::parser& parser_of_this_thread() {
  thread_local dom::parser parser = [] {
    dom::parser made;
    // Where memory lacks, reading the first request says so.
    static_cast<void>(made.allocate(usual_bytes, request_depth_max) == simdjson::SUCCESS);
    return made;
  }();
  return parser;
}

std::optional<Kind> kind_named(std::string_view name) {
  if (name == "submit") return Kind::submit;
  if (name == "test") return Kind::test;
  if (name == "sibling") return Kind::sibling;
  return std::nullopt;
}

std::optional<dom::element> member(dom::object object, const char* name) {
  dom::element value;
  return object.at_key(name).get(value) == simdjson::SUCCESS ? std::optional(value) : std::nullopt;
}

Result<std::map<std::string, std::string>> read_options(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return bad("options: write an object of texts");
  std::map<std::string, std::string> options;
  for (const auto [name, option] : object) {
    std::string_view text;
    if (option.get(text) != simdjson::SUCCESS) return bad("options." + std::string(name) + ": write a text");
    options.emplace(name, text);
  }
  return options;
}

Result<AdmissionRequest> read_request(dom::object body) {
  std::int64_t version = 0;
  if (body.at_key("v").get(version) != simdjson::SUCCESS || version != 1) return bad("v: this service speaks version 1");
  AdmissionRequest request;
  std::string_view kind_name;
  if (body.at_key("kind").get(kind_name) != simdjson::SUCCESS) return bad("kind: is missing");
  const auto kind = kind_named(kind_name);
  if (!kind) return bad("kind: write submit, test or sibling");
  request.kind = *kind;
  if (const auto nonce = member(body, "nonce")) {
    std::string_view text;
    if (nonce->get(text) != simdjson::SUCCESS || text.size() > nonce_bytes_max) return bad("nonce: write a short text");
    request.nonce = text;
  }
  if (const auto options = member(body, "options")) {
    auto read = read_options(*options);
    if (!read.ok()) return read.failure();
    request.options = std::move(*read);
  }
  const auto job = member(body, "job");
  if (!job) return bad("job: is missing");
  auto read = tariff::job_request_from_json(*job);
  if (!read.ok()) return read.failure();
  request.job = std::move(*read);
  // Slurm calls a sibling's plugin before it clears what the client left there, which is 0; no
  // component of a heterogeneous job is ever sent to a sibling.
  if (request.kind == Kind::sibling) request.job.het_offset.reset();
  return request;
}

}  // namespace

Result<AdmissionRequest> admission_request_from_text(std::string_view text) {
  const std::size_t line_end = text.find('\n');
  const std::string_view asked = text.substr(0, line_end);
  dom::object body;
  const auto problem = parser_of_this_thread().parse(asked.data(), asked.size()).get(body);
  if (problem == simdjson::DEPTH_ERROR) return bad("the request nests more than " + std::to_string(request_depth_max) + " deep");
  if (problem != simdjson::SUCCESS) return bad("the request is not a JSON object");
  auto request = read_request(body);
  if (!request.ok()) return request;
  // A repetition is the same line once more: what the plugin counts has grown since.
  request->content_sha256 = sha256_hex(asked);
  if (line_end != std::string_view::npos) {
    request->plugin = plugin_report_from_json(nlohmann::json::parse(text.substr(line_end + 1), nullptr, false));
  }
  return request;
}

}  // namespace sluice::service
