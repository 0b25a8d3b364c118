// SPDX-License-Identifier: Apache-2.0
//
// A mutex for what an admission may have to wait for. While a thread of higher priority
// waits, its holder runs at that priority: a host that is busy with other things can't
// keep it from letting go. And whoever waits has it next, where std::mutex may go to the
// thread that has just released it, again and again.

#pragma once

#include <pthread.h>

namespace sluice {

class Mutex {
 public:
  Mutex();
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // As std::lock_guard and std::unique_lock want them.
  void lock();
  [[nodiscard]] bool try_lock();
  void unlock();

 private:
  pthread_mutex_t mutex_{};
};

}  // namespace sluice
