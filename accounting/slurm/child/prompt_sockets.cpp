// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/prompt_sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>

namespace sluice::slurm {
namespace {

// This process has its three streams, a few sockets and what plugins keep open.
constexpr int descriptor_max = 64;
constexpr auto eager_interval = std::chrono::microseconds(200);
constexpr auto patient_interval = std::chrono::milliseconds(2);
constexpr auto eager_time = std::chrono::milliseconds(100);

void hurry_sockets() {
  for (int descriptor = 3; descriptor < descriptor_max; ++descriptor) {
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 || protocol != IPPROTO_TCP) continue;
    const int on = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
}

}  // namespace

void PromptSockets::begin() {
  hurry_sockets();
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = true;
    if (!thread_.joinable()) {
      is_stopping_ = false;
      thread_ = std::thread([this] { run(); });
    }
  }
  changed_.notify_one();
}

void PromptSockets::end() {
  const std::lock_guard lock(mutex_);
  is_busy_ = false;
}

void PromptSockets::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    is_busy_ = false;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void PromptSockets::run() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_stopping_ || is_busy_; });
      if (is_stopping_) return;
    }
    const auto begun = std::chrono::steady_clock::now();
    while (is_busy_) {
      hurry_sockets();
      const bool is_eager = std::chrono::steady_clock::now() - begun < eager_time;
      if (is_eager) {
        std::this_thread::sleep_for(eager_interval);
      } else {
        std::this_thread::sleep_for(patient_interval);
      }
    }
  }
}

}  // namespace sluice::slurm
