// SPDX-License-Identifier: Apache-2.0

#include "accounting/core/mutex.hpp"

#include "accounting/core/check.hpp"

namespace sluice {

Mutex::Mutex() {
  pthread_mutexattr_t kind;
  SLUICE_CHECK(pthread_mutexattr_init(&kind) == 0, "a mutex has attributes");
  SLUICE_CHECK(pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT) == 0, "the system knows priority inheritance");
  SLUICE_CHECK(pthread_mutex_init(&mutex_, &kind) == 0, "there is memory for a mutex");
  pthread_mutexattr_destroy(&kind);
}

Mutex::~Mutex() { pthread_mutex_destroy(&mutex_); }

void Mutex::lock() { SLUICE_CHECK(pthread_mutex_lock(&mutex_) == 0, "a mutex can be locked"); }

bool Mutex::try_lock() { return pthread_mutex_trylock(&mutex_) == 0; }

void Mutex::unlock() { SLUICE_CHECK(pthread_mutex_unlock(&mutex_) == 0, "whoever unlocks holds it"); }

}  // namespace sluice
