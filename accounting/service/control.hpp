// SPDX-License-Identifier: Apache-2.0
//
// The control interface: what the plugin in slurmctld asks over the unix socket.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "accounting/service/books.hpp"
#include "accounting/service/http_listener.hpp"

namespace sluice::service {

class Control {
 public:
  struct Parts {
    SlurmFacts& facts;
    Books* books = nullptr;  ///< null: a site without a ledger
    std::function<std::shared_ptr<const Config>()> config;
    std::function<std::shared_ptr<const tariff::PriceBook>()> prices;
    std::string mac_key;
    std::set<uid_t> allowed_uids;
  };

  explicit Control(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] HttpResponse handle(const HttpRequest& request);
  /// How many admissions were answered; whoever syncs the storage watches it.
  [[nodiscard]] std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] HttpResponse admit(const HttpRequest& request);

  Parts parts_;
  std::atomic<std::uint64_t> answered_{0};
};

/// The error object of API.md.
[[nodiscard]] HttpResponse error_response(unsigned int status, const std::string& kind, const std::string& code,
                                          const std::string& text);

}  // namespace sluice::service
