// SPDX-License-Identifier: Apache-2.0
//
// Checked reading of JSON members: the first wrong one becomes the refusal. Pure.

#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "accounting/core/result.hpp"

namespace sluice::slurm {

/// Reads members of one object into variables. A missing member leaves its variable
/// as it is, unless it was asked for with `need`. After the first problem nothing changes.
class JsonReading {
 public:
  JsonReading(const nlohmann::json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json.is_object()) fail("it is not an object");
  }

  template <typename T>
  JsonReading& need(const char* key, T& to) {
    if (problem_.empty() && !json_.contains(key)) fail(std::string("it lacks \"") + key + '"');
    return may(key, to);
  }

  template <typename T>
  JsonReading& may(const char* key, T& to) {
    if (!problem_.empty()) return *this;
    const auto member = json_.find(key);
    if (member != json_.end() && !read(*member, to)) fail(std::string("member \"") + key + "\" is wrong");
    return *this;
  }

  void fail(const std::string& why) {
    if (problem_.empty()) problem_ = "couldn't read " + what_ + ": " + why;
  }
  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] Failure failure() const { return refusal("malformed_json", problem_); }

 private:
  static bool read(const nlohmann::json& json, std::string& to) {
    if (!json.is_string()) return false;
    to = json.get_ref<const std::string&>();
    return true;
  }
  static bool read(const nlohmann::json& json, bool& to) {
    if (!json.is_boolean()) return false;
    to = json.get<bool>();
    return true;
  }
  template <typename T>
  requires std::is_integral_v<T>
  static bool read(const nlohmann::json& json, T& to) {
    if (json.is_number_unsigned()) {
      const auto value = json.get<std::uint64_t>();
      if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
      to = static_cast<T>(value);
      return true;
    }
    if (!json.is_number_integer()) return false;
    const auto value = json.get<std::int64_t>();
    if constexpr (std::is_unsigned_v<T>) {
      if (value < 0 || static_cast<std::uint64_t>(value) > std::numeric_limits<T>::max()) return false;
    } else {
      if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) return false;
    }
    to = static_cast<T>(value);
    return true;
  }
  template <typename T>
  static bool read(const nlohmann::json& json, std::optional<T>& to) {
    T value{};
    if (!read(json, value)) return false;
    to = std::move(value);
    return true;
  }
  template <typename T>
  static bool read(const nlohmann::json& json, std::vector<T>& to) {
    if (!json.is_array()) return false;
    std::vector<T> values;
    values.reserve(json.size());
    for (const auto& item : json) {
      if (!read(item, values.emplace_back())) return false;
    }
    to = std::move(values);
    return true;
  }
  template <typename T>
  static bool read(const nlohmann::json& json, std::map<std::string, T>& to) {
    if (!json.is_object()) return false;
    std::map<std::string, T> values;
    for (const auto& [key, item] : json.items()) {
      if (!read(item, values[key])) return false;
    }
    to = std::move(values);
    return true;
  }

  const nlohmann::json& json_;
  std::string what_;
  std::string problem_;
};

}  // namespace sluice::slurm
