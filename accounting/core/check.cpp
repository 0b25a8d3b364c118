// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace sluice {

void check_failed(const char* file, int line, const char* condition, const char* what) noexcept {
  std::fprintf(stderr, "sluice: %s:%d: invariant broken: %s (%s)\n", file, line, what, condition);
  std::abort();
}

}  // namespace sluice
