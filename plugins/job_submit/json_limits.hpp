// SPDX-License-Identifier: Apache-2.0
//
// What must hold before JSON from outside may be parsed inside slurmctld, and how
// bytes of users are written. Pure.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The library's own assertions would end slurmctld.
#define JSON_ASSERT(x) static_cast<void>(0)
#include <nlohmann/json.hpp>

namespace sluice::job_submit {

/// Objects keep the order of PROTOCOL.md.
using Json = nlohmann::ordered_json;

/// Whether brackets nest at most `depth_max` deep. Parsing is iterative, but writing
/// and copying recurse: a few thousand brackets would end the thread's stack.
[[nodiscard]] bool nests_at_most(std::string_view json, std::size_t depth_max);

/// Compact text. Bytes that are no UTF-8 become U+FFFD instead of an exception.
[[nodiscard]] std::string write_json(const Json& value);

/// The longest prefix of at most `bytes_max` bytes that ends at a character.
[[nodiscard]] std::string_view cut_text(std::string_view text, std::size_t bytes_max);

/// Without control characters (C0, DEL, C1): a terminal will show it.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sluice::job_submit
