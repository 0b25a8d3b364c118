// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/munge_auth.hpp"

#include <munge.h>

#include <cstdlib>

#include "accounting/core/digest.hpp"

namespace sluice::service {
namespace {

class MungeAuthenticator final : public Authenticator {
 public:
  explicit MungeAuthenticator(uid_t own_uid) : own_uid_(own_uid) {}

  Result<uid_t> authenticate(const HttpRequest& request) override {
    static const std::string scheme = "MUNGE ";
    if (request.authorization.rfind(scheme, 0) != 0) {
      return refusal("no_credential", "the request carries no MUNGE credential");
    }
    const std::string credential = request.authorization.substr(scheme.size());
    const std::unique_ptr<munge_ctx, void (*)(munge_ctx_t)> context(munge_ctx_create(), munge_ctx_destroy);
    if (context == nullptr) return fault("no memory for a MUNGE context");
    void* payload = nullptr;
    int size = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    const munge_err_t outcome = munge_decode(credential.c_str(), context.get(), &payload, &size, &uid, &gid);
    const std::string sent = payload != nullptr && size > 0 ? std::string(static_cast<char*>(payload), static_cast<std::size_t>(size)) : "";
    std::free(payload);
    if (outcome == EMUNGE_SOCKET || outcome == EMUNGE_TIMEOUT) {
      return fault(std::string("munged on the service's host doesn't answer: ") + munge_strerror(outcome));
    }
    if (outcome != EMUNGE_SUCCESS) return refusal("bad_credential", std::string("MUNGE: ") + munge_strerror(outcome));
    uid_t restriction = 0;
    if (munge_ctx_get(context.get(), MUNGE_OPT_UID_RESTRICTION, &restriction) != EMUNGE_SUCCESS || restriction != own_uid_) {
      return refusal("bad_credential", "the credential is not restricted to the service's user");
    }
    if (!equal_constant_time(sent, signed_payload(request.method, request.target, request.body))) {
      return refusal("bad_credential", "the credential is for another request");
    }
    return uid;
  }

 private:
  uid_t own_uid_;
};

}  // namespace

std::unique_ptr<Authenticator> make_munge_authenticator(uid_t own_uid) { return std::make_unique<MungeAuthenticator>(own_uid); }

std::string signed_payload(const std::string& method, const std::string& target, const std::string& body) {
  return sha256_hex(method + "\n" + target + "\n" + sha256_hex(body));
}

}  // namespace sluice::service
