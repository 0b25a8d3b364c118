// SPDX-License-Identifier: Apache-2.0
//
// What a thread says of itself to the kernel.

#pragma once

#include <sched.h>

#include <optional>

namespace sluice {

/// What the calling thread is called in `top -H` and `ps -L`. At most 15 bytes count.
void name_thread(const char* name);

/// For good: the calling thread runs before whatever has no fixed priority. Without the right to it,
/// RLIMIT_RTPRIO, it runs as any other: false.
bool go_first();

/// Where one thread may run.
class Place {
 public:
  /// Of the calling thread, which alone may use it.
  Place();
  /// On this processor alone, if it is one of those that the thread was given.
  void stay_on(int processor);
  /// On any of those again.
  void roam();

 private:
  cpu_set_t given_{};
  std::optional<int> stays_on_;
};

}  // namespace sluice
