// SPDX-License-Identifier: Apache-2.0
//
// Ids of requests whose outcome isn't known yet, kept on disk, so that a command
// repeated after a lost reply is the same request to the service and not a second one.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "accounting/cli/client_config.hpp"
#include "accounting/core/result.hpp"
#include "accounting/core/time.hpp"

namespace sluice::cli {

struct KeptRequest {
  std::string id;
  std::optional<UnixTime> first_sent;  ///< set where an earlier attempt's outcome is unknown
};

class RequestStore {
 public:
  /// `folder` is made with its parents when first needed, readable by its owner alone.
  explicit RequestStore(std::string folder) : folder_(std::move(folder)) {}

  /// The id for `content`: that of an attempt in the 24 hours before `now` whose outcome
  /// is unknown, else a new one, synced to disk before this returns.
  [[nodiscard]] Result<KeptRequest> keep(const std::string& content, UnixTime now);

  /// A definite answer came for `content`.
  void forget(const std::string& content);

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  [[nodiscard]] std::string path(const std::string& content) const;
  std::string folder_;
};

/// ${XDG_STATE_HOME:-~/.local/state}/sluice/requests
[[nodiscard]] std::string request_folder(const Environment& environment);

}  // namespace sluice::cli
