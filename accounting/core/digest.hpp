// SPDX-License-Identifier: Apache-2.0
//
// SHA-256, HMAC and identifiers, through OpenSSL. Pure but for the random ones, which
// read the kernel's generator.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Lower-case hexadecimal SHA-256 of `bytes`.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// The first 128 bits of HMAC-SHA-256, hexadecimal: enough to tell our tags from forged ones.
[[nodiscard]] std::string mac_hex(std::string_view key, std::string_view bytes);

/// Compares without telling by its duration where the texts differ.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

/// `prefix` and 26 characters of Crockford's base 32 that stand for the first 128 bits of SHA-256(seed).
[[nodiscard]] std::string id_from(std::string_view prefix, std::string_view seed);

/// `prefix` and 26 random characters of the same alphabet.
[[nodiscard]] std::string random_id(std::string_view prefix);

/// The same, of 40 bits for `at`, a time in seconds, and 88 random ones: what began together stands
/// together where ids are sorted, and an index by them is not touched all over.
[[nodiscard]] std::string random_id_of_time(std::string_view prefix, std::int64_t at);

}  // namespace sluice
