// SPDX-License-Identifier: Apache-2.0
//
// The log, through slurm_error and slurm_info. Tests link definitions of their own
// for these two (tests/fake_slurm), so that nothing of Slurm has to run.

#include "plugins/slurm_abi/log.hpp"

#include <cstdarg>
#include <cstdio>

#include "plugins/slurm_abi/slurm_headers.h"

namespace sluice::slurm_abi {

namespace {
constexpr std::size_t line_bytes_max = 2048;
}

void log_error(const char* format, ...) noexcept {
  char line[line_bytes_max];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  slurm_error("%s", line);
}

void log_info(const char* format, ...) noexcept {
  char line[line_bytes_max];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  slurm_info("%s", line);
}

}  // namespace sluice::slurm_abi
