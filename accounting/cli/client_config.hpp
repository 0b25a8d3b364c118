// SPDX-License-Identifier: Apache-2.0
//
// The client's settings: `name = value` lines of /etc/sluice/client.conf.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/core/result.hpp"

namespace sluice::cli {

/// Reads a variable of the environment; an empty one counts as unset.
using Environment = std::function<std::optional<std::string>(const char* name)>;

struct ClientConfig {
  std::string server = "127.0.0.1:6711";  ///< host:port, [::1]:port
  std::string service_user = "sluice";    ///< alone may decode our credentials
  std::string munge_socket;               ///< empty: libmunge's own
  int timeout_seconds = 30;               ///< of a whole request
};

/// The settings in `text`; `file` is its name for messages. Unknown names are refusals.
[[nodiscard]] Result<ClientConfig> parse_client_config(const std::string& file, std::string_view text);

/// Reads the file that SLUICE_CLIENT_CONF names (it must exist), else
/// /etc/sluice/client.conf where it exists; SLUICE_SERVER overrides `server`.
[[nodiscard]] Result<ClientConfig> load_client_config(const Environment& environment);

}  // namespace sluice::cli
