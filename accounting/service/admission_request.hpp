// SPDX-License-Identifier: Apache-2.0
//
// A question of the job_submit plugin, as plugins/job_submit/PROTOCOL.md has it. Pure.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"
#include "accounting/service/plugin_watch.hpp"
#include "accounting/tariff/job_request.hpp"

namespace sluice::service {

/// A request of plugins/job_submit/PROTOCOL.md.
struct AdmissionRequest {
  enum class Kind { submit, test, sibling };
  Kind kind = Kind::submit;
  std::string nonce;                           ///< empty: none
  std::map<std::string, std::string> options;  ///< as typed
  tariff::JobRequest job;
  std::optional<PluginReport> plugin;          ///< of the second line, where there is one
  std::string content_sha256;                  ///< of the first line

  [[nodiscard]] std::string option(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::string{} : found->second;
  }
};

/// Refuses ("bad_request") what PROTOCOL.md does not allow; a report that can't be read is left out.
[[nodiscard]] Result<AdmissionRequest> admission_request_from_text(std::string_view text);

}  // namespace sluice::service
