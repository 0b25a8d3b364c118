// SPDX-License-Identifier: Apache-2.0
//
// Goal: a service that behaves well or badly, over a real unix socket. Method: one
// thread accepts, one per connection serves; a test gives the behaviour as a function
// of the request. Nothing here sleeps: what must last, lasts until the server stops.

#pragma once

#include <poll.h>
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

inline std::string http(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class UnixServer {
 public:
  /// What to send for a request's body, and what to do then.
  struct Action {
    enum class Then { keep, close, drip, hang };
    std::string bytes;
    Then then = Then::keep;  ///< drip: the bytes, one every 2 ms; hang: silence until the server stops
  };
  using Behaviour = std::function<Action(const std::string& body)>;

  UnixServer(std::string path, Behaviour behaviour) : path_(std::move(path)), behaviour_(std::move(behaviour)) {
    unlink(path_.c_str());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 64) != 0) {
      throw std::runtime_error("bind");
    }
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
  [[nodiscard]] std::string last_head() {
    const std::lock_guard lock(mutex_);
    return last_head_;
  }
  [[nodiscard]] std::string last_body() {
    const std::lock_guard lock(mutex_);
    return last_body_;
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
      ++accepted_;
      connections_.push_back(connection);
      workers_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    std::string received;
    for (;;) {
      std::size_t head_end = 0;
      std::size_t body_bytes = 0;
      for (;;) {
        head_end = received.find("\r\n\r\n");
        if (head_end != std::string::npos) {
          const auto length = received.find("Content-Length: ");
          body_bytes = length < head_end ? std::stoul(received.substr(length + 16)) : 0;
          if (received.size() >= head_end + 4 + body_bytes) break;
        }
        char chunk[65536];
        const ssize_t got = recv(connection, chunk, sizeof chunk, 0);
        if (got <= 0) return;
        received.append(chunk, static_cast<std::size_t>(got));
      }
      const std::string body = received.substr(head_end + 4, body_bytes);
      {
        const std::lock_guard lock(mutex_);
        last_head_ = received.substr(0, head_end);
        last_body_ = body;
      }
      received.erase(0, head_end + 4 + body_bytes);
      ++requests_;
      const Action action = behaviour_(body);
      if (!send_all(connection, action)) return;
      if (action.then == Action::Then::close) {
        shutdown(connection, SHUT_RDWR);
        return;
      }
      if (action.then == Action::Then::hang) {
        char byte = 0;
        while (recv(connection, &byte, 1, 0) > 0) {
        }
        return;
      }
    }
  }

  bool send_all(int connection, const Action& action) {
    const std::size_t step = action.then == Action::Then::drip ? 1 : action.bytes.size();
    for (std::size_t at = 0; at < action.bytes.size();) {
      const ssize_t sent = send(connection, action.bytes.data() + at, std::min(step, action.bytes.size() - at), MSG_NOSIGNAL);
      if (sent <= 0 || stopping_) return false;
      at += static_cast<std::size_t>(sent);
      if (action.then == Action::Then::drip) poll(nullptr, 0, 2);
    }
    return true;
  }

  const std::string path_;
  const Behaviour behaviour_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::string last_head_;         // GUARDED_BY(mutex_)
  std::string last_body_;         // GUARDED_BY(mutex_)
  std::vector<int> connections_;  // GUARDED_BY(mutex_)
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace sluice::test
