// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/thread.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace sluice {

void name_thread(const char* name) {
  constexpr std::size_t bytes_max = 15;
  pthread_setname_np(pthread_self(), std::string(name).substr(0, bytes_max).c_str());
}

bool go_first() {
  const sched_param lowest{sched_get_priority_min(SCHED_RR)};
  return pthread_setschedparam(pthread_self(), SCHED_RR, &lowest) == 0;
}

void stay_on(int processor) {
  if (processor < 0 || processor >= CPU_SETSIZE) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(processor), &one);
  (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

void give_way() {
  // A tenth of what a thread beside it gets: less, and what it has to finish may take for ever.
  constexpr int nice = 10;
  // On Linux a thread has a niceness of its own.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice);
}

}  // namespace sluice
