// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/slurm_text.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace sluice::slurm {
namespace {

constexpr std::uint32_t energy_id = 3;
// Slurm's "not set" and "infinite" are the last values below 2^64; nothing real comes near.
constexpr std::uint64_t count_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "4", "4K", "1G": a GRES count with Slurm's binary suffixes.
std::optional<std::int64_t> read_count(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t factor = 1;
  constexpr std::string_view suffixes = "KMGTP";
  char last = text.back();
  if (last >= 'a' && last <= 'z') last = static_cast<char>(last - 'a' + 'A');
  if (const auto power = suffixes.find(last); power != std::string_view::npos) {
    for (std::size_t i = 0; i <= power; ++i) factor *= 1024;
    text.remove_suffix(1);
  }
  const auto count = read_number<std::int64_t>(text);
  if (!count || *count < 0 || *count > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return *count * factor;
}

void add_gres(std::string_view item, Tres& gres) {
  item = item.substr(0, item.find('('));
  std::array<std::string_view, 4> parts;
  std::size_t count = 0;
  while (!item.empty() && count < parts.size()) {
    const auto colon = item.find(':');
    parts[count++] = item.substr(0, colon);
    item = colon == std::string_view::npos ? std::string_view{} : item.substr(colon + 1);
  }
  if (count == 0 || parts[0].empty()) return;
  std::int64_t amount = 1;
  if (count > 1) {
    if (const auto last = read_count(parts[count - 1])) {
      amount = *last;
      --count;
    }
  }
  const std::string name = "gres/" + std::string(parts[0]);
  gres[name] += amount;
  if (count > 1 && parts[1] != "no_consume") gres[name + ":" + std::string(parts[1])] += amount;
}

}  // namespace

TresReading parse_tres(std::string_view text, const TresNames& names) {
  TresReading reading;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    const auto id = read_number<std::uint32_t>(item.substr(0, equals));
    const auto count = read_number<std::uint64_t>(item.substr(equals + 1));
    if (!id || !count || *count > count_max) continue;
    const auto amount = static_cast<std::int64_t>(*count);
    if (*id == energy_id) {
      // Slurm writes 0 where nothing was measured; no job that ran used nothing.
      if (amount > 0) reading.energy_joules = amount;
      continue;
    }
    if (const auto name = names.find(*id); name != names.end()) {
      reading.tres[name->second] = amount;
    } else {
      reading.tres["tres/" + std::to_string(*id)] = amount;
      reading.unknown_id = true;
    }
  }
  return reading;
}

Tres parse_gres(std::string_view text) {
  Tres gres;
  if (text == "(null)") return gres;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    // A comma inside "(S:0,2)" separates sockets, not resources.
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')' && depth > 0) --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      add_gres(text.substr(begin, i - begin), gres);
      begin = i + 1;
    }
  }
  return gres;
}

std::string base_state_name(std::uint32_t state) {
  static constexpr std::array<const char*, 12> names = {"PENDING",   "RUNNING",   "SUSPENDED", "COMPLETED",
                                                        "CANCELLED", "FAILED",    "TIMEOUT",   "NODE_FAIL",
                                                        "PREEMPTED", "BOOT_FAIL", "DEADLINE",  "OUT_OF_MEMORY"};
  const std::uint32_t base = state & state_base_mask;
  return base < names.size() ? names[base] : "STATE_" + std::to_string(base);
}

std::string state_name(std::uint32_t state) {
  if (state & state_revoked) return "REVOKED";
  if (state & state_requeued) return "REQUEUED";
  if (state & state_resizing) return "RESIZING";
  return base_state_name(state);
}

bool is_end_state(std::uint32_t state) {
  const std::uint32_t base = state & state_base_mask;
  return base >= 3 && base <= 11;
}

}  // namespace sluice::slurm
