// SPDX-License-Identifier: Apache-2.0
//
// See authenticator.hpp. The credential is restricted to the service's uid, so that
// whoever else receives it can neither read nor replay it.

#include <pwd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "accounting/cli/authenticator.hpp"

#ifdef SLUICE_HAVE_MUNGE
#include <munge.h>
#endif

namespace sluice::cli {
namespace {

[[maybe_unused]] Failure unreachable(std::string text) {
  return {Failure::Kind::unreachable, "no_credential", std::move(text)};
}

}  // namespace

MungeAuthenticator::MungeAuthenticator(std::string service_user, std::string socket)
    : service_user_(std::move(service_user)), socket_(std::move(socket)) {}

#ifdef SLUICE_HAVE_MUNGE

Result<std::string> MungeAuthenticator::authorization(const std::string& payload) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (::getpwnam_r(service_user_.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return unreachable("this host knows no user '" + service_user_ +
                       "', which the service runs as; create it with the same uid as on the service's host");
  }
  const std::unique_ptr<munge_ctx, decltype(&munge_ctx_destroy)> context(munge_ctx_create(), &munge_ctx_destroy);
  if (!context) return unreachable("memory for a MUNGE credential is lacking; try again");
  munge_err_t status = munge_ctx_set(context.get(), MUNGE_OPT_UID_RESTRICTION, entry.pw_uid);
  if (status == EMUNGE_SUCCESS && !socket_.empty()) {
    status = munge_ctx_set(context.get(), MUNGE_OPT_SOCKET, socket_.c_str());
  }
  char* credential = nullptr;
  if (status == EMUNGE_SUCCESS) {
    status = munge_encode(&credential, context.get(), payload.data(), static_cast<int>(payload.size()));
  }
  const std::unique_ptr<char, decltype(&std::free)> owned(credential, &std::free);
  if (status != EMUNGE_SUCCESS) {
    const char* detail = munge_ctx_strerror(context.get());
    return unreachable(std::string("munged on this host gives no credential (") +
                       (detail != nullptr ? detail : munge_strerror(status)) +
                       "); start it (systemctl start munge) or ask the administrator");
  }
  return std::string("MUNGE ") + credential;
}

#else

Result<std::string> MungeAuthenticator::authorization(const std::string&) {
  return unreachable("this sluice was built without MUNGE; install one that was built with it");
}

#endif

}  // namespace sluice::cli
