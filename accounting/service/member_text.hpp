// SPDX-License-Identifier: Apache-2.0
//
// An object of JSON, member by member, into one text. slurmctld waits while an admission is
// written down, and building a tree of it first takes several times as long. Pure.

#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::service {

class MemberText {
 public:
  enum class Characters { utf8, ascii };
  explicit MemberText(Characters characters = Characters::utf8) : characters_(characters) {}

  /// For a text that is known to become long. What is kept would keep the room too.
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

  void number(std::string_view name, std::int64_t value) { put_number(begin(name), value); }
  void text(std::string_view name, std::string_view value) { quote(begin(name), value, characters_); }
  void text_if(std::string_view name, const std::string& value) {
    if (!value.empty()) text(name, value);
  }
  void text_if(std::string_view name, const std::optional<std::string>& value) {
    if (value) text(name, *value);
  }
  void flag_if(std::string_view name, bool value) {
    if (value) begin(name) += "true";
  }
  /// `json` is JSON already; empty: there is nothing.
  void raw_if(std::string_view name, std::string_view json) {
    if (!json.empty()) begin(name) += json;
  }
  template <typename Values, typename Write>
  void list(std::string_view name, const Values& values, Write write) {
    std::string& to = begin(name);
    to += '[';
    for (const auto& value : values) {
      if (to.back() != '[') to += ',';
      write(to, value);
    }
    to += ']';
  }
  template <typename Texts>
  void texts(std::string_view name, const Texts& values) {
    list(name, values, [this](std::string& to, const std::string& value) { quote(to, value, characters_); });
  }
  static void put_number(std::string& to, std::int64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    to.append(digits.data(), end);
  }
  static void quote(std::string& to, std::string_view value, Characters characters = Characters::utf8) {
    // ASCII without control characters is most of it; the rest is the library's business. Looked
    // at without a branch for each character.
    bool plain = true;
    std::size_t escaped = 0;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      plain &= byte >= 0x20 && byte < 0x7F;
      escaped += c == '"' || c == '\\';
    }
    if (!plain) {
      to += nlohmann::json(value).dump(-1, ' ', characters == Characters::ascii, nlohmann::json::error_handler_t::replace);
      return;
    }
    to += '"';
    for (; escaped > 0; --escaped) {
      const std::size_t at = value.find_first_of("\"\\");
      to.append(value.substr(0, at)).append({'\\', value[at]});
      value.remove_prefix(at + 1);
    }
    to.append(value) += '"';
  }
  [[nodiscard]] bool is_empty() const { return text_.empty(); }
  [[nodiscard]] std::string whole() && { return text_.empty() ? "{}" : std::move(text_ += '}'); }

 private:
  std::string& begin(std::string_view name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    return text_ += "\":";
  }

  const Characters characters_;
  std::string text_;
};

}  // namespace sluice::service
