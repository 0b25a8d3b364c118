// SPDX-License-Identifier: Apache-2.0
//
// A stand-in for sluiced: a private munged and a socket that answers what a case
// says, after checking the request's bytes and its credential. One thread serves.

#pragma once

#include <sys/types.h>

#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

/// munged with a key, a socket and a log of its own, in `folder`.
class PrivateMunged {
 public:
  explicit PrivateMunged(const std::string& folder);
  ~PrivateMunged();
  PrivateMunged(const PrivateMunged&) = delete;
  PrivateMunged& operator=(const PrivateMunged&) = delete;

  /// Empty where it runs, else why it does not.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  std::string problem_;
  pid_t child_ = -1;
};

/// What is answered to the next request.
struct Script {
  std::string reply;  ///< "200 {...}", "drop" (no answer at all) or "hang" (none in time)
};

struct Seen {
  std::string method, target, body;
  std::string problem;  ///< empty where credential and form are right
};

class FakeService {
 public:
  explicit FakeService(std::string munge_socket);
  ~FakeService();
  FakeService(const FakeService&) = delete;
  FakeService& operator=(const FakeService&) = delete;

  [[nodiscard]] int port() const { return port_; }
  void expect(Script script);
  /// The requests since the last call.
  [[nodiscard]] std::vector<Seen> take_seen();

 private:
  void serve();
  void answer(int connection);

  std::string munge_socket_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::deque<Script> scripts_;
  std::vector<Seen> seen_;
  std::thread thread_;
};

}  // namespace sluice::test
