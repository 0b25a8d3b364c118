// SPDX-License-Identifier: Apache-2.0
//
// See fields.hpp.

#include "accounting/report/fields.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "accounting/core/money.hpp"
#include "accounting/report/text.hpp"

namespace sluice::report {
namespace {

bool right_aligned(Kind kind) { return kind == Kind::money || kind == Kind::total || kind == Kind::elapsed; }

std::string scalar_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string joined;
    for (const Json& item : value) {
      if (!joined.empty()) joined += ',';
      joined += scalar_text(item);
    }
    return joined;
  }
  if (value.is_object()) {
    // As Slurm writes TRES: cpu=8,gres/gpu=2.
    std::string joined;
    for (const auto& [name, item] : value.items()) joined += (joined.empty() ? "" : ",") + name + "=" + scalar_text(item);
    return joined;
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump();
}

std::string elapsed_text(const Json& value) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0) return scalar_text(value);
  const auto seconds = value.get<std::int64_t>();
  char text[48];
  const auto days = static_cast<long long>(seconds / 86400);
  const int hours = static_cast<int>(seconds / 3600 % 24);
  const int minutes = static_cast<int>(seconds / 60 % 60);
  const int rest = static_cast<int>(seconds % 60);
  if (days > 0) {
    std::snprintf(text, sizeof text, "%lld-%02d:%02d:%02d", days, hours, minutes, rest);
  } else {
    std::snprintf(text, sizeof text, "%02d:%02d:%02d", hours, minutes, rest);
  }
  return text;
}

/// "2026-01-31T08:00:00+08:00" without its offset; the day alone where asked and midnight.
std::string local_time_text(std::string text, bool day_alone) {
  if (text.size() < 19 || text[10] != 'T') return text;
  text.resize(19);
  if (day_alone && text.compare(10, 9, "T00:00:00") == 0) text.resize(10);
  return text;
}

std::string normalised(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line;
  text += '\n';
}

std::string row_text(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                     const Fields& fields) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    line += padded(cells[i], widths[i], right_aligned(fields[i]->kind));
  }
  return line;
}

}  // namespace

const Json& value_at(const Json& object, std::string_view path) {
  static const Json null;
  const Json* at = &object;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string key(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    if (!at->is_object()) return null;
    const auto member = at->find(key);
    if (member == at->end()) return null;
    at = &*member;
  }
  return *at;
}

std::string raw_text(const Json& object, std::string_view path) { return scalar_text(value_at(object, path)); }

const Json& rows_at(const Json& object, std::string_view path) {
  static const Json none = Json::array();
  const Json& rows = value_at(object, path);
  return rows.is_array() ? rows : none;
}

std::string field_text(const Field& field, const Json& object, bool for_people) {
  const Json& value = value_at(object, field.path);
  std::string text = scalar_text(value);
  switch (field.kind) {
    // Amounts are texts; a bare number is a count and stays one.
    case Kind::money:
      if (const auto amount = parse_money(text); amount && value.is_string()) text = format_money(*amount);
      break;
    case Kind::total:
      if (const auto amount = parse_money(text); amount && value.is_string()) text = format_money_fen(*amount);
      break;
    case Kind::elapsed:
      if (for_people) text = elapsed_text(value);
      break;
    case Kind::time:
      if (for_people) text = local_time_text(std::move(text), false);
      break;
    case Kind::day:
      if (for_people) text = local_time_text(std::move(text), true);
      break;
    case Kind::text:
    case Kind::list:
      break;
  }
  return printable(text);
}

Fields default_fields(std::span<const Field> all) {
  Fields fields;
  for (const Field& field : all) {
    if (field.shown_by_default) fields.push_back(&field);
  }
  return fields;
}

Result<Fields> select_fields(std::span<const Field> all, std::string_view list) {
  Fields fields;
  std::string known;
  for (const Field& field : all) known += (known.empty() ? "" : ",") + std::string(field.name);
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string wanted = normalised(list.substr(0, comma));
    if (wanted == "all") {
      for (const Field& field : all) fields.push_back(&field);
    } else {
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const Field& f) { return normalised(f.name) == wanted; });
      if (found == all.end()) {
        return refusal("unknown_field", "'" + printable(list.substr(0, comma).substr(0, 40)) +
                                            "' is not a field; choose among " + known);
      }
      fields.push_back(&*found);
    }
    if (comma == std::string_view::npos) return fields;
    list.remove_prefix(comma + 1);
  }
}

std::string table_text(const Fields& fields, const Json& rows) {
  std::vector<std::vector<std::string>> lines;
  const bool bilingual =
      std::any_of(fields.begin(), fields.end(), [](const Field* field) { return field->heading_zh[0] != '\0'; });
  const auto add_headings = [&](const char* Field::*heading) {
    std::vector<std::string> cells;
    for (const Field* field : fields) cells.emplace_back(field->*heading);
    lines.push_back(std::move(cells));
  };
  if (bilingual) add_headings(&Field::heading_zh);
  add_headings(&Field::heading);
  const std::size_t headings = lines.size();
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const Field* field : fields) cells.push_back(field_text(*field, row, true));
    lines.push_back(std::move(cells));
  }
  std::vector<std::size_t> widths(fields.size(), 0);
  for (const auto& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    append_line(text, row_text(lines[i], widths, fields));
    if (i + 1 != headings) continue;
    std::vector<std::string> rule;
    for (const std::size_t width : widths) rule.emplace_back(width, '-');
    append_line(text, row_text(rule, widths, fields));
  }
  return text;
}

std::string parsable_text(const Fields& fields, const Json& rows) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) text += (i > 0 ? "|" : "") + std::string(fields[i]->name);
  text += '\n';
  for (const Json& row : rows) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      std::string cell = field_text(*fields[i], row, false);
      std::replace(cell.begin(), cell.end(), '|', ' ');
      if (i > 0) text += '|';
      text += cell;
    }
    text += '\n';
  }
  return text;
}

std::string record_text(std::span<const Field> all, const Json& object) {
  std::size_t width = 0;
  for (const Field& field : all) {
    if (!field_text(field, object, true).empty()) width = std::max(width, display_width(field.heading));
  }
  std::string text;
  for (const Field& field : all) {
    const std::string value = field_text(field, object, true);
    if (!value.empty()) append_line(text, padded(field.heading, width, false) + "  " + value);
  }
  return text;
}

}  // namespace sluice::report
