// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/quote.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr std::size_t list_count_max = 8;
constexpr const char* cut_mark = "…";

std::string shortened(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  // Not inside a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + cut_mark;
}

void shorten(json& value, std::size_t bytes_max) {
  if (value.is_string()) {
    value = shortened(value.get_ref<const std::string&>(), bytes_max);
  } else if (value.is_array()) {
    // The last note says why there is no price.
    if (value.size() > list_count_max) value.erase(value.begin(), value.end() - list_count_max);
    for (json& one : value) shorten(one, bytes_max);
  } else if (value.is_object()) {
    for (json& one : value) shorten(one, bytes_max);
  }
}

}  // namespace

bool asks_for_quote(const AdmissionRequest& request) {
  return request.kind == AdmissionRequest::Kind::test && request.option("quote-format") == "json";
}

json quote_object(const Config& config, const Appraisal& appraisal, const std::vector<Failure>& refusals) {
  json broken = json::array();
  for (const auto& one : refusals) broken.push_back({{"code", one.code}, {"text", one.text}});
  return {{"asked", config.cluster},
          {"role", config.role == ServiceRole::home ? "home" : "site"},
          {"mode", name_of(mode_of(config, appraisal))},
          {"declined", false},
          {"cluster", appraisal.target},
          {"partition", appraisal.partition},
          {"account", appraisal.account},
          {"user", appraisal.user},
          {"unpriced", appraisal.unpriced},
          {"tasks", appraisal.tasks_total},
          {"notes", appraisal.notes},
          {"refusals", std::move(broken)}};
}

std::string quote_line(json quote) {
  const auto line = [&] { return "sluice-quote: " + quote.dump(-1, ' ', false, json::error_handler_t::replace); };
  std::string text = line();
  for (std::size_t bytes_max = 1024; text.size() > quote_line_bytes_max && bytes_max > 0; bytes_max /= 2) {
    shorten(quote, bytes_max);
    text = line();
  }
  return text;
}

}  // namespace sluice::service
