// SPDX-License-Identifier: Apache-2.0
//
// What it costs to ask a service on this host a question of the size of an admission:
// over packets, as the plugin does ("ours"), and over HTTP with libcurl and libmicrohttpd
// ("other"). The service is a process of its own and answers at once. Between two
// questions the asking thread touches memory, as slurmctld does between two submissions.
// `scripts/bench exchange` runs it.

#include <curl/curl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "accounting/service/http_listener.hpp"
#include "accounting/service/packet_listener.hpp"
#include "plugins/client/packet_transfer.hpp"
#include "tests/bench/elsewhere.hpp"
#include "tests/unit/plugins/unix_server.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using sluice::bench::Elsewhere;
using sluice::client::PacketTransfer;

constexpr std::size_t request_bytes = 900;
constexpr std::size_t answer_bytes = 500;

/// Serves both sockets until it is killed.
[[noreturn]] void serve(const std::string& packet_path, const std::string& http_path, int ready) {
  using namespace sluice::service;
  const std::string answer(answer_bytes, 'a');
  const auto packets = listen_packets(packet_path, {::geteuid()});
  if (!packets.ok()) _exit(1);
  const auto packet_listener =
      PacketListener::start(*packets, {::geteuid()}, {}, [&](std::string_view, const PacketListener::Reply& reply) { reply({200, answer}); });
  const auto http_listener = HttpListener::start(sluice::test::listen_at(http_path, SOCK_STREAM | SOCK_NONBLOCK, 16), {},
                                                 [&](const HttpRequest&) { return HttpResponse{200, answer}; });
  if (!packet_listener.ok() || !http_listener.ok() || ::write(ready, "r", 1) != 1) _exit(1);
  for (;;) pause();
}

/// The service in its own process, which ends with this.
class Server {
 public:
  Server(const std::string& packet_path, const std::string& http_path) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("couldn't make a pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("couldn't start the service");
    if (pid_ == 0) serve(packet_path, http_path, ready[1]);
    ::close(ready[1]);
    char letter = 0;
    const bool is_ready = ::read(ready[0], &letter, 1) == 1;
    ::close(ready[0]);
    if (!is_ready) throw std::runtime_error("the service didn't start");
  }
  ~Server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  pid_t pid_ = -1;
};

class HttpClient {
 public:
  explicit HttpClient(const std::string& socket) : curl_(curl_easy_init()) {
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, 1000L);
    curl_easy_setopt(curl_, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(curl_, CURLOPT_URL, "http://localhost/v1/admissions");
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* to) {
      static_cast<std::string*>(to)->append(data, size * count);
      return size * count;
    });
  }
  ~HttpClient() {
    curl_easy_cleanup(curl_);
    curl_slist_free_all(headers_);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  std::size_t ask(const std::string& request) {
    std::string answer;
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, request.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
    return curl_easy_perform(curl_) == CURLE_OK ? answer.size() : 0;
  }

 private:
  CURL* curl_;
  curl_slist* headers_ = nullptr;
};

double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

struct Load {
  int count = 2000;
  int blocks = 5;
};

/// p50 and p99 of every block of one side.
struct Side {
  std::function<std::size_t()> ask;  ///< gives the answer's size
  std::vector<double> p50{}, p99{};

  void run_block(int count, Elsewhere& elsewhere) {
    std::vector<double> micros;
    for (int i = 0; i < count; ++i) {
      elsewhere.work();
      const auto start = Clock::now();
      if (ask() != answer_bytes) throw std::runtime_error("a wrong answer came");
      micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    p50.push_back(percentile(micros, 0.5));
    p99.push_back(percentile(micros, 0.99));
  }
};

void add_rows(nlohmann::json& rows, const Load& load, std::size_t cold_bytes, Side ours, Side other) {
  Elsewhere elsewhere(cold_bytes);
  Side* const turns[] = {&ours, &other};
  for (int block = 0; block < load.blocks; ++block) {
    for (const int turn : {0, 1}) turns[(block + turn) % 2]->run_block(load.count, elsewhere);
  }
  const std::string between = cold_bytes == 0 ? "hot" : std::to_string(cold_bytes >> 10) + " KiB touched in between";
  const auto row = [&](const std::string& what, const std::vector<double>& mine, const std::vector<double>& theirs) {
    const double a = percentile(mine, 0.5);
    const double b = percentile(theirs, 0.5);
    rows.push_back({{"what", what + ", " + between}, {"ours", a}, {"other", b}, {"unit", "us"}, {"ratio", a / b}, {"n", load.count * load.blocks}});
  };
  row("p50", ours.p50, other.p50);
  row("p99", ours.p99, other.p99);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  std::vector<std::size_t> cold_bytes{0, 2 << 20, 8 << 20};
  CLI::App app("Exchanges with a service on this host, over packets and over HTTP");
  app.add_option("--count", load.count, "exchanges per block")->check(CLI::Range(10, 1'000'000));
  app.add_option("--blocks", load.blocks, "blocks of each side, taking turns")->check(CLI::Range(1, 1000));
  app.add_option("--cold", cold_bytes, "bytes touched between two exchanges")->check(CLI::Range(0, 1 << 28));
  CLI11_PARSE(app, argc, argv);
  try {
    const sluice::test::ScratchFolder folder;
    const std::string packet_path = folder / "packets";
    const std::string http_path = folder / "http";
    const Server server(packet_path, http_path);
    const std::string request(request_bytes, 'q');
    PacketTransfer packets;
    HttpClient http(http_path);
    const Side ours{[&] { return packets.exchange(packet_path, request, Clock::now() + std::chrono::seconds(1)).body.size(); }};
    const Side other{[&] { return http.ask(request); }};
    nlohmann::json rows = nlohmann::json::array();
    for (const std::size_t bytes : cold_bytes) add_rows(rows, load, bytes, ours, other);
    std::cout << nlohmann::json{{"rows", rows}, {"request_bytes", request_bytes}, {"answer_bytes", answer_bytes}}.dump() << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "exchange_bench: " << problem.what() << '\n';
    return 1;
  }
}
