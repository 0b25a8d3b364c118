// SPDX-License-Identifier: Apache-2.0
//
// Fault points: places where a test may kill the service, to prove that no step
// of a charge can be cut off in a harmful way. In builds without
// SLUICE_FAULT_POINTS they are nothing.

#pragma once

namespace sluice::service {

#ifdef SLUICE_FAULT_POINTS
/// Ends the process at once, as kill -9 would, where the environment variable
/// SLUICE_KILL_AT names this point.
void fault_point(const char* name);
#else
inline void fault_point(const char*) {}
#endif

}  // namespace sluice::service
