// SPDX-License-Identifier: Apache-2.0
//
// SLUICE_CHECK: a broken invariant inside the service stops the process before a
// wrong balance is written. Never used in code that Slurm loads.

#pragma once

namespace sluice {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* what) noexcept;

}  // namespace sluice

#define SLUICE_CHECK(condition, what) \
  ((condition) ? static_cast<void>(0) : ::sluice::check_failed(__FILE__, __LINE__, #condition, what))
