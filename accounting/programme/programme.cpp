// SPDX-License-Identifier: Apache-2.0

#include "accounting/programme/programme.hpp"

#include <algorithm>
#include <array>

#include "accounting/core/yaml_reader.hpp"
#include "accounting/programme/json_members.hpp"

namespace sluice {
namespace {

constexpr const char* id_rule = "write 1 to 64 letters, digits, '.', '_' and '-'";
constexpr const char* validity_rule = "ends before it begins; valid_to is exclusive and must be after valid_from";

/// The end states that a job of slurmdbd can have and be charged.
constexpr std::array<const char*, 10> end_states = {"COMPLETED", "CANCELLED", "FAILED",   "TIMEOUT",       "NODE_FAIL",
                                                    "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REQUEUED"};

ExpiryTo expiry_to(const std::string& text) { return text == "lapsed" ? ExpiryTo::lapsed : ExpiryTo::budget; }

}  // namespace

std::string unknown_state(const std::vector<std::string>& states) {
  for (const auto& state : states) {
    if (std::find(end_states.begin(), end_states.end(), state) != end_states.end()) continue;
    std::string known;
    for (const char* one : end_states) known += (known.empty() ? "" : ", ") + std::string(one);
    return "'" + state.substr(0, 40) + "' is not an end state of Slurm; write some of: " + known;
  }
  return {};
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

Result<Programme> parse_programme(const std::string& file, const std::string& text) {
  return read_yaml<Programme>(file, text, [](YamlMap& top) {
    Programme programme;
    if (top.has("version")) (void)top.integer("version", 1, 1);
    programme.id = top.text("programme");
    if (!is_id(programme.id)) top.fail("programme", id_rule);
    programme.name = top.text("name");
    programme.issuer = top.text("issuer");
    (void)top.choice_or("mode", "deduct", {"deduct"});
    programme.share = top.share("share");
    Zone zone;
    if (const auto name = top.text_if("zone")) {
      const auto read = parse_zone(*name);
      if (!read.ok()) top.fail("zone", read.failure().text);
      zone = *read;
    }
    programme.valid_from = top.time("valid_from", zone);
    programme.valid_to = top.time_or("valid_to", zone, time_forever);
    if (programme.valid_to <= programme.valid_from) top.fail("valid_to", validity_rule);
    programme.clusters = top.texts("clusters");
    programme.partitions = top.texts("partitions");
    programme.eligible_states = top.texts("eligible_states");
    if (const auto problem = unknown_state(programme.eligible_states); !problem.empty()) {
      top.fail("eligible_states", problem);
    }
    programme.expiry_to = expiry_to(top.choice("expiry_to", {"budget", "lapsed"}));
    return programme;
  });
}

nlohmann::json to_json(const Programme& programme, const Zone& zone) {
  return {{"id", programme.id},
          {"name", programme.name},
          {"issuer", programme.issuer},
          {"mode", "deduct"},
          {"share", format_share(programme.share)},
          {"valid_from", format_time(programme.valid_from, zone)},
          {"valid_to", format_time(programme.valid_to, zone)},
          {"clusters", programme.clusters},
          {"partitions", programme.partitions},
          {"eligible_states", programme.eligible_states},
          {"expiry_to", programme.expiry_to == ExpiryTo::lapsed ? "lapsed" : "budget"}};
}

Result<Programme> programme_from_json(const nlohmann::json& json, const Zone& zone) {
  JsonMembers members(json, "bad_programme", "programme");
  Programme programme;
  programme.id = members.text("id");
  if (!is_id(programme.id)) members.fail("id", id_rule);
  programme.name = members.text("name");
  programme.issuer = members.text("issuer");
  (void)members.choice_or("mode", "deduct", {"deduct"});
  programme.share = members.share("share");
  programme.valid_from = members.time_or("valid_from", zone, 0);
  programme.valid_to = members.time_or("valid_to", zone, time_forever);
  if (programme.valid_to <= programme.valid_from) members.fail("valid_to", validity_rule);
  programme.clusters = members.texts("clusters");
  programme.partitions = members.texts("partitions");
  programme.eligible_states = members.texts("eligible_states");
  if (const auto problem = unknown_state(programme.eligible_states); !problem.empty()) {
    members.fail("eligible_states", problem);
  }
  programme.expiry_to = expiry_to(members.choice_or("expiry_to", "budget", {"budget", "lapsed"}));
  if (auto failure = members.done()) return *failure;
  return programme;
}

bool is_state_eligible(const Programme& programme, std::string_view state) {
  const auto& states = programme.eligible_states;
  return states.empty() || std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace sluice
