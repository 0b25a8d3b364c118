// SPDX-License-Identifier: Apache-2.0

#include "accounting/cli/preflight.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <vector>

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

Json row(const std::string& name, const char* state, const std::string& text) {
  return {{"name", name}, {"state", state}, {"text", text}};
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

/// Where the files of a release lie: below the prefix, or where they are to be below a staged one's root.
std::string base_of(const std::string& prefix) {
  for (const char* folder : {"/usr", "/usr/local"}) {
    if (::access((prefix + folder + "/sbin/sluiced").c_str(), F_OK) == 0) return prefix + folder;
  }
  return prefix;
}

/// The slurmctld in force, as `scontrol show config` has it.
struct RunningSlurm {
  std::string version;  ///< empty: not known
  std::vector<std::string> plugin_folders;
  std::string problem;
};

RunningSlurm running_slurm(const World& world) {
  RunningSlurm slurm;
  const auto shown = world.run({{"scontrol", "show", "config"}, {}});
  if (!shown.ok() || shown->status != 0) {
    slurm.problem = shown.ok() ? last_line(shown->err) : shown.failure().text;
    return slurm;
  }
  std::istringstream lines(shown->out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, equals, value;
    words >> key >> equals >> value;
    if (key == "SLURM_VERSION") slurm.version = value;
    if (key != "PluginDir") continue;
    std::istringstream folders(value);
    for (std::string folder; std::getline(folders, folder, ':');) slurm.plugin_folders.push_back(folder);
  }
  return slurm;
}

/// "22.05" of "22.05.8": a plugin is loaded by releases of the same.
std::string series(const std::string& version) { return version.substr(0, version.rfind('.')); }

std::optional<std::string> slurm_library(const RunningSlurm& slurm) {
  for (const auto& folder : slurm.plugin_folders) {
    const std::string file = folder + "/libslurmfull.so";
    if (::access(file.c_str(), R_OK) == 0) return file;
  }
  return std::nullopt;
}

/// A program that can't be started lacks a library, or is for another machine.
Json check_program(const World& world, const std::string& file, const std::string& argument) {
  const std::string name = file.substr(file.rfind('/') + 1);
  const auto said = world.run({{file, argument}, {}});
  if (!said.ok()) return row(name, "fail", said.failure().text);
  if (said->status != 0) return row(name, "fail", file + " ended with " + std::to_string(said->status) + ": " + last_line(said->err));
  return row(name, "ok", argument == "--version" ? first_line(said->out) : "starts");
}

Json check_plugin(const World& world, const std::string& helper, const std::string& file, const RunningSlurm& slurm) {
  const std::string name = file.substr(file.rfind('/') + 1);
  if (::access(file.c_str(), R_OK) != 0) return row(name, "fail", file + ": " + std::strerror(errno) + "; install it");
  const auto library = slurm_library(slurm);
  if (!library) return row(name, "warn", "not tried: Slurm's libslurmfull.so is in no folder of PluginDir");
  const auto said = world.run({{helper, "--check-plugin", file, *library}, {}});
  if (!said.ok()) return row(name, "fail", said.failure().text);
  const Json facts = Json::parse(said->out, nullptr, false);
  if (!facts.is_object()) {
    // Opening a file that was cut short ends the process that does so, and would end slurmctld.
    return row(name, "fail", file + " can't be opened: " + helper + " ended with " + std::to_string(said->status) + " " + last_line(said->err) +
                                 "; install it again");
  }
  const std::string built_for = facts.value("slurm_version", "");
  const std::string problem = facts.value("problem", "");
  if (!slurm.version.empty() && !built_for.empty() && series(built_for) != series(slurm.version)) {
    return row(name, "fail", "built for Slurm " + built_for + ", and slurmctld " + slurm.version +
                                 " runs, which would end for it; build it for that, or put both in place together");
  }
  if (!problem.empty()) return row(name, "fail", problem);
  return row(name, "ok", "loads, with every symbol; built for Slurm " + built_for);
}

/// What the new service itself says of configuration, ledger and disk.
void add_service_rows(const World& world, const std::string& sluiced, const std::string& config, Json& rows) {
  const auto said = world.run({{sluiced, "--preflight", "--config", config}, {}});
  const Json found = said.ok() ? Json::parse(said->out, nullptr, false) : Json();
  if (!found.is_array()) {
    rows.push_back(row("configuration", "fail", said.ok() ? last_line(said->err) : said.failure().text));
    return;
  }
  for (const Json& one : found) rows.push_back(one);
}

}  // namespace

Json preflight_checks(const World& world, const std::string& prefix, const std::string& config) {
  const std::string base = base_of(prefix);
  const std::string sluiced = base + "/sbin/sluiced";
  const std::string helper = base + "/libexec/sluice/sluice-slurmdb";
  Json rows = Json::array();
  rows.push_back(check_program(world, sluiced, "--version"));
  if (rows.back()["state"] == "ok") add_service_rows(world, sluiced, config, rows);
  rows.push_back(check_program(world, helper, "--help"));
  const bool helped = rows.back()["state"] == "ok";
  const RunningSlurm slurm = running_slurm(world);
  rows.push_back(slurm.problem.empty() ? row("slurmctld", "ok", "runs " + slurm.version)
                                       : row("slurmctld", "warn", "its version isn't known: " + slurm.problem));
  for (const char* plugin : {"job_submit_sluice.so", "spank_sluice.so"}) {
    if (helped) rows.push_back(check_plugin(world, helper, base + "/" SLUICE_PLUGIN_SUBFOLDER "/" + plugin, slurm));
  }
  return rows;
}

}  // namespace sluice::cli
