// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/fault_point.hpp"

#ifdef SLUICE_FAULT_POINTS
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace sluice::service {

void fault_point(const char* name) {
  const char* wanted = std::getenv("SLUICE_KILL_AT");
  if (wanted != nullptr && std::strcmp(wanted, name) == 0) std::raise(SIGKILL);
}

}  // namespace sluice::service
#endif
