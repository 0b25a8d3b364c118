// SPDX-License-Identifier: Apache-2.0
//
// Fields: the columns of a listing, as data. A field knows where its value stands
// in an answer's object and how it is written; from the same fields come the table
// for people, --parsable2 and --format. Pure; a missing value is an empty text.

#pragma once

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/core/result.hpp"

namespace sluice::report {

using Json = nlohmann::json;

enum class Kind {
  text,     ///< as it is
  money,    ///< six decimals
  total,    ///< two decimals
  elapsed,  ///< seconds; [D-]HH:MM:SS for people
  time,     ///< ISO 8601; without its offset for people
  day,      ///< the same, the day alone where it is midnight
  list      ///< joined with commas
};

struct Field {
  const char* name;                ///< of --format and of the header of --parsable2
  const char* heading;             ///< for people
  const char* heading_zh;          ///< for people; "" where the listing is English only
  Kind kind;
  const char* path;                ///< where the value stands: "charge.amount"
  bool shown_by_default = true;
};

using Fields = std::vector<const Field*>;

/// The member of `object` at "a.b"; null where there is none.
[[nodiscard]] const Json& value_at(const Json& object, std::string_view path);

/// The value at `path` as text, for programs.
[[nodiscard]] std::string raw_text(const Json& object, std::string_view path);

/// The value of `field` for people (`for_people`) or for programs; harmless to show.
[[nodiscard]] std::string field_text(const Field& field, const Json& object, bool for_people);

[[nodiscard]] Fields default_fields(std::span<const Field> all);

/// The fields that --format names: commas between them, case and underscores ignored, `all` for all.
[[nodiscard]] Result<Fields> select_fields(std::span<const Field> all, std::string_view list);

/// The array at `path`; an empty one where there is none.
[[nodiscard]] const Json& rows_at(const Json& object, std::string_view path);

/// Headings (two lines where the fields have Chinese ones), a rule, then a line per row.
[[nodiscard]] std::string table_text(const Fields& fields, const Json& rows);

/// A header and a line per row, '|' between fields and none at the end. A '|' or a
/// control character inside a value becomes a space.
[[nodiscard]] std::string parsable_text(const Fields& fields, const Json& rows);

/// One object as lines "Heading  value"; empty values are left out.
[[nodiscard]] std::string record_text(std::span<const Field> all, const Json& object);

}  // namespace sluice::report
