// SPDX-License-Identifier: Apache-2.0
//
// Who sent a request: an interface, and MUNGE behind it. Any thread may call.

#pragma once

#include <memory>

#include "accounting/core/result.hpp"
#include "accounting/service/http_listener.hpp"

namespace sluice::service {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// The uid that vouches for exactly this request. Refusals: no_credential, bad_credential.
  virtual Result<uid_t> authenticate(const HttpRequest& request) = 0;
};

/// As API.md describes. Credentials must be restricted to `own_uid`, so that no
/// other service can have decoded and passed them on; munged refuses replays.
[[nodiscard]] std::unique_ptr<Authenticator> make_munge_authenticator(uid_t own_uid);

/// What a client signs.
[[nodiscard]] std::string signed_payload(const std::string& method, const std::string& target, const std::string& body);

}  // namespace sluice::service
