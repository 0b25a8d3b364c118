// SPDX-License-Identifier: Apache-2.0
//
// When each of the service's doings last succeeded, for `sluice doctor`. Any thread may call.

#pragma once

#include <map>
#include <mutex>
#include <string>

#include "accounting/core/time.hpp"

namespace sluice::service {

class Health {
 public:
  struct Doing {
    UnixTime succeeded_at = 0;
    UnixTime failed_at = 0;
    std::string problem;
    std::int64_t failures = 0;
    bool worked_last = false;  // two outcomes can fall into one second
    [[nodiscard]] bool ok() const { return worked_last; }
  };

  void succeeded(const std::string& doing, UnixTime now) {
    const std::lock_guard lock(mutex_);
    Doing& one = doings_[doing];
    one.succeeded_at = now;
    one.worked_last = true;
  }
  /// True where this is news: it worked before, or failed for another reason.
  bool failed(const std::string& doing, const std::string& problem, UnixTime now) {
    const std::lock_guard lock(mutex_);
    Doing& one = doings_[doing];
    const bool news = one.ok() || one.problem != problem || one.failed_at == 0;
    one.failed_at = now;
    ++one.failures;
    one.worked_last = false;
    one.problem = problem;
    return news;
  }
  [[nodiscard]] std::map<std::string, Doing> all() const {
    const std::lock_guard lock(mutex_);
    return doings_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Doing> doings_;
};

}  // namespace sluice::service
