// SPDX-License-Identifier: Apache-2.0
//
// The control interface: what the plugin in slurmctld asks over the control socket
// (plugins/job_submit/PROTOCOL.md). Any thread may call.

#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "accounting/core/mutex.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/packet_listener.hpp"

namespace sluice::service {

/// What was answered since the service started.
struct AdmissionCounts {
  std::map<std::pair<std::string, std::string>, std::uint64_t> answers;   ///< by kind and action
  std::map<std::pair<std::string, std::string>, std::uint64_t> refusals;  ///< submissions, by code and mode
  std::uint64_t unreadable = 0;
};

class Control {
 public:
  struct Parts {
    SlurmFacts& facts;
    PluginWatch& plugin;
    Books* books = nullptr;  ///< null: a site without a ledger
    std::function<std::shared_ptr<const Config>()> config;
    std::function<std::shared_ptr<const tariff::PriceBook>()> prices;
    std::string mac_key;
  };

  explicit Control(Parts parts) : parts_(std::move(parts)) {}

  void answer(std::string_view text, const PacketListener::Reply& reply);
  /// How many admissions were answered.
  [[nodiscard]] std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  /// Waits until there are more than `known`, or stop_waiting() was called, and says how many.
  [[nodiscard]] std::uint64_t wait_for_answers(std::uint64_t known) const;
  void stop_waiting();
  [[nodiscard]] AdmissionCounts counts() const;

 private:
  [[nodiscard]] PacketAnswer say_unreadable(const Failure& failure);
  [[nodiscard]] PacketAnswer answer_change(const ModifyRequest& request);
  [[nodiscard]] Answer answer_to(const AdmissionRequest& request, const Books::Told& early);
  void count(const AdmissionRequest& request, const Answer& answer);

  void count_answered();

  Parts parts_;
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> unreadable_{0};
  mutable Mutex counting_;
  AdmissionCounts counts_;  ///< under counting_, but for `unreadable`
};

}  // namespace sluice::service
