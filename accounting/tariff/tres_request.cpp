// SPDX-License-Identifier: Apache-2.0

#include "accounting/tariff/tres_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace sluice::tariff {
namespace {

constexpr std::int64_t count_max = 1'000'000'000'000'000;
constexpr std::size_t names_max = 64;

struct Item {
  std::string name;
  std::int64_t count = 1;
};

bool is_word(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '@';
  });
}

/// "2", "4K"; nullopt where it is no count, which makes it a type such as "1080ti".
std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || value < 0 || value > count_max) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (suffix.empty()) return value;
  static constexpr std::string_view suffixes = "KMGTP";
  const auto power = suffix.size() == 1 ? suffixes.find(static_cast<char>(suffix[0] & ~0x20)) : std::string_view::npos;
  if (power == std::string_view::npos) return std::nullopt;
  for (std::size_t i = 0; i <= power; ++i) {
    value *= 1024;
    if (value > count_max) return std::nullopt;
  }
  return value;
}

/// Takes "gres" and its separator off; nullopt where `text` begins with something else.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.size() <= prefix.size() || !text.starts_with(prefix)) return false;
  const char separator = text[prefix.size()];
  if (separator != ':' && separator != '/') return false;
  text.remove_prefix(prefix.size() + 1);
  return true;
}

/// Cuts ":COUNT" or "=COUNT" off the end; nullopt where what follows '=' is no count.
std::optional<std::int64_t> take_count(std::string_view& text) {
  const auto at = text.find_last_of(":=");
  if (at == std::string_view::npos) return 1;
  const auto count = parse_count(text.substr(at + 1));
  if (!count) return text[at] == '=' ? std::nullopt : std::optional<std::int64_t>(1);
  text = text.substr(0, at);
  return count;
}

/// "gpu", "gpu:a100": the device's name and type.
std::optional<std::string> device_name(std::string_view text) {
  const auto colon = text.find(':');
  if (!is_word(text.substr(0, colon))) return std::nullopt;
  if (colon != std::string_view::npos && !is_word(text.substr(colon + 1))) return std::nullopt;
  return "gres/" + std::string(text);
}

/// An empty name: nothing that could have a price.
std::optional<Item> parse_item(std::string_view text) {
  Item item;
  const bool is_gres = take_prefix(text, "gres");
  const bool is_license = !is_gres && take_prefix(text, "license");
  if (text == "none") return item;
  const auto count = take_count(text);
  if (!count) return std::nullopt;
  item.count = *count;
  if (is_license) {
    if (!is_word(text)) return std::nullopt;
    item.name = "license/" + std::string(text);
  } else if (!is_gres && text == "cpu") {
    item.name = "cpu";
  } else if (is_gres || text.find('/') == std::string_view::npos) {
    const auto name = device_name(text);
    if (!name) return std::nullopt;
    item.name = *name;
  }
  return item;
}

}  // namespace

Result<slurm::Tres> parse_tres_request(std::string_view text) {
  slurm::Tres tres;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto one = text.substr(0, comma);
    const auto item = parse_item(one);
    if (!item || tres.size() >= names_max) {
      return refusal("bad_tres", "'" + std::string(one.substr(0, 40)) +
                                     "' is not a request of devices; write it like gpu:2 or gpu:a100:2");
    }
    if (!item->name.empty()) {
      auto& count = tres[item->name];
      count = std::min(count + item->count, count_max);
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return tres;
}

}  // namespace sluice::tariff
