// SPDX-License-Identifier: Apache-2.0
//
// The control interface: what the plugin in slurmctld asks over the control socket
// (plugins/job_submit/PROTOCOL.md). Any thread may call.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "accounting/service/books.hpp"
#include "accounting/service/packet_listener.hpp"

namespace sluice::service {

class Control {
 public:
  struct Parts {
    SlurmFacts& facts;
    Books* books = nullptr;  ///< null: a site without a ledger
    std::function<std::shared_ptr<const Config>()> config;
    std::function<std::shared_ptr<const tariff::PriceBook>()> prices;
    std::string mac_key;
  };

  explicit Control(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] PacketAnswer admit(std::string_view text);
  /// How many admissions were answered; whoever syncs the storage watches it.
  [[nodiscard]] std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] Answer answer_to(const AdmissionRequest& request);

  Parts parts_;
  std::atomic<std::uint64_t> answered_{0};
};

}  // namespace sluice::service
