// SPDX-License-Identifier: Apache-2.0
//
// One child process with its three streams. The only place that starts, kills and
// waits for the helper. One thread at a time.

#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "accounting/core/result.hpp"

namespace sluice::slurm {

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    other.reset();
    return *this;
  }
  ~FileDescriptor() { reset(); }

  void reset();
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Closes the child's input, gives it a moment to end by itself, then kills it.
  ~ChildProcess();

  /// Starts `command` (a path, then arguments) with an empty signal mask, default
  /// signal handlers and no descriptor of ours but its streams.
  [[nodiscard]] Result<void> start(const std::vector<std::string>& command);
  [[nodiscard]] bool is_running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// A socket, so that writing to a child that is gone gives an error, not SIGPIPE. Non-blocking, as are the others.
  [[nodiscard]] int input() const { return input_.get(); }
  [[nodiscard]] int output() const { return output_.get(); }
  [[nodiscard]] int errors() const { return errors_.get(); }

  /// For a child that has closed its end, which poll would report for ever.
  void close_errors() { errors_.reset(); }

  /// SIGKILL to this pid alone, and waits for it. Answers how it had ended, "signal 9" or "status 1".
  std::string kill();

 private:
  /// Waits at most about a second: a process inside an uninterruptible system call can't be hurried.
  std::string reap();
  void reap_late();

  pid_t pid_ = -1;
  FileDescriptor input_, output_, errors_;
  std::vector<pid_t> late_;  ///< killed, but not gone when we last looked
};

}  // namespace sluice::slurm
