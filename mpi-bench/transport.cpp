// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/transport.hpp"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>

#include "mpi-bench/payload.hpp"

namespace sluice::linkbench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int tag_turn = 1;
constexpr int tag_data = 2;
constexpr int tag_damaged = 3;

std::int64_t nanoseconds(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

int count_of(std::span<const std::byte> buffer) { return static_cast<int>(buffer.size()); }

/// MPI's own waiting takes a whole processor; one that waits for minutes sleeps.
void wait_for_turn(int source) {
  int there = 0;
  for (;;) {
    MPI_Iprobe(source, tag_turn, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    if (there != 0) break;
    usleep(1000);
  }
  MPI_Recv(nullptr, 0, MPI_BYTE, source, tag_turn, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/// Before it is timed each message is filled and after it is timed it is checked. The
/// target sends it back first and checks it then, while the source does both.
Measured run_source(const Exchange& exchange, std::span<std::byte> sent, std::span<std::byte> received) {
  const int target = exchange.pair.target;
  Measured measured;
  measured.round_trips_ns.reserve(exchange.iterations);
  MPI_Send(nullptr, 0, MPI_BYTE, target, tag_turn, MPI_COMM_WORLD);
  for (std::size_t i = 0; i < exchange.warm_up + exchange.iterations; ++i) {
    fill_payload(sent, i);
    std::fill(received.begin(), received.end(), std::byte{});
    const auto begin = Clock::now();
    MPI_Send(sent.data(), count_of(sent), MPI_BYTE, target, tag_data, MPI_COMM_WORLD);
    MPI_Recv(received.data(), count_of(received), MPI_BYTE, target, tag_data, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    const auto end = Clock::now();
    if (!is_payload(received, i)) ++measured.damaged;
    if (i >= exchange.warm_up) measured.round_trips_ns.push_back(nanoseconds(end - begin));
  }
  unsigned long long damaged_there = 0;
  MPI_Recv(&damaged_there, 1, MPI_UNSIGNED_LONG_LONG, target, tag_damaged, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  measured.damaged += damaged_there;
  return measured;
}

void run_target(const Exchange& exchange, std::span<std::byte> buffer) {
  const int source = exchange.pair.source;
  unsigned long long damaged = 0;
  wait_for_turn(source);
  for (std::size_t i = 0; i < exchange.warm_up + exchange.iterations; ++i) {
    MPI_Recv(buffer.data(), count_of(buffer), MPI_BYTE, source, tag_data, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Send(buffer.data(), count_of(buffer), MPI_BYTE, source, tag_data, MPI_COMM_WORLD);
    if (!is_payload(buffer, i)) ++damaged;
  }
  MPI_Send(&damaged, 1, MPI_UNSIGNED_LONG_LONG, source, tag_damaged, MPI_COMM_WORLD);
}

}  // namespace

Transport::Transport(int& argc, char**& argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
}

Transport::~Transport() { MPI_Finalize(); }

std::vector<std::string> Transport::hosts() const {
  std::array<char, MPI_MAX_PROCESSOR_NAME> own{};
  int length = 0;
  MPI_Get_processor_name(own.data(), &length);
  std::vector<char> all(rank_ == 0 ? own.size() * static_cast<std::size_t>(ranks_) : 0);
  MPI_Gather(own.data(), static_cast<int>(own.size()), MPI_CHAR, all.data(), static_cast<int>(own.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
  std::vector<std::string> names;
  for (std::size_t at = 0; at < all.size(); at += own.size()) names.emplace_back(all.data() + at);
  return names;
}

std::string Transport::library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data());
  return whole.substr(0, whole.find_first_of(",\n"));
}

Measured Transport::ping_pong(const Exchange& exchange) const {
  if (rank_ != exchange.pair.source && rank_ != exchange.pair.target) return {};
  std::vector<std::byte> first(exchange.bytes);
  if (rank_ == exchange.pair.target) {
    run_target(exchange, first);
    return {};
  }
  std::vector<std::byte> second(exchange.bytes);
  return run_source(exchange, first, second);
}

bool Transport::agree(bool value) const {
  int shared = value ? 1 : 0;
  MPI_Bcast(&shared, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return shared != 0;
}

std::int64_t clock_step_ns() {
  std::int64_t step = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 1000; ++i) {
    const auto begin = Clock::now();
    auto end = Clock::now();
    while (end == begin) end = Clock::now();
    step = std::min(step, nanoseconds(end - begin));
  }
  return step;
}

}  // namespace sluice::linkbench
