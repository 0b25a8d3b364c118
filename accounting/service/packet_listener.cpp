// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/packet_listener.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "accounting/core/thread.hpp"
#include "accounting/service/error_object.hpp"
#include "accounting/service/socket_access.hpp"

namespace sluice::service {
namespace {

constexpr int backlog = 1024;
constexpr std::size_t place_bytes_max = 16;  // a line behind the request

bool is_one_of(const std::set<uid_t>& peers, int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && peers.contains(who.uid);
}

/// False: it didn't go out, and the connection is of no use any more. Nobody waits here
/// for a peer that doesn't fetch its answers.
bool send_answer(int fd, const PacketAnswer& answer) {
  const std::string packet = std::to_string(answer.status) + '\n' + answer.body;
  return ::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/// Says why and closes. What it has sent is fetched first, as closing over it would
/// take the answer away from it; it can send no more by then.
void turn_away(int fd) {
  ::shutdown(fd, SHUT_RD);
  char byte = 0;
  while (::recv(fd, &byte, 1, MSG_DONTWAIT) > 0) {
  }
  (void)send_answer(fd, {403, error_object("refusal", "not_slurm", "only control_users of sluice.yaml may ask here")});
  ::close(fd);
}

/// False: as errno says. Without an access list whoever connects is told apart afterwards,
/// when it has stood in the queue.
bool open_to(const std::string& path, const std::set<uid_t>& peers) {
  const auto limited = let_connect(path, peers);
  if (limited.ok()) return true;
  spdlog::warn("{}; a user of this host may fill the queue of connections", limited.failure().text);
  return ::chmod(path.c_str(), 0666) == 0;
}

/// Takes a last line "cpu 3" off: from there the peer will ask next.
std::optional<int> take_processor(std::string_view& packet) {
  constexpr std::string_view word = "\ncpu ";
  const std::size_t line = packet.rfind('\n');
  if (line == std::string_view::npos || packet.substr(line, word.size()) != word) return std::nullopt;
  const std::string_view number = packet.substr(line + word.size());
  int processor = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), processor);
  if (problem != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  packet.remove_suffix(packet.size() - line);
  return processor;
}

void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

}  // namespace

PacketListener::PacketListener(int socket, int stop, std::set<uid_t> peers, PacketLimits limits, Handler handler)
    : socket_(socket), stop_(stop), peers_(std::move(peers)), limits_(limits), handler_(std::move(handler)) {}

Result<std::unique_ptr<PacketListener>> PacketListener::start(int socket, std::set<uid_t> peers, PacketLimits limits, Handler handler) {
  const int stop = ::eventfd(0, EFD_CLOEXEC);
  if (stop < 0) {
    const std::string why = std::strerror(errno);
    ::close(socket);
    return fault("couldn't start a listener: " + why);
  }
  std::unique_ptr<PacketListener> listener(new PacketListener(socket, stop, std::move(peers), limits, std::move(handler)));
  listener->accepting_ = std::thread([self = listener.get()] { self->accept_forever(); });
  return listener;
}

PacketListener::~PacketListener() {
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof one);
  if (accepting_.joinable()) accepting_.join();
  ::close(socket_);  // first, so that whoever connects now is refused and doesn't wait
  {
    // Nothing more comes in; what is here already is handled, and answered.
    const std::lock_guard lock(mutex_);
    for (Connection& connection : connections_) {
      if (!connection.ended) ::shutdown(connection.fd, SHUT_RD);
    }
  }
  for (Connection& connection : connections_) connection.thread.join();
  ::close(stop_);
}

void PacketListener::accept_forever() {
  for (;;) {
    pollfd wanted[] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (::poll(wanted, 2, -1) < 0 && errno != EINTR) wait_a_moment();
    if ((wanted[1].revents & POLLIN) != 0) return;
    if ((wanted[0].revents & POLLIN) != 0) accept_one();
  }
}

void PacketListener::accept_one() {
  const int fd = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) {
    // Such as no descriptor left: the connection stays in the queue, so don't spin on it.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) wait_a_moment();
    return;
  }
  // Before it has a thread or a place: a stranger who holds connections must not keep slurmctld out.
  if (!is_one_of(peers_, fd)) return turn_away(fd);
  forget_ended();
  const std::lock_guard lock(mutex_);
  if (connections_.size() >= limits_.connections_max) {
    spdlog::warn("the control socket has {} connections; one more is closed", connections_.size());
    ::close(fd);
    return;
  }
  Connection& connection = connections_.emplace_back();
  connection.fd = fd;
  try {
    connection.thread = std::thread([this, &connection] { serve(connection); });
  } catch (const std::system_error& problem) {
    spdlog::error("couldn't start a thread for a connection: {}", problem.what());
    connections_.pop_back();
    ::close(fd);
  }
}

void PacketListener::serve(Connection& connection) {
  name_thread("admit");
  const bool goes_first = go_first();
  Place place;
  std::optional<int> asked_from_before;
  const std::size_t bytes_max = limits_.request_bytes_max + place_bytes_max;
  // Not initialised: of its pages only those count that were ever written.
  const std::unique_ptr<char[]> packet(new char[bytes_max]);
  for (;;) {
    const ssize_t got = ::recv(connection.fd, packet.get(), bytes_max, MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const auto bytes = static_cast<std::size_t>(got);
    std::string_view request(packet.get(), std::min(bytes, bytes_max));
    const auto asked_from = take_processor(request);
    const bool too_large = bytes > bytes_max || request.size() > limits_.request_bytes_max;
    const bool sent = too_large ? send_answer(connection.fd, {413, error_object("usage", "too_large", "the request is too large")})
                                : answer(connection.fd, request);
    if (!sent) break;
    // There the peer stands aside for a thread that goes first, and goes on when that waits again: no
    // other processor has to be woken. A thread that doesn't go first would have to wait for the peer.
    if (goes_first && asked_from && asked_from == asked_from_before) {
      place.stay_on(*asked_from);
    } else {
      place.roam();
    }
    asked_from_before = asked_from;
  }
  const std::lock_guard lock(mutex_);
  ::close(connection.fd);
  connection.ended = true;
}

/// False: it didn't go out.
bool PacketListener::answer(int fd, std::string_view request) const {
  std::optional<bool> sent;
  const auto reply = [&](const PacketAnswer& one) {
    if (sent) throw std::logic_error("a second answer to one request");  // the next request would have it for its own
    if (one.body.size() > limits_.answer_bytes_max) {
      spdlog::error("an answer of {} bytes is too large to be sent", one.body.size());
      return;
    }
    sent = send_answer(fd, one);
  };
  try {
    handler_(request, reply);
  } catch (const std::exception& problem) {
    spdlog::error("a request failed{}: {}", sent ? " after its answer" : "", problem.what());
  }
  return sent ? *sent : send_answer(fd, {500, error_object("fault", "fault", "the service failed; its log says why")});
}

void PacketListener::forget_ended() {
  const std::lock_guard lock(mutex_);
  for (auto it = connections_.begin(); it != connections_.end();) {
    if (!it->ended) {
      ++it;
      continue;
    }
    it->thread.join();  // it has nothing left to do but return
    it = connections_.erase(it);
  }
}

Result<int> listen_packets(const std::string& path, const std::set<uid_t>& peers) {
  const auto bad = [&](const std::string& why) { return fault("couldn't listen on " + path + ": " + why); };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return bad("the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  const int probe = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return bad(std::strerror(errno));
  const bool in_use = ::connect(probe, where, sizeof address) == 0 || errno == EAGAIN || errno == EPROTOTYPE;
  const bool closed_to_us = !in_use && errno == EACCES;
  ::close(probe);
  if (closed_to_us) return bad("it is another user's; stop that service, or remove the file");
  if (in_use) return bad("it is in use by another process; stop that one first");
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return bad(std::strerror(errno));
  ::unlink(path.c_str());
  const bool bound = ::bind(fd, where, sizeof address) == 0;
  if (!bound || !open_to(path, peers) || ::listen(fd, backlog) != 0) {
    const std::string why = std::strerror(errno);
    ::close(fd);
    return bad(why);
  }
  return fd;
}

}  // namespace sluice::service
