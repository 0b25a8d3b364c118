// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever peers do to the control socket, those who may ask are answered, and
// stopping ends. Method: a real socket, the plugin's own client where it behaves, bare
// sockets where it doesn't. Limits of time end a test that would hang; no verdict hangs
// on them.

#include "accounting/service/packet_listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <latch>
#include <stdexcept>
#include <vector>

#include "plugins/client/packet_transfer.hpp"
#include "tests/unit/plugins/unix_server.hpp"

namespace sluice::service {
namespace {

using client::PacketTransfer;
using client::TransferResult;
using Outcome = TransferResult::Outcome;

constexpr auto patience = std::chrono::seconds(20);

/// A bare end of a connection.
class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    if (connect(path) != 0) problem_ = errno;
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] bool connected() const { return problem_ == 0; }
  [[nodiscard]] int problem() const { return problem_; }  ///< errno of connect()
  bool say(const std::string& request) const { return ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) >= 0; }
  /// Empty: the connection has ended.
  [[nodiscard]] std::string hear() const {
    std::vector<char> buffer(1 << 20);
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) throw std::runtime_error("no answer, no end");
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }
  [[nodiscard]] std::string ask(const std::string& request) const { return say(request) ? hear() : std::string(); }

 private:
  [[nodiscard]] int connect(const std::string& path) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  const int fd_;
  int problem_ = 0;
};

constexpr uid_t nobody = 65534;
constexpr uid_t slurm = 64030;

/// A connection of somebody else's.
std::unique_ptr<Peer> as(uid_t user, const std::string& path) {
  if (::seteuid(user) != 0) throw std::runtime_error("couldn't become another user");
  auto peer = std::make_unique<Peer>(path);
  if (::seteuid(0) != 0) std::abort();
  return peer;
}

std::size_t descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

PacketAnswer echo(std::string_view request) { return {200, std::string(request)}; }

class PacketListenerTest : public ::testing::Test {
 protected:
  void start(std::function<PacketAnswer(std::string_view)> answer, PacketLimits limits = {}, std::set<uid_t> peers = {::geteuid()}) {
    const auto socket = listen_packets(path_, peers);
    if (!socket.ok()) throw std::runtime_error(socket.failure().text);
    serve([answer = std::move(answer)](std::string_view request, const PacketListener::Reply& reply) { reply(answer(request)); }, *socket, limits, std::move(peers));
  }
  void serve(PacketListener::Handler handler, int socket, PacketLimits limits, std::set<uid_t> peers) {
    auto listener = PacketListener::start(socket, std::move(peers), limits, std::move(handler));
    if (!listener.ok()) throw std::runtime_error(listener.failure().text);
    listener_ = std::move(*listener);
  }

  TransferResult ask(PacketTransfer& transfer, const std::string& request) {
    return transfer.exchange(path_, request, PacketTransfer::Clock::now() + patience);
  }
  /// As whoever comes anew.
  std::string answer_to(const std::string& request) {
    PacketTransfer transfer;
    return ask(transfer, request).body;
  }

  const test::ScratchFolder folder_;
  const std::string path_ = folder_ / "control.sock";
  std::unique_ptr<PacketListener> listener_;
};

TEST_F(PacketListenerTest, AnswersPeersAtOnceAndEachInTurn) {
  constexpr int peers = 4;
  std::latch all_here(peers);
  start([&](std::string_view request) {
    if (request.starts_with("0 ")) all_here.arrive_and_wait();  // nobody is kept waiting for another's answer
    return echo(request);
  });
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < peers; ++i) {
    threads.emplace_back([&, i] {
      PacketTransfer transfer;
      for (int k = 0; k < 200; ++k) {
        const std::string request = std::to_string(k) + " of " + std::to_string(i);
        const TransferResult result = ask(transfer, request);
        right += result.status == 200 && result.body == request ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, peers * 200);
}

TEST_F(PacketListenerTest, TurnsAwayWhoMayNotAskAndSaysWhy) {
  std::atomic<int> handled{0};
  start([&](std::string_view request) { return ++handled, echo(request); }, {}, {::geteuid() + 1});
  for (int i = 0; i < 300; ++i) {
    PacketTransfer transfer;
    const TransferResult result = ask(transfer, "{}");
    ASSERT_EQ(result.outcome, Outcome::answered) << result.why;
    ASSERT_EQ(result.status, 403);
    ASSERT_EQ(result.body, R"({"error":{"code":"not_slurm","kind":"refusal","text":"only control_users of sluice.yaml may ask here"}})");
  }
  EXPECT_EQ(handled, 0);
}

TEST_F(PacketListenerTest, StrangersDontEvenGetIntoTheQueue) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else as well";
  start(echo, {}, {0, slurm});
  std::filesystem::permissions(folder_ / "", std::filesystem::perms(0755));
  EXPECT_EQ(as(nobody, path_)->problem(), EACCES);
  const auto peer = as(slurm, path_);
  ASSERT_TRUE(peer->connected());
  EXPECT_EQ(peer->ask("slurmctld"), "200\nslurmctld");
}

TEST_F(PacketListenerTest, StrangersTakeNobodysPlaceEither) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else as well";
  PacketLimits limits;
  limits.connections_max = 1;
  start(echo, limits);
  std::filesystem::permissions(folder_ / "", std::filesystem::perms(0755));
  (void)::removexattr(path_.c_str(), "system.posix_acl_access");  // as where there are none
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  std::vector<std::unique_ptr<Peer>> strangers;
  for (int i = 0; i < 100; ++i) strangers.push_back(as(nobody, path_));
  for (const auto& one : strangers) EXPECT_TRUE(one->connected());
  EXPECT_EQ(answer_to("root"), "root");
}

TEST_F(PacketListenerTest, LeavesTheSocketOfAnotherUserAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else as well";
  start(echo);
  std::filesystem::permissions(folder_ / "", std::filesystem::perms(0777));
  ASSERT_EQ(::seteuid(nobody), 0);
  const auto second = listen_packets(path_, {nobody});
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.failure().text, "couldn't listen on " + path_ + ": it is another user's; stop that service, or remove the file");
  EXPECT_EQ(answer_to("still here"), "still here");
}

TEST_F(PacketListenerTest, TheProcessorIsNoneOfTheRequest) {
  PacketLimits limits;
  limits.request_bytes_max = 40;
  start(echo, limits);
  const std::string largest(40, 'r');
  const Peer peer(path_);
  const struct {
    std::string sent;
    std::string heard;
  } rows[] = {
      {"{}\ncpu 0", "200\n{}"},
      {"{}\n{}\ncpu 1", "200\n{}\n{}"},
      {"{}\ncpu 4000", "200\n{}"},
      {"{}\ncpu 99999999", "200\n{}"},
      {largest + "\ncpu 123456", "200\n" + largest},
      // None of it says a processor.
      {"cpu 1", "200\ncpu 1"},
      {"{}\ncpu ", "200\n{}\ncpu "},
      {"{}\ncpu 1x", "200\n{}\ncpu 1x"},
      {"{}\ncpu 99999999999", "200\n{}\ncpu 99999999999"},
      {"{}\ncpu 1\n", "200\n{}\ncpu 1\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(peer.ask(row.sent), row.heard);
  EXPECT_EQ(peer.ask(largest + "r\ncpu 1").substr(0, 4), "413\n");
  EXPECT_EQ(peer.ask(largest + "r\ncpu 99999999999").substr(0, 4), "413\n");
}

TEST_F(PacketListenerTest, TakesNoRequestThatIsTooLarge) {
  PacketLimits limits;
  limits.request_bytes_max = 1000;
  start(echo, limits);
  const Peer peer(path_);
  EXPECT_EQ(peer.ask(std::string(1001, 'x')).substr(0, 4), "413\n");
  EXPECT_EQ(peer.ask(std::string(200'000, 'x')).substr(0, 4), "413\n");
  EXPECT_EQ(peer.ask(std::string(1000, 'x')), "200\n" + std::string(1000, 'x'));
}

TEST_F(PacketListenerTest, AnswersAFaultWithAStatus) {
  PacketLimits limits;
  limits.answer_bytes_max = 1000;
  start(
      [](std::string_view request) -> PacketAnswer {
        if (request == "throw") throw std::runtime_error("as asked");
        return {200, std::string(std::stoul(std::string(request)), 'x')};
      },
      limits);
  const Peer peer(path_);
  const std::string failed = R"(500
{"error":{"code":"fault","kind":"fault","text":"the service failed; its log says why"}})";
  EXPECT_EQ(peer.ask("throw"), failed);
  EXPECT_EQ(peer.ask("1001"), failed);
  EXPECT_EQ(peer.ask("1000"), "200\n" + std::string(1000, 'x'));
}

TEST_F(PacketListenerTest, NobodyWaitsForWhatIsDoneAfterTheAnswer) {
  const auto socket = listen_packets(path_, {::geteuid()});
  ASSERT_TRUE(socket.ok());
  std::promise<void> heard;
  const auto work_after = [&](std::string_view request, const PacketListener::Reply& reply) {
    reply(echo(request));
    if (request == "work") heard.get_future().wait();
    throw std::runtime_error("after its answer");
  };
  serve(work_after, *socket, {}, {::geteuid()});
  const Peer peer(path_);
  EXPECT_EQ(peer.ask("work"), "200\nwork") << "while there is work left";
  heard.set_value();
  EXPECT_EQ(peer.ask("next"), "200\nnext") << "and no second answer where that work fails";
}

TEST_F(PacketListenerTest, EndsWithAPeerThatNeverReads) {
  start([](std::string_view) { return PacketAnswer{200, std::string(10'000, 'x')}; });
  const Peer deaf(path_);
  int said = 0;
  while (deaf.say("{}")) ASSERT_LT(++said, 10'000);
  EXPECT_GT(said, 0);
  EXPECT_EQ(answer_to("{}").size(), 10'000U);
}

TEST_F(PacketListenerTest, WaitsForNobodyWhoSaysNothing) {
  start(echo);
  const Peer silent(path_);
  const Peer of_few_words(path_);
  EXPECT_TRUE(of_few_words.say(""));  // an empty packet is a goodbye
  EXPECT_EQ(of_few_words.hear(), "");
  EXPECT_EQ(answer_to("a"), "a");
  listener_.reset();
  EXPECT_EQ(silent.hear(), "");
}

TEST_F(PacketListenerTest, HoldsSoManyConnectionsAndNoMore) {
  PacketLimits limits;
  limits.connections_max = 2;
  start(echo, limits);
  const Peer first(path_);
  auto second = std::make_unique<Peer>(path_);
  EXPECT_EQ(first.ask("1"), "200\n1");
  EXPECT_EQ(second->ask("2"), "200\n2");
  const Peer third(path_);
  EXPECT_EQ(third.hear(), "");
  EXPECT_EQ(first.ask("1"), "200\n1");
  second.reset();
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (answer_to("4") != "4") ASSERT_LT(std::chrono::steady_clock::now(), limit) << "its place was never free again";
}

TEST_F(PacketListenerTest, LeavesNothingOfConnectionsThatCameAndWent) {
  start(echo);
  EXPECT_EQ(answer_to("first"), "first");
  const std::size_t before = descriptors();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(answer_to("x"), "x");
  listener_.reset();
  EXPECT_LT(descriptors(), before);
}

TEST_F(PacketListenerTest, ServesAgainWhenDescriptorsHaveRunOut) {
  start(echo);
  const int spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none_left{static_cast<rlim_t>(spare) + 1, limit.rlim_max};
  ::close(spare);
  PacketTransfer transfer;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);  // the asking end gets the last one
  const auto soon = PacketTransfer::Clock::now() + std::chrono::milliseconds(50);
  EXPECT_EQ(transfer.exchange(path_, "early", soon).outcome, Outcome::timed_out);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(ask(transfer, "later").body, "later");
}

TEST_F(PacketListenerTest, AnswersWhatWasAskedBeforeItStops) {
  std::promise<void> may_end;
  const auto go_on = may_end.get_future().share();
  std::promise<void> asked;
  start([&](std::string_view request) {
    if (request == "first") {
      asked.set_value();
      go_on.wait();
    }
    return echo(request);
  });
  const Peer peer(path_);
  ASSERT_TRUE(peer.say("first"));
  ASSERT_TRUE(peer.say("second"));
  asked.get_future().wait();
  std::thread stopping([&] { listener_.reset(); });
  while (Peer(path_).connected()) std::this_thread::yield();  // refused at once, not kept waiting
  may_end.set_value();
  stopping.join();
  EXPECT_EQ(peer.hear(), "200\nfirst");
  EXPECT_EQ(peer.hear(), "200\nsecond");
  EXPECT_EQ(peer.hear(), "");
}

TEST_F(PacketListenerTest, StopsUnderLoad) {
  for (int round = 0; round < 20; ++round) {
    start(echo);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::latch under_way(4);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        PacketTransfer transfer;
        const std::string request = std::to_string(i);
        bool first = true;
        while (!stop) {
          const TransferResult result = ask(transfer, request);
          wrong += result.outcome == Outcome::answered ? result.body != request : result.outcome != Outcome::unreachable;
          if (std::exchange(first, false)) under_way.count_down();
        }
      });
    }
    under_way.wait();
    listener_.reset();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

TEST_F(PacketListenerTest, TakesThePathOfADeadServiceAndOfNoOther) {
  ::close(*listen_packets(path_, {::geteuid()}));
  start(echo);
  const auto second = listen_packets(path_, {::geteuid()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.failure().text, "couldn't listen on " + path_ + ": it is in use by another process; stop that one first");
  EXPECT_EQ(answer_to("still here"), "still here");

  const std::string other = folder_ / "stream.sock";
  const int stream = test::listen_at(other, SOCK_STREAM, 1);
  EXPECT_FALSE(listen_packets(other, {::geteuid()}).ok()) << "whatever it is, somebody serves it";
  ::close(stream);

  const auto too_long = listen_packets("/" + std::string(108, 'x'), {::geteuid()});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.failure().text.find("too long"), std::string::npos);
}

}  // namespace
}  // namespace sluice::service
