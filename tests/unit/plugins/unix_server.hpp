// SPDX-License-Identifier: Apache-2.0
//
// Goal: a service that behaves well or badly, over a real unix socket of packets. Method:
// one thread accepts, one per connection serves; a test gives the behaviour as a function
// of the request. Nothing here sleeps: what must last, lasts until the server stops.

#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

/// A folder that is gone when the test ends.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string packet(const std::string& body, const std::string& status = "200") { return status + "\n" + body; }

/// A listening socket at `path`.
inline int listen_at(const std::string& path, int type, int backlog) {
  const int listener = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, backlog) != 0) {
    throw std::runtime_error("bind");
  }
  return listener;
}

class UnixServer {
 public:
  /// What to send for a request, and what to do then.
  struct Action {
    enum class Then { keep, close, flood, hang };
    std::string bytes;
    Then then = Then::keep;  ///< flood: the same again and again; hang: nothing at all until the server stops
  };
  using Behaviour = std::function<Action(const std::string& request)>;

  UnixServer(std::string path, Behaviour behaviour) : path_(std::move(path)), behaviour_(std::move(behaviour)) {
    unlink(path_.c_str());
    listener_ = listen_at(path_, SOCK_SEQPACKET, 64);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~UnixServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int connection : connections_) shutdown(connection, SHUT_RDWR);
    }
    for (std::thread& worker : workers_) worker.join();
    for (const int connection : connections_) close(connection);
    close(listener_);
    unlink(path_.c_str());
  }
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;

  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] int connections() const { return accepted_; }
  [[nodiscard]] std::string last_request() {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }

 private:
  void accept_all() {
    for (;;) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        close(connection);
        return;
      }
      constexpr int as_large_as_a_packet_gets = 208 * 1024;
      setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &as_large_as_a_packet_gets, sizeof as_large_as_a_packet_gets);
      ++accepted_;
      connections_.push_back(connection);
      workers_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    std::vector<char> buffer(1 << 20);
    for (;;) {
      const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
      if (got <= 0) return;
      std::string request(buffer.data(), static_cast<std::size_t>(got));
      // The line that says from which processor it comes is none of the request's.
      if (const auto place = request.rfind("\ncpu "); place != std::string::npos) request.erase(place);
      {
        const std::lock_guard lock(mutex_);
        last_request_ = request;
      }
      ++requests_;
      const Action action = behaviour_(request);
      const auto send_once = [&] { return send(connection, action.bytes.data(), action.bytes.size(), MSG_NOSIGNAL) >= 0; };
      switch (action.then) {
        case Action::Then::keep:
          if (!send_once()) return;
          break;
        case Action::Then::close:
          if (!action.bytes.empty()) send_once();
          shutdown(connection, SHUT_RDWR);
          return;
        case Action::Then::flood:
          while (send_once()) {
          }
          return;
        case Action::Then::hang:
          while (recv(connection, buffer.data(), buffer.size(), 0) > 0) {
          }
          return;
      }
    }
  }

  const std::string path_;
  const Behaviour behaviour_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::string last_request_;      // GUARDED_BY(mutex_)
  std::vector<int> connections_;  // GUARDED_BY(mutex_)
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace sluice::test
