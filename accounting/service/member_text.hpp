// SPDX-License-Identifier: Apache-2.0
//
// An object of JSON, member by member, into one text. slurmctld waits while an admission is
// written down, and building a tree of it first takes several times as long. Pure.

#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace sluice::service {

class MemberText {
 public:
  enum class Characters { utf8, ascii };
  explicit MemberText(Characters characters = Characters::utf8) : characters_(characters) {}

  void number(const char* name, std::int64_t value) { begin(name) += std::to_string(value); }
  void text(const char* name, const std::string& value) { quote(begin(name), value, characters_); }
  void text_if(const char* name, const std::string& value) {
    if (!value.empty()) text(name, value);
  }
  void text_if(const char* name, const std::optional<std::string>& value) {
    if (value) text(name, *value);
  }
  void flag_if(const char* name, bool value) {
    if (value) begin(name) += "true";
  }
  /// `json` is JSON already; empty: there is nothing.
  void raw_if(const char* name, const std::string& json) {
    if (!json.empty()) begin(name) += json;
  }
  template <typename Values, typename Write>
  void list(const char* name, const Values& values, Write write) {
    std::string& to = begin(name);
    to += '[';
    for (const auto& value : values) {
      if (to.back() != '[') to += ',';
      write(to, value);
    }
    to += ']';
  }
  template <typename Texts>
  void texts(const char* name, const Texts& values) {
    list(name, values, [this](std::string& to, const std::string& value) { quote(to, value, characters_); });
  }
  static void quote(std::string& to, const std::string& value, Characters characters = Characters::utf8) {
    // ASCII without control characters is most of it; the rest is the library's business.
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte >= 0x20 && byte < 0x7F;
    });
    if (plain) {
      to += '"';
      for (const char c : value) {
        if (c == '"' || c == '\\') to += '\\';
        to += c;
      }
      to += '"';
    } else {
      to += nlohmann::json(value).dump(-1, ' ', characters == Characters::ascii, nlohmann::json::error_handler_t::replace);
    }
  }
  [[nodiscard]] bool is_empty() const { return text_.empty(); }
  [[nodiscard]] std::string whole() && { return text_.empty() ? "{}" : std::move(text_ += '}'); }

 private:
  std::string& begin(const char* name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    return text_ += "\":";
  }

  const Characters characters_;
  std::string text_;
};

}  // namespace sluice::service
