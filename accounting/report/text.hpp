// SPDX-License-Identifier: Apache-2.0
//
// Text for terminals: the columns a text takes (Chinese takes two per character).
// Pure; it asks no locale, so a report looks the same wherever it is made.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "accounting/core/outside_text.hpp"

namespace sluice::report {

using sluice::printable;

/// The columns of a terminal that `text` takes: 2 for East Asian wide, 0 for combining marks.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// `text` with spaces to `width` columns, on its left where `right_aligned`.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width, bool right_aligned);

}  // namespace sluice::report
