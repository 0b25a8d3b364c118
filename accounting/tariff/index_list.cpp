// SPDX-License-Identifier: Apache-2.0

#include "accounting/tariff/index_list.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tariff {
namespace {

constexpr std::int64_t hosts_max = 1'000'000;

struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t step = 1;
  [[nodiscard]] std::int64_t count() const { return (last - first) / step + 1; }
};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// "7", "1-5" or "0-15:4".
std::optional<Range> parse_range(std::string_view text, std::int64_t value_max) {
  Range range;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    const auto step = number(text.substr(colon + 1));
    if (!step || *step == 0 || text.substr(0, colon).find('-') == std::string_view::npos) return std::nullopt;
    range.step = *step;
    text = text.substr(0, colon);
  }
  const auto dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *last < *first || *last > value_max) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

std::optional<std::vector<Range>> parse_ranges(std::string_view text, std::int64_t value_max) {
  std::vector<Range> ranges;
  while (true) {
    const auto comma = text.find(',');
    const auto range = parse_range(text.substr(0, comma), value_max);
    if (!range) return std::nullopt;
    ranges.push_back(*range);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

/// Distinct numbers; nullopt where overlapping ranges would make counting long.
std::optional<std::int64_t> count_distinct(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  std::int64_t total = 0;
  bool disjoint = true;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    total += ranges[i].count();
    if (i > 0 && ranges[i].first <= ranges[i - 1].last) disjoint = false;
  }
  if (disjoint) return total;
  if (total > array_tasks_max) return std::nullopt;
  std::vector<bool> seen(array_tasks_max);
  std::int64_t distinct = 0;
  for (const Range& range : ranges) {
    for (std::int64_t i = range.first; i <= range.last; i += range.step) {
      if (!seen[static_cast<std::size_t>(i)]) ++distinct;
      seen[static_cast<std::size_t>(i)] = true;
    }
  }
  return distinct;
}

/// Hosts of one name, "r[0-1]c[0-2]": the brackets multiply.
std::int64_t count_of_name(std::string_view name) {
  std::int64_t hosts = 1;
  while (true) {
    const auto open = name.find('[');
    if (open == std::string_view::npos) return name.find(']') == std::string_view::npos ? hosts : 0;
    const auto close = name.find(']', open);
    if (close == std::string_view::npos) return 0;
    const auto ranges = parse_ranges(name.substr(open + 1, close - open - 1), hosts_max * 1000);
    if (!ranges) return 0;
    std::int64_t inside = 0;
    for (const Range& range : *ranges) inside = std::min(inside + range.count(), hosts_max);
    hosts = std::min(hosts * inside, hosts_max);
    name.remove_prefix(close + 1);
  }
}

}  // namespace

Result<ArraySize> parse_array(std::string_view text) {
  const auto bad = [&] {
    return refusal("bad_array", "'" + std::string(text.substr(0, 40)) +
                                    "' is not a list of array tasks; write --array like 1-100%5, 0-15:4 or 1,3,5-7, "
                                    "with indexes below " + std::to_string(array_tasks_max));
  };
  const auto percent = text.find('%');
  const auto ranges = parse_ranges(text.substr(0, percent), array_tasks_max - 1);
  if (!ranges) return bad();
  const auto total = count_distinct(*ranges);
  if (!total) return bad();
  ArraySize size{*total, *total};
  if (percent != std::string_view::npos) {
    const auto limit = number(text.substr(percent + 1));
    if (!limit) return bad();
    if (*limit > 0) size.tasks_at_once = std::min(*limit, *total);
  }
  return size;
}

std::int64_t count_hosts(std::string_view hostlist) {
  std::int64_t hosts = 0;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= hostlist.size(); ++i) {
    const char c = i < hostlist.size() ? hostlist[i] : ',';
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (i < hostlist.size() && (c != ',' || depth > 0)) continue;
    const auto name = hostlist.substr(begin, i - begin);
    const std::int64_t count = name.empty() ? 0 : count_of_name(name);
    if (count == 0) return 0;
    hosts = std::min(hosts + count, hosts_max);
    begin = i + 1;
  }
  return hosts;
}

}  // namespace sluice::tariff
