// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever the service does, post() returns within its deadline and says what
// happened. Method: a real unix socket whose server answers well, freezes, drips,
// talks rubbish, closes, and restarts. Deadlines are long enough for a busy machine;
// what is asserted about time is that the wait ends, not that it is exact.

#include "plugins/client/client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "tests/unit/plugins/unix_server.hpp"

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using test::http;
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
  static void SetUpTestSuite() { Client::init_library(); }
  static void TearDownTestSuite() { Client::end_library(); }
  void SetUp() override { log_lines.clear(); }

  Reply post(Client& client, std::string_view body = "{}", std::chrono::milliseconds deadline = 3000ms) {
    Exchange exchange;
    exchange.socket_path = path_;
    exchange.path = "/v1/admissions";
    exchange.body = body;
    exchange.deadline = deadline;
    exchange.probe = deadline;
    return client.post(exchange);
  }

  test::ScratchFolder folder_;
  const std::string path_ = folder_ / "control.sock";
};

TEST_F(ClientTest, ExchangesOverOneKeptConnection) {
  UnixServer server(path_, [](const std::string& body) { return Action{http("got " + body)}; });
  Client client(keep_line);
  for (int i = 0; i < 20; ++i) {
    const Reply reply = post(client, "body " + std::to_string(i));
    ASSERT_EQ(reply.outcome, Outcome::answered) << reply.why;
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "got body " + std::to_string(i));
  }
  EXPECT_EQ(server.connections(), 1);
  const std::string head = server.last_head();
  EXPECT_EQ(head.substr(0, head.find('\r')), "POST /v1/admissions HTTP/1.1");
  EXPECT_NE(head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_EQ(head.find("Expect:"), std::string::npos);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, PassesOnBytesAndStatusesAsTheyAre) {
  const std::string bytes("\0\xff\"{\n", 5);
  UnixServer server(path_, [](const std::string& body) { return Action{http(body, "503 Busy")}; });
  Client client(keep_line);
  const Reply reply = post(client, bytes);
  EXPECT_EQ(reply.outcome, Outcome::answered);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, bytes);
}

TEST_F(ClientTest, SendsABigRequestWithoutWaitingToBeAsked) {
  UnixServer server(path_, [](const std::string& body) { return Action{http(std::to_string(body.size()))}; });
  Client client(keep_line);
  const std::string big(3 << 20, 'x');
  const Reply reply = post(client, big, 5000ms);
  EXPECT_EQ(reply.outcome, Outcome::answered) << reply.why;
  EXPECT_EQ(reply.body, std::to_string(big.size()));
}

TEST_F(ClientTest, ReportsAMissingSocketAtOnceAndThenGoesWithout) {
  Client client(keep_line);
  const Reply first = post(client, "{}", 5000ms);
  EXPECT_EQ(first.outcome, Outcome::unreachable);
  EXPECT_FALSE(first.why.empty());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(post(client).outcome, Outcome::skipped);
  ASSERT_EQ(log_lines.size(), 1U);
  EXPECT_NE(log_lines[0].find(path_), std::string::npos) << log_lines[0];
}

TEST_F(ClientTest, EndsTheWaitForAFrozenServiceAtTheDeadline) {
  UnixServer server(path_, [](const std::string&) { return Action{"", Then::hang}; });
  Client client(keep_line);
  const auto start = std::chrono::steady_clock::now();
  const Reply reply = post(client, "{}", 50ms);
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(reply.outcome, Outcome::timed_out);
  EXPECT_GE(waited, 45ms);
  EXPECT_LT(waited, 1s);
  EXPECT_EQ(post(client, "{}", 50ms).outcome, Outcome::skipped);
}

TEST_F(ClientTest, EndsTheWaitForASlowDripAtTheDeadline) {
  UnixServer server(path_, [](const std::string&) { return Action{http(std::string(4000, 'x')), Then::drip}; });
  Client client(keep_line);
  const auto start = std::chrono::steady_clock::now();
  const Reply reply = post(client, "{}", 60ms);
  EXPECT_EQ(reply.outcome, Outcome::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_TRUE(reply.body.empty());
}

TEST_F(ClientTest, CutsOffWhatIsTooLargeOrNoHttp) {
  const std::string at_limit(body_bytes_max, 'x');
  const struct {
    const char* what;
    Action action;
    Outcome outcome;
    bool outage;
  } rows[] = {
      {"64 KiB are taken", {http(at_limit)}, Outcome::answered, false},
      {"one byte more is not", {http(at_limit + "x")}, Outcome::bad_reply, false},
      {"10 MB", {http(std::string(10 << 20, 'x'))}, Outcome::bad_reply, false},
      {"endless chunks", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n" + std::string(0x40000, 'x')}, Outcome::bad_reply, false},
      {"too much header", {"HTTP/1.1 200 OK\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"}, Outcome::bad_reply, false},
      {"garbage", {"\x01\x02 nonsense \r\n\r\n", Then::close}, Outcome::bad_reply, false},
      {"nothing, then closed", {"", Then::close}, Outcome::unreachable, true},
      {"half a body, then closed", {http(at_limit).substr(0, 400), Then::close}, Outcome::unreachable, true},
      {"a wrong length, too long", {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Then::close}, Outcome::unreachable, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    UnixServer server(path_, [&](const std::string&) { return row.action; });
    Client client(keep_line);
    const Reply reply = post(client, "{}", 2000ms);
    EXPECT_EQ(reply.outcome, row.outcome) << reply.why;
    EXPECT_EQ(post(client).outcome == Outcome::skipped, row.outage) << "an outage only where nobody is there";
  }
}

TEST_F(ClientTest, ReplacesAConnectionThatTheServiceClosedInBetween) {
  UnixServer server(path_, [](const std::string&) { return Action{http("ok"), Then::close}; });
  Client client(keep_line);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(post(client).outcome, Outcome::answered);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, GoesOnAfterARestartOfTheService) {
  const auto behaviour = [](const std::string&) { return Action{http("ok")}; };
  Client client(keep_line);
  for (int i = 0; i < 5; ++i) {
    const UnixServer server(path_, behaviour);
    ASSERT_EQ(post(client).outcome, Outcome::answered);
    ASSERT_EQ(post(client).outcome, Outcome::answered);
  }
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, RetriesOnceOnlyWhenAKeptConnectionDiesUnderTheRequest) {
  std::atomic<int> seen{0};
  // Reads the second request on the kept connection, then closes without a byte.
  UnixServer server(path_, [&](const std::string&) { return ++seen == 2 ? Action{"", Then::close} : Action{http("ok")}; });
  Client client(keep_line);
  ASSERT_EQ(post(client).outcome, Outcome::answered);
  ASSERT_EQ(post(client).outcome, Outcome::answered);
  EXPECT_EQ(seen, 3);
  EXPECT_TRUE(log_lines.empty());
}

TEST_F(ClientTest, ProbesAfterTheBackoffAndSaysHowManyWentWithout) {
  Client client(keep_line);
  Exchange exchange;
  exchange.socket_path = path_;
  exchange.path = "/v1/admissions";
  exchange.body = "{}";
  exchange.deadline = 500ms;
  exchange.probe = 500ms;
  exchange.backoff = {0s, 0s};  // every following call is a probe
  EXPECT_EQ(client.post(exchange).outcome, Outcome::unreachable);
  EXPECT_EQ(client.post(exchange).outcome, Outcome::unreachable);
  UnixServer server(path_, [](const std::string&) { return Action{http("ok")}; });
  EXPECT_EQ(client.post(exchange).outcome, Outcome::answered);
  EXPECT_EQ(client.post(exchange).outcome, Outcome::answered);
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
    threads.emplace_back([&] { (post(client, "{}", 100ms).outcome == Outcome::skipped ? skipped : waited) += 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_EQ(skipped + waited, 16);
  EXPECT_EQ(log_lines.size(), 1U);
}

TEST_F(ClientTest, AWaiterQueuedForAHandleLooksAtTheBreakerAgain) {
  std::atomic<int> arrived{0};
  UnixServer server(path_, [&](const std::string&) {
    ++arrived;
    return Action{"", Then::hang};
  });
  Client client(keep_line, 1);
  Outcome queued = Outcome::answered;
  std::thread first([&] { EXPECT_EQ(post(client, "{}", 150ms).outcome, Outcome::timed_out); });
  while (arrived == 0) std::this_thread::yield();  // the only handle is taken
  std::thread second([&] { queued = post(client, "{}", 10000ms).outcome; });
  first.join();
  second.join();
  EXPECT_EQ(queued, Outcome::skipped);
  EXPECT_EQ(arrived, 1);
}

TEST_F(ClientTest, ServesManyThreadsWithBoundedConnections) {
  UnixServer server(path_, [](const std::string& body) { return Action{http(body)}; });
  Client client(keep_line, 3);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const std::string body = std::to_string(i * 1000 + k);
        const Reply reply = post(client, body, 10000ms);
        right += reply.outcome == Outcome::answered && reply.body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(server.connections(), 3);
}

TEST_F(ClientTest, LeavesNoSocketToAProgramThatIsRunByExec) {
  UnixServer server(path_, [](const std::string&) { return Action{http("ok")}; });
  Client client(keep_line);
  ASSERT_EQ(post(client).outcome, Outcome::answered);
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

TEST_F(ClientTest, IgnoresProxiesOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
  UnixServer server(path_, [](const std::string&) { return Action{http("ok")}; });
  Client client(keep_line);
  EXPECT_EQ(post(client).outcome, Outcome::answered);
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

TEST_F(ClientTest, ExchangesInMicrosecondsNotMilliseconds) {
  UnixServer server(path_, [](const std::string&) { return Action{http(R"({"v":1,"action":"admit"})")}; });
  Client client(keep_line);
  const std::string body(800, 'x');
  std::vector<double> us;
  for (int i = 0; i < 3000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(post(client, body).outcome, Outcome::answered);
    us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(us.begin(), us.end());
  RecordProperty("p50_us", static_cast<int>(us[us.size() / 2]));
  RecordProperty("p99_us", static_cast<int>(us[us.size() * 99 / 100]));
  EXPECT_LT(us[us.size() / 2], 2000) << "a connection per exchange, or a delayed answer, would show here";
}

}  // namespace
}  // namespace sluice::client
