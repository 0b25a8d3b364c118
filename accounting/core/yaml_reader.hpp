// SPDX-License-Identifier: Apache-2.0
//
// Strict reading of YAML: every failure names file, line and column, the field,
// the value and what would be right; unknown and repeated keys are failures. No I/O but
// load_text.

#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/money.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice {

/// Thrown inside a reader and turned into a Failure by read_yaml; never leaves it.
struct YamlProblem {
  YAML::Mark mark;
  std::string text;
};

/// One mapping of a document. Get every key through it, then call `done`, which
/// refuses keys that nobody asked for.
class YamlMap {
 public:
  /// `path` is the field's name for messages, such as "prices[2]".
  YamlMap(YAML::Node node, std::string path);

  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] std::string text(const std::string& key);
  [[nodiscard]] std::string text_or(const std::string& key, std::string fallback);
  [[nodiscard]] std::optional<std::string> text_if(const std::string& key);
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::int64_t integer_or(const std::string& key, std::int64_t fallback, std::int64_t min, std::int64_t max);
  [[nodiscard]] bool flag_or(const std::string& key, bool fallback);
  [[nodiscard]] Money money(const std::string& key);
  [[nodiscard]] std::optional<Money> money_if(const std::string& key);
  [[nodiscard]] Share share(const std::string& key);
  [[nodiscard]] UnixTime time(const std::string& key, const Zone& zone);
  [[nodiscard]] UnixTime time_or(const std::string& key, const Zone& zone, UnixTime fallback);
  /// One of `allowed`.
  [[nodiscard]] std::string choice(const std::string& key, std::initializer_list<const char*> allowed);
  [[nodiscard]] std::string choice_or(const std::string& key, const std::string& fallback,
                                      std::initializer_list<const char*> allowed);
  /// A list of texts, or one text standing for a list of one; empty where the key is missing.
  [[nodiscard]] std::vector<std::string> texts(const std::string& key);
  /// A nested mapping; the key must be there.
  [[nodiscard]] YamlMap map(const std::string& key);
  [[nodiscard]] std::optional<YamlMap> map_if(const std::string& key);
  /// The mappings of a list; empty where the key is missing.
  [[nodiscard]] std::vector<YamlMap> maps(const std::string& key);
  /// All keys, in the document's order, for mappings whose keys are names.
  [[nodiscard]] std::vector<std::string> keys();
  /// Refuses what nobody asked for.
  void done() const;

  /// Throws a problem at `key` (or at this mapping where the key is missing).
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Where this mapping begins, for messages that name two places.
  [[nodiscard]] YAML::Mark mark() const { return node_.Mark(); }

 private:
  YAML::Node find(const std::string& key);
  [[nodiscard]] std::string name(const std::string& key) const;

  YAML::Node node_;
  std::string path_;
  std::vector<std::string> asked_;
};

/// Parses `text` and hands its top mapping to `body`; every problem becomes a
/// refusal "FILE:LINE:COLUMN: …".
template <typename T, typename Body>
[[nodiscard]] Result<T> read_yaml(const std::string& file, const std::string& text, Body&& body);

/// The whole of a file, at most `bytes_max`; the failure names the file and the system's reason.
[[nodiscard]] Result<std::string> load_text(const std::string& file, std::size_t bytes_max = 16u << 20);

/// "FILE:LINE:COLUMN: text".
[[nodiscard]] Failure yaml_failure(const std::string& file, const YAML::Mark& mark, const std::string& text);

/// Throws a YamlProblem where a second document begins.
void require_one_document(const std::string& text);

template <typename T, typename Body>
Result<T> read_yaml(const std::string& file, const std::string& text, Body&& body) {
  try {
    require_one_document(text);
    YamlMap top(YAML::Load(text), "");
    T value = body(top);
    top.done();
    return value;
  } catch (const YamlProblem& problem) {
    return yaml_failure(file, problem.mark, problem.text);
  } catch (const YAML::Exception& problem) {
    return yaml_failure(file, problem.mark, problem.msg);
  }
}

}  // namespace sluice
