// SPDX-License-Identifier: Apache-2.0
//
// See local_checks.hpp.

#include "accounting/cli/local_checks.hpp"

#include <glob.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <sstream>

#include "accounting/core/yaml_reader.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* plugin_name = "spank_sluice.so";
constexpr std::size_t conf_bytes_max = 1u << 20;

Json row(const char* name, const char* state, const std::string& text) {
  return {{"name", name}, {"state", state}, {"text", text}};
}

Json check_plugin_conf(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0) return row("plugin.conf", "ok", file + " is absent, so defaults hold");
  if (::access(file.c_str(), R_OK) != 0) {
    return row("plugin.conf", "warn", file + ": " + std::strerror(errno) + "; make it readable to SlurmUser");
  }
  return row("plugin.conf", "ok", file + " is readable");
}

std::string folder_of(const std::string& file) { return file.substr(0, file.rfind('/')); }

/// The plugin's path in a line of plugstack.conf that loads ours; follows `include`.
std::optional<std::string> loaded_plugin(const std::string& file, int depth) {
  const auto text = load_text(file, conf_bytes_max);
  if (!text || depth > 4) return std::nullopt;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string kind;
    std::string path;
    words >> kind >> path;
    if ((kind == "optional" || kind == "required") && path.substr(path.rfind('/') + 1) == plugin_name) return path;
    if (kind != "include" || path.empty()) continue;
    if (path.front() != '/') path = folder_of(file) + "/" + path;
    glob_t found{};
    std::optional<std::string> plugin;
    if (::glob(path.c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc && !plugin; ++i) plugin = loaded_plugin(found.gl_pathv[i], depth + 1);
    }
    ::globfree(&found);
    if (plugin) return plugin;
  }
  return std::nullopt;
}

Json check_plugin_file(const std::string& path) {
  if (path.find('/') == std::string::npos) {
    return row(plugin_name, "warn", "plugstack.conf names it without its folder; write the full path");
  }
  return ::access(path.c_str(), R_OK) == 0
             ? row(plugin_name, "ok", path)
             : row(plugin_name, "fail", path + ": " + std::strerror(errno) + "; install the plugin or correct the path");
}

}  // namespace

LocalPaths local_paths(const Environment& environment) {
  LocalPaths paths;
  if (const auto conf = environment("SLURM_CONF"); conf && conf->find('/') != std::string::npos) {
    paths.plugstack_conf = folder_of(*conf) + "/plugstack.conf";
  }
  char program[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program);
  paths.spank_plugin = spank_plugin_path(length > 0 ? std::string(program, static_cast<std::size_t>(length)) : "");
  return paths;
}

std::string spank_plugin_path(const std::string& program) {
  if (const std::string folder = folder_of(program); folder.size() > 4 && folder.ends_with("/bin")) {
    const std::string tree = folder.substr(0, folder.size() - 4);
    if (::access((tree + "/CMakeCache.txt").c_str(), F_OK) == 0) return tree + "/lib/" + plugin_name;
  }
  return std::string(SLUICE_PLUGIN_FOLDER "/") + plugin_name;
}

Json local_checks(const LocalPaths& paths, const Result<std::string>& credential) {
  Json checks = Json::array();
  checks.push_back(credential ? row("munge", "ok", "munged gives credentials")
                              : row("munge", "fail", credential.failure().text));
  checks.push_back(check_plugin_conf(paths.plugin_conf));
  const std::string line = std::string("optional ") + paths.spank_plugin;
  if (::access(paths.plugstack_conf.c_str(), R_OK) != 0) {
    // A finance officer's host runs no Slurm, and needs neither.
    checks.push_back(row("plugstack.conf", "warn", paths.plugstack_conf + ": " + std::strerror(errno) +
                                                       "; where jobs are submitted it needs: " + line));
    return checks;
  }
  const auto plugin = loaded_plugin(paths.plugstack_conf, 0);
  checks.push_back(plugin ? row("plugstack.conf", "ok", paths.plugstack_conf + " loads " + *plugin)
                          : row("plugstack.conf", "fail", paths.plugstack_conf + " lacks our line; add: " + line));
  checks.push_back(check_plugin_file(plugin.value_or(paths.spank_plugin)));
  return checks;
}

}  // namespace sluice::cli
