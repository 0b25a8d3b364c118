// SPDX-License-Identifier: Apache-2.0
//
// One request to sluiced and its reply. An interface, so that verbs are tested
// without a network; the real one speaks HTTP/1.1 through libcurl.

#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "accounting/cli/authenticator.hpp"
#include "accounting/cli/client_config.hpp"
#include "accounting/core/result.hpp"

namespace sluice::cli {

struct Request {
  std::string method;
  std::string target;  ///< path with query; its characters need no escaping
  std::string body;
  std::string working;  ///< shown to a waiting person, such as "verifying the ledger"
};

struct Reply {
  long status = 0;
  std::string body;
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// The reply whatever its status, or a failure (`unreachable`) where none came.
  /// Code "not_sent" means that the service can't have acted on it.
  [[nodiscard]] virtual Result<Reply> exchange(const Request& request) = 0;

  /// The service asked, for messages: "host:port".
  [[nodiscard]] virtual std::string server() const = 0;
};

/// `progress` gets a moving line where something takes more than a second; null for none.
[[nodiscard]] std::unique_ptr<Transport> make_http_transport(ClientConfig config,
                                                             std::unique_ptr<Authenticator> authenticator,
                                                             std::ostream* progress);

/// What a credential vouches for: the digest of method, target and body.
[[nodiscard]] std::string request_digest(const Request& request);

}  // namespace sluice::cli
