// SPDX-License-Identifier: Apache-2.0
//
// The public interface of API.md: routes, who may ask, and how failures look.

#pragma once

#include <functional>
#include <memory>

#include "accounting/service/books.hpp"
#include "accounting/service/doctor.hpp"
#include "accounting/service/health.hpp"
#include "accounting/service/http_listener.hpp"
#include "accounting/service/munge_auth.hpp"

namespace sluice::service {

class PublicApi {
 public:
  struct Parts {
    SlurmFacts& facts;
    Health& health;
    Authenticator& authenticator;
    Doctor& doctor;
    Books* books = nullptr;
    std::function<std::shared_ptr<const Config>()> config;
    std::function<void()> wake_collector;  ///< so that what was just decided acts at once
    /// Reads the jobs that Slurm holds now; false: not in time, or too many ask already.
    std::function<bool()> look_at_slurm;
  };

  explicit PublicApi(Parts parts) : parts_(std::move(parts)) {}
  [[nodiscard]] HttpResponse handle(const HttpRequest& request);

 private:
  using Json = nlohmann::json;
  [[nodiscard]] Result<Json> answer(const Caller& caller, const HttpRequest& request, UnixTime now);
  [[nodiscard]] Result<Json> get(const Caller& caller, const HttpRequest& request, UnixTime now);
  [[nodiscard]] Result<Json> post(const Caller& caller, const HttpRequest& request, UnixTime now);
  [[nodiscard]] Result<Json> job(const Caller& caller, const std::string& text, const std::optional<std::string>& cluster, UnixTime now);
  [[nodiscard]] Result<Json> statement(const Caller& caller, const HttpRequest& request, UnixTime now);

  Parts parts_;
};

}  // namespace sluice::service
