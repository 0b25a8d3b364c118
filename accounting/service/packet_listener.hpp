// SPDX-License-Identifier: Apache-2.0
//
// A listener on a unix socket of type SOCK_SEQPACKET: each request is a packet, each
// answer another, in turn. One thread for each connection, asleep in the kernel between
// requests: slurmctld holds few connections, and its threads wait for every one of them.
// Where the process may (LimitRTPRIO), those threads run before all others of the host: a
// request is a fraction of a millisecond, and slurmctld holds its locks meanwhile.

#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "accounting/core/result.hpp"

namespace sluice::service {

struct PacketLimits {
  std::size_t request_bytes_max = 256 * 1024;
  std::size_t answer_bytes_max = 64 * 1024;  ///< more is nothing that the plugin would read
  std::size_t connections_max = 64;          ///< one more is closed at once
};

struct PacketAnswer {
  int status = 200;  ///< three digits
  std::string body;
};

class PacketListener {
 public:
  /// Sends the answer. It may have work to do afterwards; the peer doesn't wait for that.
  using Reply = std::function<void(const PacketAnswer&)>;
  /// Calls `reply` once. Runs on the connections' threads, several at once; what it throws before
  /// it has replied becomes a 500.
  using Handler = std::function<void(std::string_view request, const Reply& reply)>;

  /// Serves `socket`, which it owns from here on, to processes of the users `peers`; others
  /// are told so and closed.
  [[nodiscard]] static Result<std::unique_ptr<PacketListener>> start(int socket, std::set<uid_t> peers, PacketLimits limits,
                                                                     Handler handler);
  /// Ends connections and joins the threads; what was asked before is answered first.
  ~PacketListener();
  PacketListener(const PacketListener&) = delete;
  PacketListener& operator=(const PacketListener&) = delete;

 private:
  struct Connection {
    int fd = -1;
    bool ended = false;  ///< under mutex_
    std::thread thread;
  };

  PacketListener(int socket, int stop, std::set<uid_t> peers, PacketLimits limits, Handler handler);
  void accept_forever();
  void accept_one();
  void serve(Connection& connection);
  [[nodiscard]] bool answer(int fd, std::string_view request) const;
  void forget_ended();

  const int socket_;
  const int stop_;  ///< an eventfd
  const std::set<uid_t> peers_;
  const PacketLimits limits_;
  const Handler handler_;
  std::mutex mutex_;
  std::list<Connection> connections_;  ///< changed by the accepting thread only, under mutex_
  std::thread accepting_;
};

/// A listening socket at `path` to which `peers` may connect (anybody, where the file system
/// has no access lists); what a dead service left there is replaced, one that still answers is not.
[[nodiscard]] Result<int> listen_packets(const std::string& path, const std::set<uid_t>& peers);

}  // namespace sluice::service
