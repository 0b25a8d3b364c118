// SPDX-License-Identifier: Apache-2.0
//
// The stubs. Any thread may call them, as in slurmctld.

#include "tests/fake_slurm/fake_slurm.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

#include "plugins/slurm_abi/slurm_headers.h"

namespace {

constexpr auto done = static_cast<spank_err_t>(ESPANK_SUCCESS);

struct Record {
  std::mutex mutex;
  std::vector<std::string> errors;
  std::vector<std::string> infos;
  std::set<void*> live;
  int wrong_frees = 0;
  std::vector<fake_slurm::Option> options;
  std::map<std::string, std::string> job_control;
  std::map<std::string, std::string> task_environment;
  spank_context_t context = S_CTX_ALLOCATOR;
};

Record& record() {
  static Record instance;
  return instance;
}

std::string formatted(const char* format, std::va_list arguments) {
  char line[4096];
  std::vsnprintf(line, sizeof line, format, arguments);
  return line;
}

spank_err_t copy_out(const std::map<std::string, std::string>& from, const char* name, char* buffer, int bytes) {
  const auto found = from.find(name);
  if (found == from.end()) return ESPANK_ENV_NOEXIST;
  if (found->second.size() >= static_cast<std::size_t>(bytes)) return ESPANK_NOSPACE;
  std::strcpy(buffer, found->second.c_str());
  return done;
}

}  // namespace

namespace fake_slurm {

void reset(char context) {
  Record& r = record();
  const std::lock_guard lock(r.mutex);
  r.errors.clear();
  r.infos.clear();
  r.options.clear();
  r.job_control.clear();
  r.task_environment.clear();
  r.wrong_frees = 0;
  r.context = context == 'a' ? S_CTX_ALLOCATOR : context == 's' ? S_CTX_LOCAL : context == 'r' ? S_CTX_REMOTE : S_CTX_JOB_SCRIPT;
}

std::vector<std::string> errors() {
  const std::lock_guard lock(record().mutex);
  return record().errors;
}

std::vector<std::string> infos() {
  const std::lock_guard lock(record().mutex);
  return record().infos;
}

int live_allocations() {
  const std::lock_guard lock(record().mutex);
  return static_cast<int>(record().live.size());
}

int wrong_frees() {
  const std::lock_guard lock(record().mutex);
  return record().wrong_frees;
}

char* dup(const std::string& text) { return slurm_xstrdup(text.c_str()); }

void free_text(char*& text) { slurm_xfree(reinterpret_cast<void**>(&text)); }

std::vector<Option>& options() { return record().options; }
std::map<std::string, std::string>& job_control() { return record().job_control; }
std::map<std::string, std::string>& task_environment() { return record().task_environment; }

}  // namespace fake_slurm

extern "C" {

char* slurm_xstrdup(const char* text) {
  if (text == nullptr) return nullptr;
  char* copy = strdup(text);
  const std::lock_guard lock(record().mutex);
  record().live.insert(copy);
  return copy;
}

void slurm_xfree(void** item) {
  if (item == nullptr || *item == nullptr) return;
  const std::lock_guard lock(record().mutex);
  if (record().live.erase(*item) == 1) {
    std::free(*item);
  } else {
    ++record().wrong_frees;
  }
  *item = nullptr;
}

void slurm_error(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::string line = formatted(format, arguments);
  va_end(arguments);
  const std::lock_guard lock(record().mutex);
  record().errors.push_back(std::move(line));
}

void slurm_info(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::string line = formatted(format, arguments);
  va_end(arguments);
  const std::lock_guard lock(record().mutex);
  record().infos.push_back(std::move(line));
}

spank_context_t spank_context(void) { return record().context; }

spank_err_t spank_option_register(spank_t, spank_option* option) {
  if (option == nullptr || option->name == nullptr || option->usage == nullptr) return ESPANK_BAD_ARG;
  record().options.push_back({option->name, option->arginfo, option->usage, option->val, option->cb});
  return done;
}

spank_err_t spank_job_control_setenv(spank_t, const char* name, const char* value, int overwrite) {
  if (record().context == S_CTX_REMOTE) return ESPANK_NOT_LOCAL;
  auto& environment = record().job_control;
  if (overwrite == 0 && environment.count(name) != 0) return ESPANK_ENV_EXISTS;
  environment[name] = value;
  return done;
}

spank_err_t spank_getenv(spank_t, const char* name, char* buffer, int bytes) {
  if (record().context != S_CTX_REMOTE) return ESPANK_NOT_REMOTE;
  return copy_out(record().task_environment, name, buffer, bytes);
}

spank_err_t spank_setenv(spank_t, const char* name, const char* value, int overwrite) {
  if (record().context != S_CTX_REMOTE) return ESPANK_NOT_REMOTE;
  auto& environment = record().task_environment;
  if (overwrite == 0 && environment.count(name) != 0) return ESPANK_ENV_EXISTS;
  environment[name] = value;
  return done;
}

}  // extern "C"
