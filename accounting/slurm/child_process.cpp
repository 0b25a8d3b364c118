// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

extern char** environ;

namespace sluice::slurm {
namespace {

constexpr int goodbye_ms = 300;
constexpr int reap_tries = 1000;  // of 1 ms

Failure system_failure(const std::string& what, int number) {
  return fault("couldn't " + what + ": " + std::strerror(number));
}

void pause_ms() {
  timespec delay{0, 1'000'000};
  nanosleep(&delay, nullptr);
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "status " + std::to_string(WEXITSTATUS(status));
}

/// Both ends close on exec and lie above the standard streams, which dup2 overwrites in the child.
struct Pair {
  FileDescriptor ours, theirs;

  bool lift() {
    for (auto* end : {&ours, &theirs}) {
      if (end->get() > 2) continue;
      const int higher = fcntl(end->get(), F_DUPFD_CLOEXEC, 3);
      if (higher < 0) return false;
      *end = FileDescriptor(higher);
    }
    const int flags = fcntl(ours.get(), F_GETFL);
    return flags >= 0 && fcntl(ours.get(), F_SETFL, flags | O_NONBLOCK) == 0;
  }
};

bool make_socket(Pair& pair) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  pair.ours = FileDescriptor(ends[0]);
  pair.theirs = FileDescriptor(ends[1]);
  return pair.lift();
}

bool make_pipe(Pair& pair) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pair.ours = FileDescriptor(ends[0]);
  pair.theirs = FileDescriptor(ends[1]);
  return pair.lift();
}

struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

void FileDescriptor::reset() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

ChildProcess::~ChildProcess() {
  if (!is_running()) return;
  input_.reset();
  // Its end closes its streams: no need to guess how long that takes.
  pollfd end{output_.get(), 0, 0};
  (void)poll(&end, 1, goodbye_ms);
  (void)kill();
}

Result<void> ChildProcess::start(const std::vector<std::string>& command) {
  reap_late();
  Pair input, output, errors;
  if (!make_socket(input) || !make_pipe(output) || !make_pipe(errors)) {
    return system_failure("make pipes for " + command.front(), errno);
  }
  SpawnSettings settings;
  posix_spawn_file_actions_adddup2(&settings.actions, input.theirs.get(), 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output.theirs.get(), 1);
  posix_spawn_file_actions_adddup2(&settings.actions, errors.theirs.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);

  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int problem =
      posix_spawn(&pid, command.front().c_str(), &settings.actions, &settings.attributes, arguments.data(), environ);
  if (problem != 0) return system_failure("start " + command.front(), problem);
  pid_ = pid;
  input_ = std::move(input.ours);
  output_ = std::move(output.ours);
  errors_ = std::move(errors.ours);
  return {};
}

std::string ChildProcess::kill() {
  if (!is_running()) return "";
  // Not yet waited for, so the number can't have passed to another process.
  ::kill(pid_, SIGKILL);
  input_.reset();
  output_.reset();
  errors_.reset();
  return reap();
}

std::string ChildProcess::reap() {
  const pid_t pid = std::exchange(pid_, -1);
  for (int i = 0; i < reap_tries; ++i) {
    int status = 0;
    const pid_t done = waitpid(pid, &status, WNOHANG);
    if (done == pid) return describe(status);
    if (done < 0 && errno != EINTR) return "unknown status";
    pause_ms();
  }
  late_.push_back(pid);
  return "no end within a second of SIGKILL";
}

void ChildProcess::reap_late() {
  std::erase_if(late_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace sluice::slurm
