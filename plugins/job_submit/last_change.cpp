// SPDX-License-Identifier: Apache-2.0

#include "plugins/job_submit/last_change.hpp"

#include <utility>

namespace sluice::job_submit {

std::optional<ChangeOutcome> LastChange::known(const Invocation& invocation, std::string_view question) {
  const std::lock_guard lock(mutex_);
  const bool same_call = !records_.empty() && invocation.desc == last_.desc && invocation.thread == last_.thread &&
                         invocation.now - last_.now <= gap_max && question == question_;
  if (!same_call || !records_.insert(invocation.record).second) return std::nullopt;
  last_.now = invocation.now;
  return outcome_;
}

void LastChange::remember(const Invocation& invocation, std::string question, ChangeOutcome outcome) {
  const std::lock_guard lock(mutex_);
  last_ = invocation;
  question_ = std::move(question);
  outcome_ = std::move(outcome);
  records_ = {invocation.record};
}

}  // namespace sluice::job_submit
