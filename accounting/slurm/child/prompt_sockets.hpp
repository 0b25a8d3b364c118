// SPDX-License-Identifier: Apache-2.0
//
// Takes 44 ms of waiting out of each exchange with slurmdbd. Slurm 22.05 writes a
// 4-byte length and then the message, both ways, without TCP_NODELAY: the second
// write waits for an acknowledgement that the receiver delays. libslurm doesn't
// show its socket, so a thread looks for TCP sockets of this process while a
// request is out, switches TCP_NODELAY on and keeps asking for quick
// acknowledgements, which the kernel forgets again after each one.

#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sluice::slurm {

class PromptSockets {
 public:
  PromptSockets() = default;
  PromptSockets(const PromptSockets&) = delete;
  PromptSockets& operator=(const PromptSockets&) = delete;
  ~PromptSockets() { stop(); }

  /// Ends the thread, so that fork() copies a process with one thread only. The next Hurry starts it again.
  void stop();

  /// A request is out for as long as one of these lives.
  class Hurry {
   public:
    explicit Hurry(PromptSockets& sockets) : sockets_(sockets) { sockets_.begin(); }
    ~Hurry() { sockets_.end(); }
    Hurry(const Hurry&) = delete;
    Hurry& operator=(const Hurry&) = delete;

   private:
    PromptSockets& sockets_;
  };

 private:
  void begin();
  void end();
  void run();

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;           ///< under mutex_
  std::atomic<bool> is_busy_ = false;  ///< set under mutex_
};

}  // namespace sluice::slurm
