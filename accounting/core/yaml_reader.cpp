// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice {
namespace {

/// Sees where documents begin, and nothing of what is in them.
class DocumentCount final : public YAML::EventHandler {
 public:
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] const YAML::Mark& newest() const { return newest_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++count_;
    newest_ = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int count_ = 0;
  YAML::Mark newest_;
};

std::string shown(const YAML::Node& node) {
  if (!node.IsScalar()) return node.IsMap() ? "a mapping" : node.IsSequence() ? "a list" : "nothing";
  return "'" + node.Scalar().substr(0, 60) + "'";
}

}  // namespace

YamlMap::YamlMap(YAML::Node node, std::string path) : node_(std::move(node)), path_(std::move(path)) {
  if (!node_.IsMap()) {
    throw YamlProblem{node_.Mark(), (path_.empty() ? "the document" : path_) + " is " + shown(node_) +
                                        "; write a mapping (key: value)"};
  }
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) throw YamlProblem{entry.first.Mark(), "a key must be a plain text"};
    if (!seen.insert(entry.first.Scalar()).second) {
      throw YamlProblem{entry.first.Mark(), name(entry.first.Scalar()) + " stands twice; keep one"};
    }
  }
}

std::string YamlMap::name(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

bool YamlMap::has(const std::string& key) const {
  return std::any_of(node_.begin(), node_.end(), [&](const auto& entry) { return entry.first.Scalar() == key; });
}

YAML::Node YamlMap::find(const std::string& key) {
  asked_.push_back(key);
  for (const auto& entry : node_) {
    if (entry.first.Scalar() == key) return entry.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

void YamlMap::fail(const std::string& key, const std::string& why) const {
  for (const auto& entry : node_) {
    if (entry.first.Scalar() == key) {
      // The mark of an empty value is where the next token stands, often a line below.
      const auto mark = entry.second.IsNull() ? entry.first.Mark() : entry.second.Mark();
      throw YamlProblem{mark, name(key) + ": " + shown(entry.second) + ": " + why};
    }
  }
  throw YamlProblem{node_.Mark(), name(key) + ": " + why};
}

std::optional<std::string> YamlMap::text_if(const std::string& key) {
  const YAML::Node node = find(key);
  if (!node.IsDefined() || node.IsNull()) return std::nullopt;
  if (!node.IsScalar()) fail(key, "write one text");
  return node.Scalar();
}

std::string YamlMap::text(const std::string& key) {
  auto value = text_if(key);
  if (!value || value->empty()) fail(key, "is missing");
  return *value;
}

std::string YamlMap::text_or(const std::string& key, std::string fallback) {
  auto value = text_if(key);
  return value ? *value : std::move(fallback);
}

std::int64_t YamlMap::integer(const std::string& key, std::int64_t min, std::int64_t max) {
  const std::string value = text(key);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (problem != std::errc{} || end != value.data() + value.size() || number < min || number > max) {
    fail(key, "write a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return number;
}

std::int64_t YamlMap::integer_or(const std::string& key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  return has(key) ? integer(key, min, max) : (find(key), fallback);
}

bool YamlMap::flag_or(const std::string& key, bool fallback) {
  const auto value = text_if(key);
  if (!value) return fallback;
  if (*value == "true" || *value == "yes") return true;
  if (*value == "false" || *value == "no") return false;
  fail(key, "write true or false");
}

Money YamlMap::money(const std::string& key) {
  const auto amount = parse_money(text(key));
  if (!amount.ok()) fail(key, amount.failure().text);
  return *amount;
}

std::optional<Money> YamlMap::money_if(const std::string& key) {
  if (!has(key)) {
    find(key);
    return std::nullopt;
  }
  return money(key);
}

Share YamlMap::share(const std::string& key) {
  const auto value = parse_share(text(key));
  if (!value.ok()) fail(key, value.failure().text);
  return *value;
}

UnixTime YamlMap::time(const std::string& key, const Zone& zone) {
  const auto at = parse_time(text(key), zone);
  if (!at.ok()) fail(key, at.failure().text);
  return *at;
}

UnixTime YamlMap::time_or(const std::string& key, const Zone& zone, UnixTime fallback) {
  return has(key) ? time(key, zone) : (find(key), fallback);
}

std::string YamlMap::choice(const std::string& key, std::initializer_list<const char*> allowed) {
  const std::string value = text(key);
  std::string names;
  for (const char* one : allowed) {
    if (value == one) return value;
    names += names.empty() ? "" : ", ";
    names += one;
  }
  fail(key, "write one of: " + names);
}

std::string YamlMap::choice_or(const std::string& key, const std::string& fallback,
                               std::initializer_list<const char*> allowed) {
  return has(key) ? choice(key, allowed) : (find(key), fallback);
}

std::vector<std::string> YamlMap::texts(const std::string& key) {
  const YAML::Node node = find(key);
  std::vector<std::string> values;
  if (!node.IsDefined() || node.IsNull()) return values;
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence()) fail(key, "write a list of texts");
  for (const auto& item : node) {
    if (!item.IsScalar() || item.Scalar().empty()) {
      throw YamlProblem{item.Mark(), name(key) + ": " + shown(item) + ": write a text"};
    }
    values.push_back(item.Scalar());
  }
  return values;
}

YamlMap YamlMap::map(const std::string& key) {
  const YAML::Node node = find(key);
  if (!node.IsDefined()) fail(key, "is missing");
  return YamlMap(node, name(key));
}

std::optional<YamlMap> YamlMap::map_if(const std::string& key) {
  const YAML::Node node = find(key);
  if (!node.IsDefined() || node.IsNull()) return std::nullopt;
  return YamlMap(node, name(key));
}

std::vector<YamlMap> YamlMap::maps(const std::string& key) {
  const YAML::Node node = find(key);
  std::vector<YamlMap> values;
  if (!node.IsDefined() || node.IsNull()) return values;
  if (!node.IsSequence()) fail(key, "write a list of mappings");
  for (std::size_t i = 0; i < node.size(); ++i) {
    values.emplace_back(node[i], name(key) + "[" + std::to_string(i) + "]");
  }
  return values;
}

std::vector<std::string> YamlMap::keys() {
  std::vector<std::string> names;
  for (const auto& entry : node_) names.push_back(entry.first.Scalar());
  return names;
}

void YamlMap::done() const {
  for (const auto& entry : node_) {
    const std::string& key = entry.first.Scalar();
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
    std::string known;
    std::set<std::string> once(asked_.begin(), asked_.end());
    for (const auto& one : once) known += (known.empty() ? "" : ", ") + one;
    throw YamlProblem{entry.first.Mark(), name(key) + ": unknown key; known here: " + known};
  }
}

void require_one_document(const std::string& text) {
  // Not with LoadAll: yaml-cpp 0.7 finds documents without end, and fills the memory with
  // them, where a text begins with a comma.
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentCount documents;
  while (documents.count() < 2 && parser.HandleNextDocument(documents)) {
  }
  if (documents.count() > 1) throw YamlProblem{documents.newest(), "a second document begins; write one per file"};
}

Failure yaml_failure(const std::string& file, const YAML::Mark& mark, const std::string& text) {
  std::string where = file;
  if (mark.line >= 0) where += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  return refusal("bad_file", where + ": " + text);
}

Result<std::string> load_text(const std::string& file, std::size_t bytes_max) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fault("couldn't read " + file + ": " + std::strerror(errno));
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(in.gcount()));
    if (text.size() > bytes_max) {
      return fault(file + " is larger than " + std::to_string(bytes_max) + " bytes");
    }
  }
  if (in.bad()) return fault("couldn't read " + file + ": " + std::strerror(errno));
  return text;
}

}  // namespace sluice
