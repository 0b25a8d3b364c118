// SPDX-License-Identifier: Apache-2.0
//
// What accounting_storage_slurmdbd.so expects of the program that loads it and
// libslurm doesn't export: without it the process ends with "symbol lookup error"
// (exit 127) when slurmdbd first fails. The program exports it (ENABLE_EXPORTS).

#include <cstdint>
#include <cstdio>

extern "C" {

char* slurmdbd_msg_type_2_str(std::uint16_t type, int as_number);

/// Slurm's own names the message; the number does for a log line.
char* slurmdbd_msg_type_2_str(std::uint16_t type, int /*as_number*/) {
  static thread_local char text[32];
  std::snprintf(text, sizeof text, "DBD message %u", static_cast<unsigned>(type));
  return text;
}

}  // extern "C"
