// SPDX-License-Identifier: Apache-2.0
//
// See fake_service.hpp.

#include "fake_service.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <munge.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "accounting/core/digest.hpp"

extern char** environ;

namespace sluice::test {
namespace {

const char* munged_program() {
  for (const char* path : {"/usr/sbin/munged", "/usr/local/sbin/munged", "/usr/bin/munged"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

/// Empty where `header` is a credential for `digest`, restricted to this user.
std::string credential_problem(const std::string& header, const std::string& digest, const std::string& socket) {
  if (header.rfind("MUNGE ", 0) != 0) return "no MUNGE credential: " + header;
  munge_ctx_t context = munge_ctx_create();
  munge_ctx_set(context, MUNGE_OPT_SOCKET, socket.c_str());
  void* payload = nullptr;
  int size = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  uid_t restriction = 0;
  const munge_err_t status = munge_decode(header.c_str() + 6, context, &payload, &size, &uid, &gid);
  munge_ctx_get(context, MUNGE_OPT_UID_RESTRICTION, &restriction);
  const std::string text(static_cast<const char*>(payload), static_cast<std::size_t>(size));
  std::free(payload);
  munge_ctx_destroy(context);
  if (status != EMUNGE_SUCCESS) return std::string("credential: ") + munge_strerror(status);
  if (text != digest) return "the credential vouches for something else";
  if (uid != ::getuid()) return "the credential is another user's";
  if (restriction != ::getuid()) return "the credential is not restricted to the service's user";
  return "";
}

std::string header_value(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

}  // namespace

PrivateMunged::PrivateMunged(const std::string& folder) : socket_(folder + "/munge.socket") {
  const char* program = munged_program();
  if (program == nullptr) {
    problem_ = "munged isn't installed";
    return;
  }
  const std::string key = folder + "/munge.key";
  std::ofstream(key, std::ios::binary) << std::string(64, 'k');
  ::chmod(key.c_str(), 0600);
  std::vector<std::string> arguments = {program,
                                        "--foreground",
                                        "--key-file=" + key,
                                        "--socket=" + socket_,
                                        "--pid-file=" + folder + "/munged.pid",
                                        "--seed-file=" + folder + "/munged.seed",
                                        "--log-file=" + folder + "/munged.log",
                                        "--num-threads=1"};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder + "/munged.err").c_str(), O_WRONLY | O_CREAT, 0600);
  const int error = ::posix_spawn(&child_, program, &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    problem_ = std::string("munged can't be started: ") + std::strerror(error);
    return;
  }
  // Its socket says that it is ready.
  for (int tries = 0; tries < 500; ++tries) {
    if (::access(socket_.c_str(), F_OK) == 0) return;
    if (::waitpid(child_, nullptr, WNOHANG) == child_) break;
    ::poll(nullptr, 0, 20);
  }
  std::ifstream said(folder + "/munged.err");
  problem_ = "munged did not start: " + std::string(std::istreambuf_iterator<char>(said), {});
}

PrivateMunged::~PrivateMunged() {
  if (child_ <= 0) return;
  ::kill(child_, SIGTERM);
  ::waitpid(child_, nullptr, 0);
}

FakeService::FakeService(std::string munge_socket) : munge_socket_(std::move(munge_socket)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0) std::abort();
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeService::~FakeService() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

void FakeService::expect(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

std::vector<Seen> FakeService::take_seen() {
  const std::lock_guard lock(mutex_);
  scripts_.clear();
  return std::exchange(seen_, {});
}

void FakeService::serve() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    answer(connection);
    ::close(connection);
  }
}

void FakeService::answer(int connection) {
  std::string received;
  std::size_t head_end = std::string::npos;
  std::size_t wanted = std::string::npos;
  char buffer[65536];
  while (received.size() < wanted) {
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    received.append(buffer, static_cast<std::size_t>(got));
    if (head_end == std::string::npos) head_end = received.find("\r\n\r\n");
    if (head_end == std::string::npos) continue;
    const std::string length = header_value(received.substr(0, head_end + 2), "Content-Length");
    wanted = head_end + 4 + (length.empty() ? 0 : std::stoul(length));
  }
  const std::string head = received.substr(0, head_end + 2);
  Seen seen;
  const std::size_t space = head.find(' ');
  seen.method = head.substr(0, space);
  seen.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  seen.body = received.substr(head_end + 4);
  const std::string digest = sha256_hex(seen.method + "\n" + seen.target + "\n" + sha256_hex(seen.body));
  seen.problem = credential_problem(header_value(head, "Authorization"), digest, munge_socket_);
  Script script{"500 {\"error\":{\"kind\":\"fault\",\"code\":\"unexpected\",\"text\":\"the case expects no request\"}}"};
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(seen);
    if (!scripts_.empty()) {
      script = scripts_.front();
      scripts_.pop_front();
    }
  }
  if (script.reply == "drop") return;
  if (script.reply == "hang") {
    // Ends when the client gives up.
    while (::recv(connection, buffer, sizeof buffer, 0) > 0) {
    }
    return;
  }
  const std::string body = script.reply.substr(4);
  const std::string reply = "HTTP/1.1 " + script.reply.substr(0, 3) + " X\r\nContent-Type: application/json\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  std::size_t sent = 0;
  while (sent < reply.size()) {
    const ssize_t did = ::send(connection, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
    if (did <= 0) return;
    sent += static_cast<std::size_t>(did);
  }
}

}  // namespace sluice::test
