// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/live.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "accounting/slurm/child/controller.hpp"
#include "accounting/slurm/codec.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t timeout_ms_max = 600'000;

json cluster_row(const std::string& cluster, const std::string& problem) {
  return {{"cluster", {{"name", cluster}, {"ok", false}, {"problem", valid_text(problem)}}}};
}

/// One cluster's process, seen from the one that made it.
struct Asked {
  std::string cluster;
  pid_t pid = -1;
  int output = -1;
  std::string received;    ///< not yet a whole line
  bool has_state = false;  ///< the closing row has come
};

[[noreturn]] void ask_cluster(const std::string& cluster, std::uint64_t id, int descriptor) {
  PromptSockets sockets;
  LineOutput output(descriptor);
  const auto add = [&](const json& row) { output.add(to_line({{"id", id}, {"row", row}})); };
  try {
    const PromptSockets::Hurry hurry(sockets);
    const UnixTime as_of = load_live_jobs(cluster, [&](LiveJob job) { add({{"job", to_json(job)}}); });
    add({{"cluster", {{"name", cluster}, {"ok", true}, {"as_of", as_of}}}});
  } catch (const HelperFault& fault) {
    add(cluster_row(cluster, fault.text));
  }
  output.flush();
  // Not exit(): what libslurm would close at the end is shared with the process that forked us.
  _exit(0);
}

void start(Asked& asked, std::uint64_t id) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  const pid_t parent = getpid();
  asked.pid = fork();
  if (asked.pid == 0) {
    // Whoever kills the helper must not leave us behind.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    ask_cluster(asked.cluster, id, ends[1]);
  }
  ::close(ends[1]);
  if (asked.pid < 0) {
    ::close(ends[0]);
    return;
  }
  asked.output = ends[0];
}

/// Hands whole lines on. The closing row is the last one, so its coming says that nothing is missing.
void take_lines(Asked& asked, Answer& answer) {
  std::size_t begin = 0;
  for (auto end = asked.received.find('\n'); end != std::string::npos; end = asked.received.find('\n', begin)) {
    const auto line = std::string_view(asked.received).substr(begin, end + 1 - begin);
    asked.has_state = line.find("\"row\":{\"cluster\":{") != std::string_view::npos;
    answer.relay(line);
    begin = end + 1;
  }
  asked.received.erase(0, begin);
}

void finish(Asked& asked) {
  if (asked.output >= 0) ::close(asked.output);
  asked.output = -1;
  if (asked.pid <= 0) return;
  ::kill(asked.pid, SIGKILL);
  while (waitpid(asked.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  asked.pid = -1;
}

void read_some(Asked& asked, Answer& answer) {
  std::array<char, 65'536> buffer;
  const ssize_t count = read(asked.output, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return;
  if (count <= 0) {
    finish(asked);
    return;
  }
  asked.received.append(buffer.data(), static_cast<std::size_t>(count));
  take_lines(asked, answer);
}

}  // namespace

void answer_live(const LiveRequest& request, PromptSockets& sockets, Answer& answer) {
  // fork() copies the calling thread only; no other may hold a lock at that moment.
  sockets.stop();
  std::vector<Asked> all;
  for (const auto& cluster : request.clusters) {
    all.push_back({cluster, -1, -1, "", false});
    start(all.back(), answer.id());
  }
  const auto timeout = std::chrono::milliseconds(std::clamp<std::int64_t>(request.timeout_ms, 1, timeout_ms_max));
  const auto deadline = Clock::now() + timeout;
  while (std::any_of(all.begin(), all.end(), [](const Asked& asked) { return asked.output >= 0; })) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    std::vector<pollfd> streams;
    for (const auto& asked : all) streams.push_back({asked.output, POLLIN, 0});
    if (poll(streams.data(), streams.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (streams[i].revents != 0) read_some(all[i], answer);
    }
  }
  for (auto& asked : all) {
    const bool was_asked = asked.pid > 0;
    finish(asked);
    if (asked.has_state) continue;
    answer.row(cluster_row(asked.cluster, was_asked ? "no answer within " + std::to_string(timeout.count()) + " ms"
                                                    : "asking it ended too early"));
  }
  answer.done();
}

}  // namespace sluice::slurm
