// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever the service does, ask() returns within its deadline and says what
// happened. Method: a real unix socket whose server answers well, freezes, is late,
// talks rubbish, closes, and restarts. Deadlines are long enough for a busy machine;
// what is asserted about time is that the wait ends, not that it is exact.

#include "plugins/client/client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/unit/plugins/unix_server.hpp"

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using test::packet;
using test::UnixServer;
using Outcome = Reply::Outcome;
using Action = UnixServer::Action;
using Then = UnixServer::Action::Then;

std::mutex log_mutex;
std::vector<std::string> log_lines;

void keep_line(Breaker::Notice::Kind, const char* line) noexcept {
  const std::lock_guard lock(log_mutex);
  log_lines.emplace_back(line);
}

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override { log_lines.clear(); }

  [[nodiscard]] Exchange exchange_of(std::string_view body, std::chrono::milliseconds deadline) const {
    Exchange exchange;
    exchange.socket_path = path_;
    exchange.body = body;
    exchange.deadline = deadline;
    exchange.probe = deadline;
    return exchange;
  }

  Reply ask(Client& client, std::string_view body = "{}", std::chrono::milliseconds deadline = 3000ms) {
    return client.ask(exchange_of(body, deadline));
  }

  test::ScratchFolder folder_;
  const std::string path_ = folder_ / "control.sock";
};

/// The processors that this thread may run on.
cpu_set_t allowed() {
  cpu_set_t all;
  CPU_ZERO(&all);
  if (sched_getaffinity(0, sizeof all, &all) != 0) throw std::runtime_error("sched_getaffinity");
  return all;
}

/// This thread, on one of its processors after the other.
void on_each_processor(const std::function<void()>& body) {
  const cpu_set_t all = allowed();
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &all)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0) body();
  }
  if (sched_setaffinity(0, sizeof all, &all) != 0) throw std::runtime_error("sched_setaffinity");
}

TEST_F(ClientTest, KeepsAConnectionForEachProcessorItAsksFrom) {
  UnixServer server(path_, [](const std::string& body) { return Action{packet("got " + body)}; });
  Client client(keep_line);
  int processors = 0;
  for (int round = 0; round < 3; ++round) {
    on_each_processor([&] {
      if (round == 0) ++processors;
      const Reply reply = ask(client);
      ASSERT_EQ(reply.outcome, Outcome::answered) << reply.why;
      EXPECT_EQ(reply.body, "got {}");
    });
  }
  EXPECT_EQ(server.connections(), std::min<int>(processors, Client::connections_max_default));
}

TEST_F(ClientTest, AnOutageLeavesNoConnectionThatNobodyUses) {
  Client client(keep_line);
  Exchange exchange = exchange_of("{}", 3000ms);
  exchange.backoff = {0s, 0s};  // every following call is a probe
  for (std::size_t i = 0; i < 2 * Client::connections_max_default; ++i) {
    on_each_processor([&] { EXPECT_EQ(client.ask(exchange).outcome, Outcome::unreachable); });
  }
  UnixServer server(path_, [](const std::string& body) { return Action{packet(body)}; });
  int processors = 0;
  for (int round = 0; round < 3; ++round) {
    on_each_processor([&] {
      if (round == 0) ++processors;
      EXPECT_EQ(client.ask(exchange).outcome, Outcome::answered);
    });
  }
  EXPECT_EQ(server.connections(), std::min<int>(processors, Client::connections_max_default));
}

TEST_F(ClientTest, AsksFromEveryProcessorWhereConnectionsAreFewer) {
  UnixServer server(path_, [](const std::string& body) { return Action{packet(body)}; });
  Client client(keep_line, 1);
  for (int round = 0; round < 2; ++round) on_each_processor([&] { EXPECT_EQ(ask(client).outcome, Outcome::answered); });
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTest, ExchangesOverOneKeptConnection) {
  UnixServer server(path_, [](const std::string& body) { return Action{packet("got " + body)}; });
  Client client(keep_line);
  bool asked = false;
  on_each_processor([&] {
    if (std::exchange(asked, true)) return;
    for (int i = 0; i < 20; ++i) {
      const Reply reply = ask(client, "body " + std::to_string(i));
      ASSERT_EQ(reply.outcome, Outcome::answered) << reply.why;
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.body, "got body " + std::to_string(i));
    }
  });
  EXPECT_EQ(server.connections(), 1);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, PassesOnBytesAndStatusesAsTheyAre) {
  const std::string bytes("\0\xff\"{\n", 5);
  UnixServer server(path_, [](const std::string& body) { return Action{packet(body, "503")}; });
  Client client(keep_line);
  const Reply reply = ask(client, bytes);
  EXPECT_EQ(reply.outcome, Outcome::answered);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, bytes);
}

TEST_F(ClientTest, SendsARequestOfTheLargestSize) {
  UnixServer server(path_, [](const std::string& body) { return Action{packet(std::to_string(body.size()))}; });
  Client client(keep_line);
  const std::string big(256 * 1024, 'x');
  const Reply reply = ask(client, big, 5000ms);
  EXPECT_EQ(reply.outcome, Outcome::answered) << reply.why;
  EXPECT_EQ(reply.body, std::to_string(big.size()));
}

TEST_F(ClientTest, ARequestThatTheKernelDoesNotTakeIsNoOutage) {
  UnixServer server(path_, [](const std::string&) { return Action{packet("ok")}; });
  Client client(keep_line);
  const Reply reply = ask(client, std::string(3 << 20, 'x'));
  EXPECT_EQ(reply.outcome, Outcome::not_sent);
  EXPECT_EQ(reply.why, "Message too long");
  EXPECT_EQ(ask(client).outcome, Outcome::answered);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, ReportsAMissingSocketAtOnceAndThenGoesWithout) {
  Client client(keep_line);
  const Reply first = ask(client, "{}", 5000ms);
  EXPECT_EQ(first.outcome, Outcome::unreachable);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(client).outcome, Outcome::skipped);
  ASSERT_EQ(log_lines.size(), 1U);
  EXPECT_EQ(log_lines[0], "couldn't reach the service at " + path_ +
                              ": No such file or directory; submissions go on without it until it answers");
}

TEST_F(ClientTest, SaysWhatTheSystemSaysOfASocketThatRefuses) {
  close(test::listen_at(path_, SOCK_SEQPACKET, 1));  // as by a service that was killed
  Client client(keep_line);
  EXPECT_EQ(ask(client).why, "Connection refused");
}

TEST_F(ClientTest, SaysSoOfASocketThatIsNotOfPackets) {
  const int stream = test::listen_at(path_, SOCK_STREAM, 1);
  Client client(keep_line);
  const Reply reply = ask(client);
  EXPECT_EQ(reply.outcome, Outcome::unreachable);
  EXPECT_EQ(reply.why, "Protocol wrong type for socket");
  close(stream);
}

TEST_F(ClientTest, DoesNotWaitForAPlaceInTheQueueOfAFrozenService) {
  const int frozen = test::listen_at(path_, SOCK_SEQPACKET, 0);
  Client first(keep_line);
  EXPECT_EQ(ask(first, "{}", 20ms).outcome, Outcome::timed_out);
  Client second(keep_line);  // the other's connection still stands in the queue
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(ask(second, "{}", 10000ms).why, "Resource temporarily unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  close(frozen);
}

TEST_F(ClientTest, EndsTheWaitForAFrozenServiceAtTheDeadline) {
  UnixServer server(path_, [](const std::string&) { return Action{"", Then::hang}; });
  Client client(keep_line);
  const auto start = std::chrono::steady_clock::now();
  const Reply reply = ask(client, "{}", 50ms);
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(reply.outcome, Outcome::timed_out);
  EXPECT_GE(waited, 45ms);
  EXPECT_LT(waited, 1s);
  EXPECT_EQ(ask(client, "{}", 50ms).outcome, Outcome::skipped);
}

TEST_F(ClientTest, ALateAnswerNeverMeetsTheNextRequest) {
  std::promise<void> waited_long_enough;
  const auto go_on = waited_long_enough.get_future().share();
  UnixServer server(path_, [go_on](const std::string& body) {
    if (body == "slow") go_on.wait();
    return Action{packet("to " + body)};
  });
  Client client(keep_line);
  Exchange exchange = exchange_of("slow", 50ms);
  exchange.backoff = {0s, 0s};  // the next is the probe
  EXPECT_EQ(client.ask(exchange).outcome, Outcome::timed_out);
  waited_long_enough.set_value();
  EXPECT_EQ(client.ask(exchange_of("next", 3000ms)).body, "to next");
}

TEST_F(ClientTest, AFloodOfAnswersEndsWithItsConnection) {
  UnixServer server(path_, [](const std::string&) { return Action{std::string(1000, 'x'), Then::flood}; });
  Client client(keep_line);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(client).outcome, Outcome::bad_reply);
  EXPECT_EQ(server.connections(), 20);
}

TEST_F(ClientTest, TellsAnswersFromWhatIsNone) {
  const std::string at_limit(body_bytes_max, 'x');
  const struct {
    const char* what;
    Action action;
    Outcome outcome;
    bool outage;
  } rows[] = {
      {"64 KiB are taken", {packet(at_limit)}, Outcome::answered, false},
      {"one byte more is not", {packet(at_limit + "x")}, Outcome::bad_reply, false},
      {"as large as a packet gets", {packet(std::string(400'000, 'x'))}, Outcome::bad_reply, false},
      {"nothing but a status", {packet("")}, Outcome::answered, false},
      {"a status without its end", {"200"}, Outcome::bad_reply, false},
      {"a short status", {"20\nok"}, Outcome::bad_reply, false},
      {"a long status", {"2000\nok"}, Outcome::bad_reply, false},
      {"a negative status", {"-20\nok"}, Outcome::bad_reply, false},
      {"HTTP", {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, Outcome::bad_reply, false},
      {"garbage", {std::string("\x01\x02\0\xff nonsense", 13), Then::close}, Outcome::bad_reply, false},
      {"an empty packet", {""}, Outcome::unreachable, true},
      {"nothing, then closed", {"", Then::close}, Outcome::unreachable, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    UnixServer server(path_, [&](const std::string&) { return row.action; });
    Client client(keep_line);
    const Reply reply = ask(client, "{}", 2000ms);
    EXPECT_EQ(reply.outcome, row.outcome) << reply.why;
    EXPECT_EQ(ask(client).outcome == Outcome::skipped, row.outage) << "an outage only where nobody is there";
  }
}

TEST_F(ClientTest, ReplacesAConnectionThatTheServiceClosedInBetween) {
  UnixServer server(path_, [](const std::string&) { return Action{packet("ok"), Then::close}; });
  Client client(keep_line);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(ask(client).outcome, Outcome::answered);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, GoesOnAfterARestartOfTheService) {
  const auto behaviour = [](const std::string&) { return Action{packet("ok")}; };
  Client client(keep_line);
  for (int i = 0; i < 5; ++i) {
    const UnixServer server(path_, behaviour);
    ASSERT_EQ(ask(client).outcome, Outcome::answered);
    ASSERT_EQ(ask(client).outcome, Outcome::answered);
  }
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, RetriesOnceOnlyWhenAKeptConnectionDiesUnderTheRequest) {
  std::atomic<int> seen{0};
  // Reads the second request on the kept connection, then closes without a byte.
  UnixServer server(path_, [&](const std::string&) { return ++seen == 2 ? Action{"", Then::close} : Action{packet("ok")}; });
  Client client(keep_line, 1);
  ASSERT_EQ(ask(client).outcome, Outcome::answered);
  ASSERT_EQ(ask(client).outcome, Outcome::answered);
  EXPECT_EQ(seen, 3);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, ProbesAfterTheBackoffAndSaysHowManyWentWithout) {
  Client client(keep_line);
  Exchange exchange = exchange_of("{}", 500ms);
  exchange.backoff = {0s, 0s};  // every following call is a probe
  EXPECT_EQ(client.ask(exchange).outcome, Outcome::unreachable);
  EXPECT_EQ(client.ask(exchange).outcome, Outcome::unreachable);
  UnixServer server(path_, [](const std::string&) { return Action{packet("ok")}; });
  EXPECT_EQ(client.ask(exchange).outcome, Outcome::answered);
  EXPECT_EQ(client.ask(exchange).outcome, Outcome::answered);
  ASSERT_EQ(log_lines.size(), 2U);
  EXPECT_NE(log_lines[1].find("went on without it: 2"), std::string::npos) << log_lines[1];
}

TEST_F(ClientTest, ABurstAgainstAFrozenServiceWaitsOneDeadlineNotMany) {
  UnixServer server(path_, [](const std::string&) { return Action{"", Then::hang}; });
  Client client(keep_line, 2);
  std::atomic<int> skipped{0};
  std::atomic<int> waited{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { (ask(client, "{}", 100ms).outcome == Outcome::skipped ? skipped : waited) += 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_EQ(skipped + waited, 16);
  EXPECT_EQ(log_lines.size(), 1U);
}

TEST_F(ClientTest, AWaiterQueuedForAConnectionLooksAtTheBreakerAgain) {
  std::atomic<int> arrived{0};
  UnixServer server(path_, [&](const std::string&) {
    ++arrived;
    return Action{"", Then::hang};
  });
  Client client(keep_line, 1);
  Outcome queued = Outcome::answered;
  std::thread first([&] { EXPECT_EQ(ask(client, "{}", 150ms).outcome, Outcome::timed_out); });
  while (arrived == 0) std::this_thread::yield();  // the only connection is taken
  std::thread second([&] { queued = ask(client, "{}", 10000ms).outcome; });
  first.join();
  second.join();
  EXPECT_EQ(queued, Outcome::skipped);
  EXPECT_EQ(arrived, 1);
}

TEST_F(ClientTest, ServesManyThreadsWithBoundedConnections) {
  UnixServer server(path_, [](const std::string& body) { return Action{packet(body)}; });
  Client client(keep_line, 3);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const std::string body = std::to_string(i * 1000 + k);
        const Reply reply = ask(client, body, 10000ms);
        right += reply.outcome == Outcome::answered && reply.body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(server.connections(), 3);
}

TEST_F(ClientTest, LeavesNoSocketToAProgramThatIsRunByExec) {
  UnixServer server(path_, [](const std::string&) { return Action{packet("ok")}; });
  Client client(keep_line);
  ASSERT_EQ(ask(client).outcome, Outcome::answered);
  int connections = 0;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    sockaddr_un peer{};
    socklen_t bytes = sizeof peer;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &bytes) != 0 || peer.sun_path != path_) continue;
    ++connections;
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(connections, 1);
}

TEST_F(ClientTest, ExchangesInMicrosecondsNotMilliseconds) {
  UnixServer server(path_, [](const std::string&) { return Action{packet(R"({"v":1,"action":"admit"})")}; });
  Client client(keep_line);
  const std::string body(800, 'x');
  std::vector<double> us;
  for (int i = 0; i < 3000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(ask(client, body).outcome, Outcome::answered);
    us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(us.begin(), us.end());
  RecordProperty("p50_us", static_cast<int>(us[us.size() / 2]));
  RecordProperty("p99_us", static_cast<int>(us[us.size() * 99 / 100]));
  EXPECT_LT(us[us.size() / 2], 2000) << "a connection per exchange, or a delayed answer, would show here";
}

}  // namespace
}  // namespace sluice::client
