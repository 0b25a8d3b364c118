// SPDX-License-Identifier: Apache-2.0
//
// The only code that calls MPI. One thread; every call is made by all ranks alike
// unless it says otherwise. An MPI error ends the job: MPI's own default.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mpi-bench/schedule.hpp"

namespace sluice::linkbench {

struct Exchange {
  Pair pair;
  std::size_t bytes = 0;
  std::size_t iterations = 0;
  std::size_t warm_up = 0;
};

struct Measured {
  std::vector<std::int64_t> round_trips_ns;  ///< at the pair's source; empty elsewhere
  std::size_t damaged = 0;                   ///< messages that were not what was sent; at the source, of both
};

/// MPI from its start to its end.
class Transport {
 public:
  Transport(int& argc, char**& argv);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int ranks() const { return ranks_; }
  /// Of every rank, in their order; empty but on rank 0.
  [[nodiscard]] std::vector<std::string> hosts() const;
  [[nodiscard]] static std::string library();

  /// Only the two of the pair take part; the others return at once.
  [[nodiscard]] Measured ping_pong(const Exchange& exchange) const;

  /// Rank 0's value, on every rank.
  [[nodiscard]] bool agree(bool value) const;

 private:
  int rank_ = 0;
  int ranks_ = 1;
};

/// The smallest step between two readings of the clock that times round trips.
[[nodiscard]] std::int64_t clock_step_ns();

}  // namespace sluice::linkbench
