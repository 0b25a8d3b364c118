// SPDX-License-Identifier: Apache-2.0
//
// The circuit breaker's three states: closed, open, probing.

#include "plugins/client/breaker.hpp"

#include <algorithm>

namespace sluice::client {

Breaker::Permit Breaker::ask(Time now) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::closed) return Permit::pass;
  if (state_ == State::open && now >= probe_at_) {
    state_ = State::probing;
    return Permit::probe;
  }
  ++without_answer_;
  return Permit::skip;
}

bool Breaker::is_open() const {
  const std::lock_guard lock(mutex_);
  return state_ != State::closed;
}

void Breaker::abandon() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::closed) ++without_answer_;
}

std::optional<Breaker::Notice> Breaker::report(Permit permit, bool reached, Time now, Backoff backoff) {
  const std::lock_guard lock(mutex_);
  const auto limit = std::max(backoff.min, backoff.max);
  if (permit == Permit::probe) {
    if (reached) {
      state_ = State::closed;
      const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(now - opened_at_);
      return Notice{Notice::Kind::closed, without_answer_, duration};
    }
    ++without_answer_;
    wait_ = std::min(wait_ * 2, limit);
    state_ = State::open;
    probe_at_ = now + wait_;
    return std::nullopt;
  }
  if (permit == Permit::skip || reached) return std::nullopt;
  if (state_ != State::closed) {  // others were under way when it opened
    ++without_answer_;
    return std::nullopt;
  }
  state_ = State::open;
  opened_at_ = now;
  wait_ = backoff.min;
  probe_at_ = now + wait_;
  without_answer_ = 1;
  return Notice{Notice::Kind::opened, 1, {}};
}

}  // namespace sluice::client
