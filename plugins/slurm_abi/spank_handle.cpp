// SPDX-License-Identifier: Apache-2.0
//
// SPANK's calls behind types.

#include "plugins/slurm_abi/spank_handle.hpp"

#include <array>

#include "plugins/slurm_abi/slurm_headers.h"

namespace sluice::slurm_abi {

namespace {

constexpr std::size_t value_bytes_max = 4096;

spank_t handle_of(void* spank) { return static_cast<spank_t>(spank); }

}  // namespace

SpankContext SpankHandle::context() {
  switch (spank_context()) {
    case S_CTX_ALLOCATOR: return SpankContext::allocator;
    case S_CTX_LOCAL: return SpankContext::srun;
    case S_CTX_REMOTE: return SpankContext::step;
    default: return SpankContext::other;
  }
}

bool SpankHandle::register_option(const SpankOption& option, int (*callback)(int, const char*, int)) {
  // Slurm copies the struct and its texts; only its declaration lacks the const.
  spank_option entry{};
  entry.name = const_cast<char*>(option.name);
  entry.arginfo = const_cast<char*>(option.argument);
  entry.usage = const_cast<char*>(option.usage);
  entry.has_arg = 1;
  entry.val = option.number;
  entry.cb = callback;
  return spank_option_register(handle_of(spank_), &entry) == ESPANK_SUCCESS;
}

bool SpankHandle::set_job_control(const char* name, const std::string& value) {
  return spank_job_control_setenv(handle_of(spank_), name, value.c_str(), 1) == ESPANK_SUCCESS;
}

std::optional<std::string> SpankHandle::task_environment(const char* name) {
  std::array<char, value_bytes_max> value{};
  if (spank_getenv(handle_of(spank_), name, value.data(), static_cast<int>(value.size())) != ESPANK_SUCCESS) return std::nullopt;
  return std::string(value.data());
}

bool SpankHandle::set_task_environment(const char* name, const std::string& value) {
  return spank_setenv(handle_of(spank_), name, value.c_str(), 1) == ESPANK_SUCCESS;
}

}  // namespace sluice::slurm_abi
