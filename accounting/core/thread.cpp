// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/thread.hpp"

#include <pthread.h>
#include <sched.h>

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

Place::Place() {
  CPU_ZERO(&given_);
  if (pthread_getaffinity_np(pthread_self(), sizeof given_, &given_) != 0) CPU_ZERO(&given_);  // more processors than it has room for
}

void Place::stay_on(int processor) {
  if (stays_on_ == processor || processor < 0 || processor >= CPU_SETSIZE) return;
  const auto number = static_cast<std::size_t>(processor);
  if (!CPU_ISSET(number, &given_)) return roam();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(number, &one);
  if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0) stays_on_ = processor;
}

void Place::roam() {
  if (!stays_on_) return;
  (void)pthread_setaffinity_np(pthread_self(), sizeof given_, &given_);
  stays_on_.reset();
}

}  // namespace sluice
