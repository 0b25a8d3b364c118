// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/plugin_check.hpp"

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "accounting/slurm/child/slurm_headers.hpp"

namespace sluice::slurm {
namespace {

std::string last_problem() {
  const char* text = dlerror();
  return text_of(text);
}

std::string version_text(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "%02u.%02u.%u", SLURM_VERSION_MAJOR(number), SLURM_VERSION_MINOR(number), SLURM_VERSION_MICRO(number));
  return text;
}

}  // namespace

int check_plugin(const std::string& file, const std::string& library) {
  std::string type_text, slurm_version, problem;
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) problem = last_problem();
  void* plugin = dlopen(file.c_str(), RTLD_NOW);
  if (plugin == nullptr) {
    if (problem.empty()) problem = last_problem();
    // As Slurm opens it: what is missing shows at the call, and what it is can be read all the same.
    plugin = dlopen(file.c_str(), RTLD_LAZY);
  }
  if (plugin != nullptr) {
    const auto* type = static_cast<const char*>(dlsym(plugin, "plugin_type"));
    const auto* version = static_cast<const std::uint32_t*>(dlsym(plugin, "plugin_version"));
    type_text = text_of(type);
    if (version != nullptr) slurm_version = version_text(*version);
    if (problem.empty() && (type == nullptr || version == nullptr)) problem = "it is no plugin of Slurm's";
  }
  nlohmann::json said;
  said["type"] = type_text;
  said["slurm_version"] = slurm_version;
  said["problem"] = problem;
  std::cout << said.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  return problem.empty() ? 0 : 1;
}

}  // namespace sluice::slurm
