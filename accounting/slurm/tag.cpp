// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/tag.hpp"

#include <algorithm>

namespace sluice::slurm {
namespace {

using nlohmann::json;

constexpr std::string_view key = "sluice";
constexpr std::size_t text_bytes_max = 65'535;  // slurmdbd's column
constexpr std::size_t tag_bytes_max = 4'000;
constexpr std::size_t member_bytes_max = 1'024;
constexpr std::size_t list_count_max = 64;
// nlohmann::json writes recursively: what is deeper isn't touched as JSON.
constexpr int depth_max = 32;
// Bytes looked at in one search, so that 64 kB of braces cost milliseconds.
constexpr std::size_t work_max = 8u << 20;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// An object of the text, and in it the value of its member "sluice", if that is an object.
struct Found {
  Span object;
  std::optional<Span> value;
  json content;  ///< of the value
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Past the string that starts at `at` with a quote; npos where it doesn't end.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

/// Past the object or list that starts at `at`; npos where it doesn't end or is too
/// deep. `looked_at` becomes the bytes that it took to know.
std::size_t balanced_end(std::string_view text, std::size_t at, std::size_t& looked_at) {
  int depth = 0;
  std::size_t i = at;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"') {
      i = std::min(string_end(text, i), text.size());
      continue;
    }
    ++i;
    if ((c == '{' || c == '[') && ++depth > depth_max) break;
    if ((c == '}' || c == ']') && --depth == 0) {
      looked_at = i - at;
      return i;
    }
  }
  looked_at = i - at;
  return std::string_view::npos;
}

std::size_t balanced_end(std::string_view text, std::size_t at) {
  std::size_t looked_at = 0;
  return balanced_end(text, at, looked_at);
}

/// Where the value of member "sluice" stands in `object`, which is known to be valid
/// JSON; of several the last, as the parser has it.
std::optional<Span> member_value(std::string_view object) {
  std::optional<Span> found;
  std::size_t at = 1;
  const auto skip = [&](auto&& drop) {
    while (at < object.size() && drop(object[at])) ++at;
  };
  while (true) {
    skip([](char c) { return is_space(c) || c == ','; });
    if (at >= object.size() || object[at] != '"') return found;
    const std::size_t name_end = string_end(object, at);
    const json name = json::parse(object.substr(at, name_end - at), nullptr, false);
    at = name_end;
    skip([](char c) { return is_space(c) || c == ':'; });
    const std::size_t value = at;
    if (object[at] == '{' || object[at] == '[') {
      at = balanced_end(object, at);
    } else if (object[at] == '"') {
      at = string_end(object, at);
    } else {
      skip([](char c) { return c != ',' && c != '}' && !is_space(c); });
    }
    if (name == key) found = Span{value, at};
  }
}

/// The object at `at`, if valid JSON stands there.
std::optional<Found> object_at(std::string_view text, std::size_t at) {
  const std::size_t end = balanced_end(text, at);
  if (end == std::string_view::npos) return std::nullopt;
  const auto object = text.substr(at, end - at);
  json parsed = json::parse(object, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  Found found{{at, end}, std::nullopt, nullptr};
  const auto member = parsed.find(key);
  if (member == parsed.end()) return found;
  if (const auto value = member_value(object)) {
    found.value = Span{at + value->begin, at + value->end};
    found.content = std::move(*member);
  }
  return found;
}

/// The text as one JSON object, nothing but space around it.
std::optional<Found> whole_object(std::string_view text) {
  std::size_t begin = 0, end = text.size();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  if (begin == end || text[begin] != '{') return std::nullopt;
  auto found = object_at(text, begin);
  if (!found || found->object.end != end) return std::nullopt;
  return found;
}

/// The last object in `text` that has our member, wherever it stands.
std::optional<Found> embedded_object(std::string_view text) {
  std::optional<Found> last;
  std::size_t work = 0;
  for (std::size_t at = text.find('{'); at != std::string_view::npos && work < work_max; at = text.find('{', at)) {
    // Only what can hold our key is worth the parser's time.
    std::size_t looked_at = 0;
    const std::size_t end = balanced_end(text, at, looked_at);
    const bool closed = end != std::string_view::npos;
    work += looked_at;
    if (!closed || text.substr(at, end - at).find(key) == std::string_view::npos) {
      // What doesn't close here may hold one that does; a closed one without our key doesn't.
      at = closed ? end : at + 1;
      continue;
    }
    work += end - at;
    auto found = object_at(text, at);
    if (!found) {
      ++at;
      continue;
    }
    at = found->object.end;
    if (found->value && found->content.is_object()) last = std::move(found);
  }
  return last;
}

/// 22.05's sacctmgr writes ` for every ".
std::string with_quotes(std::string_view text) {
  std::string quoted(text);
  std::replace(quoted.begin(), quoted.end(), '`', '"');
  return quoted;
}

bool has_backquoted_key(std::string_view text) { return text.find("`sluice`") != std::string_view::npos; }

std::optional<json> find_content(std::string_view text) {
  if (auto whole = whole_object(text)) {
    if (whole->value && whole->content.is_object()) return std::move(whole->content);
    return std::nullopt;
  }
  if (auto found = embedded_object(text)) return std::move(found->content);
  return std::nullopt;
}

std::optional<std::string> text_member(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  const auto& text = member->get_ref<const std::string&>();
  if (text.size() > member_bytes_max) return std::nullopt;
  return text;
}

Tag tag_from(const json& object) {
  Tag tag;
  tag.id = text_member(object, "id");
  tag.mac = text_member(object, "mac");
  tag.nonce = text_member(object, "nonce");
  tag.workload = text_member(object, "workload");
  tag.site = text_member(object, "site");
  tag.quote = text_member(object, "quote");
  tag.charge = text_member(object, "charge");
  tag.by_voucher = text_member(object, "by_voucher");
  tag.by_self = text_member(object, "by_self");
  tag.quality = text_member(object, "quality");
  tag.kgco2_location = text_member(object, "kgco2_location");
  tag.kgco2_market = text_member(object, "kgco2_market");
  if (const auto unpriced = object.find("unpriced"); unpriced != object.end() && unpriced->is_boolean()) {
    tag.unpriced = unpriced->get<bool>();
  }
  if (const auto joules = object.find("joules"); joules != object.end() && joules->is_number_integer()) {
    const bool fits = !joules->is_number_unsigned() || joules->get<std::uint64_t>() <= INT64_MAX;
    if (fits && joules->get<std::int64_t>() >= 0) tag.joules = joules->get<std::int64_t>();
  }
  if (auto one = text_member(object, "voucher")) tag.vouchers.push_back(std::move(*one));
  if (const auto list = object.find("voucher"); list != object.end() && list->is_array()) {
    for (const auto& item : *list) {
      if (tag.vouchers.size() == list_count_max) break;
      if (!item.is_string() || item.get_ref<const std::string&>().size() > member_bytes_max) continue;
      tag.vouchers.push_back(item.get<std::string>());
    }
  }
  if (const auto options = object.find("options"); options != object.end() && options->is_object()) {
    for (const auto& [name, value] : options->items()) {
      if (tag.options.size() == list_count_max) break;
      if (name.size() > member_bytes_max || !value.is_string()) continue;
      if (value.get_ref<const std::string&>().size() > member_bytes_max) continue;
      tag.options[name] = value.get<std::string>();
    }
  }
  return tag;
}

/// What stands around the value of our member, and that value; without a tag what would stand around it.
struct Place {
  std::string before;
  std::string after;
  json content;
};

Place around(std::string_view text, const Span& span) {
  return {std::string(text.substr(0, span.begin)), std::string(text.substr(span.end)), nullptr};
}

/// In `text`, a JSON object.
Place member_place(std::string_view text, Found whole) {
  if (whole.value) {
    Place place = around(text, *whole.value);
    place.content = std::move(whole.content);
    return place;
  }
  std::size_t last = whole.object.end - 1;  // at the closing brace
  while (is_space(text[last - 1])) --last;
  const bool is_empty = last - 1 == whole.object.begin;
  Place place = around(text, {last, last});
  place.before += is_empty ? "\"sluice\":" : ",\"sluice\":";
  return place;
}

/// In a text whose quotes were turned into backquotes.
std::optional<Place> mangled_place(std::string_view text) {
  const std::string quoted = with_quotes(text);
  // All quotes of the object were turned, those of others too: it is given back whole.
  if (auto whole = whole_object(quoted); whole && whole->value) return member_place(quoted, std::move(*whole));
  auto found = embedded_object(quoted);
  if (!found) return std::nullopt;
  Place place = around(text, found->object);
  place.before += quoted.substr(found->object.begin, found->value->begin - found->object.begin);
  place.after.insert(0, quoted, found->value->end, found->object.end - found->value->end);
  place.content = std::move(found->content);
  return place;
}

Place place_in(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_space)) return {"{\"sluice\":", "}", nullptr};
  if (auto whole = whole_object(text)) return member_place(text, std::move(*whole));
  if (auto found = embedded_object(text)) {
    Place place = around(text, *found->value);
    place.content = std::move(found->content);
    return place;
  }
  if (has_backquoted_key(text)) {
    if (auto place = mangled_place(text)) return std::move(*place);
  }
  return {std::string(text) + (is_space(text.back()) ? "{\"sluice\":" : " {\"sluice\":"), "}", nullptr};
}

void put(json& object, const char* name, const std::optional<std::string>& text) {
  if (text) object[name] = *text;
}

}  // namespace

std::optional<Tag> find_tag(std::string_view text) {
  if (text.size() > text_bytes_max) return std::nullopt;
  if (const auto content = find_content(text)) return tag_from(*content);
  if (!has_backquoted_key(text)) return std::nullopt;
  const std::string quoted = with_quotes(text);
  if (const auto content = find_content(quoted)) return tag_from(*content);
  return std::nullopt;
}

TaggedText read_tagged(std::string_view text) {
  if (text.size() > text_bytes_max) return {std::nullopt, std::string(text), {}};
  Place place = place_in(text);
  // An object without a tag may still hold one in backquotes.
  auto tag = place.content.is_object() ? tag_from(place.content) : find_tag(text);
  return {std::move(tag), std::move(place.before), std::move(place.after)};
}

json to_json(const Tag& tag) {
  json object = {{"v", 1}};
  put(object, "id", tag.id);
  put(object, "mac", tag.mac);
  put(object, "nonce", tag.nonce);
  if (!tag.vouchers.empty()) object["voucher"] = tag.vouchers;
  put(object, "workload", tag.workload);
  put(object, "site", tag.site);
  put(object, "quote", tag.quote);
  if (tag.unpriced) object["unpriced"] = true;
  if (!tag.options.empty()) object["options"] = tag.options;
  put(object, "charge", tag.charge);
  put(object, "by_voucher", tag.by_voucher);
  put(object, "by_self", tag.by_self);
  if (tag.joules) object["joules"] = *tag.joules;
  put(object, "quality", tag.quality);
  put(object, "kgco2_location", tag.kgco2_location);
  put(object, "kgco2_market", tag.kgco2_market);
  return object;
}

Result<std::string> with_tag(std::string_view text, const json& tag) {
  // ASCII only: a slurmdbd whose tables are latin1 would keep a question mark for each character.
  return with_tag_text(text, tag.dump(-1, ' ', true, json::error_handler_t::replace));
}

Result<std::string> with_tag_text(std::string_view text, const std::string& tag) {
  if (text.size() > text_bytes_max) return refusal("tag_too_long", "AdminComment already has over 65,535 bytes");
  Place place = place_in(text);
  return with_tag_text(TaggedText{std::nullopt, std::move(place.before), std::move(place.after)}, tag);
}

Result<std::string> with_tag_text(const TaggedText& text, const std::string& tag) {
  if (tag.size() > tag_bytes_max) {
    return refusal("tag_too_long", "the tag has " + std::to_string(tag.size()) + " bytes, more than " + std::to_string(tag_bytes_max));
  }
  std::string result = text.before + tag + text.after;
  if (result.size() > text_bytes_max) {
    return refusal("tag_too_long", "with the tag AdminComment would have over 65,535 bytes, which slurmdbd cuts");
  }
  return result;
}

}  // namespace sluice::slurm
