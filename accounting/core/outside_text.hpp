// SPDX-License-Identifier: Apache-2.0
//
// Text that comes from outside: UTF-8 decoding, what is made harmless before it is
// shown or logged, and what must hold before JSON is parsed. Pure; it asks no locale.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Takes the first code point off `rest`. An invalid byte is taken alone and comes
/// back as `invalid_code_point`. REQUIRES: `rest` is not empty.
[[nodiscard]] char32_t take_code_point(std::string_view& rest);
inline constexpr char32_t invalid_code_point = 0xFFFFFFFF;

/// Whether showing the code point could move the cursor, change the terminal, begin
/// another line or reorder the text around it (C0, C1, line separators, directional overrides).
[[nodiscard]] bool is_control(char32_t code_point);

/// `text` with every control character as a space and every invalid byte as '?'.
[[nodiscard]] std::string printable(std::string_view text);

/// Whether brackets nest at most `depth_max` deep. Parsing is iterative, but writing
/// and copying recurse: some 100,000 brackets would end the thread's stack.
[[nodiscard]] bool nests_at_most(std::string_view json, std::size_t depth_max);

}  // namespace sluice
