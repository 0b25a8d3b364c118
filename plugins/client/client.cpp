// SPDX-License-Identifier: Apache-2.0
//
// The pool of connections, and the order that keeps a daemon from waiting: breaker,
// then connection, then breaker again.

#include "plugins/client/client.hpp"

#include <sched.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::client {

using Permit = Breaker::Permit;

/// A connection that goes back to the pool whatever happens.
class Client::Lease {
 public:
  Lease(Client& client, std::unique_ptr<PacketTransfer> transfer) : client_(client), transfer_(std::move(transfer)) {}
  ~Lease() {
    if (transfer_) client_.put_back(std::move(transfer_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  explicit operator bool() const { return transfer_ != nullptr; }
  PacketTransfer* operator->() const { return transfer_.get(); }

 private:
  Client& client_;
  std::unique_ptr<PacketTransfer> transfer_;
};

/// A permit that is given account of whatever happens: a probe that vanished in an
/// exception would leave the breaker waiting for it for ever.
class Client::Ticket {
 public:
  Ticket(Breaker& breaker, Permit permit, const Exchange& exchange)
      : breaker_(breaker), permit_(permit), exchange_(exchange) {}
  ~Ticket() {
    if (!settled_) (void)breaker_.report(permit_, false, Breaker::Clock::now(), exchange_.backoff);
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  void settled() { settled_ = true; }

 private:
  Breaker& breaker_;
  const Permit permit_;
  const Exchange& exchange_;
  bool settled_ = false;
};

Client::Client(Log log, std::size_t connections_max) : log_(log), connections_max_(std::max<std::size_t>(connections_max, 1)) {
  idle_.reserve(connections_max_);  // so that put_back() can't fail
}

std::unique_ptr<PacketTransfer> Client::take(Breaker::Time deadline) {
  std::unique_lock lock(mutex_);
  const bool free = returned_.wait_until(lock, deadline, [this] { return !idle_.empty() || connections_ < connections_max_; });
  if (!free) return nullptr;
  const auto last_used_at = [&](std::optional<int> processor) {
    return std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one->processor() == processor; });
  };
  const int here = sched_getcpu();
  auto chosen = last_used_at(here);
  if (chosen == idle_.end()) chosen = last_used_at(std::nullopt);  // not connected
  if (chosen == idle_.end() && connections_ < connections_max_) {
    auto transfer = std::make_unique<PacketTransfer>();
    ++connections_;
    return transfer;
  }
  // More processors than connections: the one that was not used for longest.
  if (chosen == idle_.end()) chosen = idle_.begin();
  auto transfer = std::move(*chosen);
  idle_.erase(chosen);
  return transfer;
}

void Client::put_back(std::unique_ptr<PacketTransfer> transfer) noexcept {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(transfer));
  }
  returned_.notify_one();
}

void Client::settle(Permit permit, bool reached, const Exchange& exchange, const std::string& why) {
  const auto notice = breaker_.report(permit, reached, Breaker::Clock::now(), exchange.backoff);
  if (!notice || log_ == nullptr) return;
  if (notice->kind == Breaker::Notice::Kind::opened) {
    log_(notice->kind, ("couldn't reach the service at " + exchange.socket_path + ": " + why +
                        "; submissions go on without it until it answers").c_str());
  } else {
    log_(notice->kind, ("the service at " + exchange.socket_path + " answers again after " +
                        std::to_string(notice->duration.count()) + " ms; submissions that went on without it: " +
                        std::to_string(notice->without_answer)).c_str());
  }
}

Reply Client::ask(const Exchange& exchange) {
  const auto start = Breaker::Clock::now();
  const Permit permit = breaker_.ask(start);
  if (permit == Permit::skip) return {};

  Ticket ticket(breaker_, permit, exchange);
  const auto allowed = permit == Permit::probe ? std::min(exchange.probe, exchange.deadline) : exchange.deadline;
  const auto deadline = start + allowed;
  const Lease transfer(*this, take(deadline));
  if (permit == Permit::pass && breaker_.is_open()) {  // it opened while we were queued
    breaker_.abandon();
    ticket.settled();
    return {};
  }
  Reply reply;
  if (!transfer) {
    reply.outcome = Reply::Outcome::timed_out;
    reply.why = "every connection was busy";
  } else {
    TransferResult result = transfer->exchange(exchange.socket_path, exchange.body, deadline);
    reply.status = result.status;
    reply.body = std::move(result.body);
    reply.why = std::move(result.why);
    switch (result.outcome) {
      case TransferResult::Outcome::answered: reply.outcome = Reply::Outcome::answered; break;
      case TransferResult::Outcome::timed_out: reply.outcome = Reply::Outcome::timed_out; break;
      case TransferResult::Outcome::unreachable: reply.outcome = Reply::Outcome::unreachable; break;
      case TransferResult::Outcome::bad_reply: reply.outcome = Reply::Outcome::bad_reply; break;
      case TransferResult::Outcome::not_sent: reply.outcome = Reply::Outcome::not_sent; break;
    }
  }
  // A reply that can't be read is no outage: somebody is there and costs no waiting. What
  // couldn't be sent says nothing of the service: it ends no outage and begins none.
  const bool reached = reply.outcome == Reply::Outcome::answered || reply.outcome == Reply::Outcome::bad_reply ||
                       (reply.outcome == Reply::Outcome::not_sent && permit == Permit::pass);
  ticket.settled();
  settle(permit, reached, exchange, reply.why);
  return reply;
}

}  // namespace sluice::client
