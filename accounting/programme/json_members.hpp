// SPDX-License-Identifier: Apache-2.0
//
// Strict reading of one JSON object: keeps the first problem and refuses members
// that nobody asked for. Only for this folder's sources. Pure.

#pragma once

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice {

class JsonMembers {
 public:
  /// `code` is that of every failure; `what` begins its text.
  JsonMembers(const nlohmann::json& object, std::string code, std::string what)
      : object_(object), code_(std::move(code)), what_(std::move(what)) {
    if (!object_.is_object()) fail("", "write an object");
  }

  [[nodiscard]] bool has(const char* name) { return find(name) != nullptr; }

  [[nodiscard]] std::string text(const char* name) {
    const auto* value = find(name);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty()) {
      fail(name, "write a text");
      return {};
    }
    return value->get<std::string>();
  }

  [[nodiscard]] std::string choice_or(const char* name, const char* fallback,
                                      std::initializer_list<const char*> allowed) {
    if (!has(name)) return fallback;
    const std::string value = text(name);
    std::string names;
    for (const char* one : allowed) {
      if (value == one) return value;
      names += (names.empty() ? "" : ", ") + std::string(one);
    }
    fail(name, "write one of: " + names);
    return fallback;
  }

  [[nodiscard]] std::vector<std::string> texts(const char* name) {
    std::vector<std::string> values;
    const auto* value = find(name);
    if (value == nullptr) return values;
    const auto is_text = [](const nlohmann::json& item) {
      return item.is_string() && !item.get_ref<const std::string&>().empty();
    };
    if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_text)) {
      fail(name, "write a list of texts");
      return values;
    }
    for (const auto& item : *value) values.push_back(item.get<std::string>());
    return values;
  }

  [[nodiscard]] Money money(const char* name) { return value_or_fail(name, parse_money(text(name))); }
  [[nodiscard]] Share share(const char* name) { return value_or_fail(name, parse_share(text(name))); }
  [[nodiscard]] UnixTime time_or(const char* name, const Zone& zone, UnixTime fallback) {
    return has(name) ? value_or_fail(name, parse_time(text(name), zone)) : fallback;
  }

  void fail(const std::string& name, const std::string& why) {
    if (!failure_) failure_ = refusal(code_, what_ + (name.empty() ? "" : "." + name) + ": " + why);
  }

  /// The first problem, or a member that nobody asked for.
  [[nodiscard]] std::optional<Failure> done() {
    if (failure_) return failure_;
    for (const auto& [name, value] : object_.items()) {
      if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) fail(name, "unknown member");
    }
    return failure_;
  }

 private:
  const nlohmann::json* find(const char* name) {
    asked_.emplace_back(name);
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(name);
    return member == object_.end() ? nullptr : &*member;
  }
  template <typename T>
  T value_or_fail(const char* name, const Result<T>& result) {
    if (result.ok()) return result.value();
    fail(name, result.failure().text);
    return T{};
  }

  const nlohmann::json& object_;
  std::string code_;
  std::string what_;
  std::vector<std::string> asked_;
  std::optional<Failure> failure_;
};

}  // namespace sluice
