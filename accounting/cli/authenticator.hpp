// SPDX-License-Identifier: Apache-2.0
//
// Who asks: an interface, since some sites have no MUNGE, and the one way there is.

#pragma once

#include <string>

#include "accounting/core/result.hpp"

namespace sluice::cli {

class Authenticator {
 public:
  Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  /// The value of the Authorization header for a request whose digest is `payload`.
  /// A failure is `unreachable`: without proof of who asks nothing can be asked.
  [[nodiscard]] virtual Result<std::string> authorization(const std::string& payload) = 0;
};

/// MUNGE credentials that only `service_user` can decode.
class MungeAuthenticator final : public Authenticator {
 public:
  /// `socket` empty means libmunge's own.
  MungeAuthenticator(std::string service_user, std::string socket);
  [[nodiscard]] Result<std::string> authorization(const std::string& payload) override;

 private:
  std::string service_user_;
  std::string socket_;
};

}  // namespace sluice::cli
