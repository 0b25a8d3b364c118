// SPDX-License-Identifier: Apache-2.0
//
// Nothing here waits longer than until the deadline.

#include "plugins/client/packet_transfer.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <ctime>

namespace sluice::client {

namespace {

using Outcome = TransferResult::Outcome;
using Clock = PacketTransfer::Clock;

constexpr std::size_t status_digits = 3;
constexpr std::size_t packet_bytes_max = status_digits + 1 + body_bytes_max;
// Twice that is what the kernel gives, if net.core.wmem_max allows; its default does.
constexpr int send_buffer_bytes = 208 * 1024;
// Most answers are there by then. To sleep, and be woken out of it, would take up to a third
// of that again; the processor goes to whoever else wants it.
constexpr auto awake_for = std::chrono::microseconds(200);

/// Waits until the socket is ready: 1 ready, 0 deadline, −1 errno.
int wait_for(int fd, short events, Clock::time_point deadline) {
  pollfd ready{fd, events, 0};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Clock::now()).count();
    if (left <= 0) return 0;
    constexpr std::int64_t ns_per_second = 1'000'000'000;
    const timespec timeout{static_cast<time_t>(left / ns_per_second), static_cast<long>(left % ns_per_second)};
    const int got = ppoll(&ready, 1, &timeout, nullptr);
    if (got >= 0 || errno != EINTR) return got;
  }
}

}  // namespace

TransferResult read_answer_packet(std::string_view packet) {
  TransferResult result;
  const char* const status_end = packet.data() + status_digits;
  const bool has_status = packet.size() > status_digits && packet[status_digits] == '\n' && packet.front() != '-' &&
                          std::from_chars(packet.data(), status_end, result.status).ptr == status_end;
  if (!has_status) {
    result.outcome = Outcome::bad_reply;
    result.status = 0;
    result.why = "the answer doesn't begin with a status";
    return result;
  }
  result.outcome = Outcome::answered;
  result.body = packet.substr(status_digits + 1);
  return result;
}

PacketTransfer::PacketTransfer() : received_(packet_bytes_max) {}

PacketTransfer::~PacketTransfer() { close(); }

void PacketTransfer::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  processor_.reset();
}

int PacketTransfer::connect(const std::string& socket_path) {
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  // slurmctld runs programs and, since 24.11, replaces itself with exec on a
  // reconfiguration: no socket of ours may survive that.
  fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return errno;
  (void)setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
  // A full queue of a service that hangs answers EAGAIN: as good as nobody there.
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int problem = errno;
    close();
    return problem;
  }
  socket_path_ = socket_path;
  return 0;
}

PacketTransfer::Attempt PacketTransfer::send(std::string_view body, Clock::time_point deadline) {
  // So that the service waits for the next request where this thread is: to be woken on another
  // processor, which may be asleep, takes longer than the answer.
  std::string place;
  processor_.reset();
  if (const int here = sched_getcpu(); here >= 0) {
    processor_ = here;
    place = "\ncpu " + std::to_string(here);
  }
  iovec parts[] = {{const_cast<char*>(body.data()), body.size()}, {place.data(), place.size()}};
  msghdr packet{};
  packet.msg_iov = parts;
  packet.msg_iovlen = std::size(parts);
  for (;;) {
    if (::sendmsg(fd_, &packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {Step::done};
    switch (errno) {
      case EINTR: continue;
      case EPIPE:
      case ECONNRESET:
      case ENOTCONN: return {Step::closed};
      case EMSGSIZE:
      case ENOBUFS:
      case ENOMEM: return {Step::not_sent, errno};
      case EAGAIN: break;
      default: return {Step::failed, errno};
    }
    const int ready = wait_for(fd_, POLLOUT, deadline);
    if (ready == 0) return {Step::timed_out};
    if (ready < 0) return {Step::failed, errno};
  }
}

std::optional<PacketTransfer::Attempt> PacketTransfer::take(std::size_t& bytes) {
  const auto receive_now = [&] { return recv(fd_, received_.data(), received_.size(), MSG_DONTWAIT | MSG_TRUNC); };
  ssize_t got = receive_now();
  // Linux finds the queue empty, then the peer gone: what came in between is there the second time.
  if (got == 0) got = std::max<ssize_t>(receive_now(), 0);
  if (got > 0) {
    bytes = static_cast<std::size_t>(got);
    return Attempt{Step::done};
  }
  if (got == 0 || errno == ECONNRESET) return Attempt{Step::closed};
  if (errno == EINTR || errno == EAGAIN) return std::nullopt;
  return Attempt{Step::failed, errno};
}

PacketTransfer::Attempt PacketTransfer::receive(Clock::time_point deadline, std::size_t& bytes) {
  const auto awake_until = std::min(deadline, Clock::now() + awake_for);
  for (;;) {
    if (const auto taken = take(bytes)) return *taken;
    if (Clock::now() < awake_until) {
      sched_yield();
      continue;
    }
    const int ready = wait_for(fd_, POLLIN, deadline);
    if (ready == 0) return take(bytes).value_or(Attempt{Step::timed_out});  // it may be this thread that was late
    if (ready < 0) return {Step::failed, errno};
  }
}

PacketTransfer::Attempt PacketTransfer::attempt(std::string_view body, Clock::time_point deadline, std::size_t& bytes) {
  const Attempt sent = send(body, deadline);
  // A service that turns somebody away says why before it closes, whether or not it was asked by then.
  return sent.step == Step::done || sent.step == Step::closed ? receive(deadline, bytes) : sent;
}

TransferResult PacketTransfer::exchange(const std::string& socket_path, std::string_view body, Clock::time_point deadline) {
  const auto failed = [&](Outcome outcome, std::string why) {
    close();  // a late answer must not meet the next request
    TransferResult result;
    result.outcome = outcome;
    result.why = std::move(why);
    return result;
  };
  for (;;) {
    const bool kept = fd_ >= 0 && socket_path == socket_path_;
    if (!kept) {
      const int problem = connect(socket_path);
      if (problem != 0) return failed(Outcome::unreachable, std::strerror(problem));
    }
    std::size_t bytes = 0;
    const Attempt result = attempt(body, deadline, bytes);
    switch (result.step) {
      case Step::done: break;
      case Step::closed:
        close();
        if (kept) continue;  // it was closed meanwhile, as by a restart
        return failed(Outcome::unreachable, "it closed the connection");
      case Step::timed_out: return failed(Outcome::timed_out, "no answer in time");
      case Step::not_sent: return failed(Outcome::not_sent, std::strerror(result.problem));
      case Step::failed: return failed(Outcome::unreachable, std::strerror(result.problem));
    }
    if (bytes > received_.size()) return failed(Outcome::bad_reply, "the answer is too long");
    TransferResult answer = read_answer_packet(std::string_view(received_.data(), bytes));
    if (answer.outcome != Outcome::answered) close();
    return answer;
  }
}

}  // namespace sluice::client
