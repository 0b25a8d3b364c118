// SPDX-License-Identifier: Apache-2.0
//
// Text for terminals: UTF-8 decoding, the columns a text takes (Chinese takes two
// per character), and what is made harmless before it is shown. Pure; it asks no
// locale, so a report looks the same wherever it is made.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::report {

/// Takes the first code point off `rest`. An invalid byte is taken alone and comes
/// back as `invalid_code_point`. REQUIRES: `rest` is not empty.
[[nodiscard]] char32_t take_code_point(std::string_view& rest);
inline constexpr char32_t invalid_code_point = 0xFFFFFFFF;

/// Whether showing the code point could move the cursor, change the terminal or
/// reorder the text around it (C0, C1, line separators, directional overrides).
[[nodiscard]] bool is_control(char32_t code_point);

/// The columns of a terminal that `text` takes: 2 for East Asian wide, 0 for combining marks.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// `text` with every control character as a space and every invalid byte as '?'.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` with spaces to `width` columns, on its left where `right_aligned`.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width, bool right_aligned);

}  // namespace sluice::report
