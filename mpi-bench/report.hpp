// SPDX-License-Identifier: Apache-2.0
//
// The report: one JSON object, written piece by piece. First the context, then a row
// as soon as it is measured, last "complete": a report without it was cut short.
// Writes to the stream it is given, and nothing else.

#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "mpi-bench/options.hpp"
#include "mpi-bench/schedule.hpp"
#include "mpi-bench/stats.hpp"

namespace sluice::linkbench {

struct Context {
  std::string date;                ///< UTC, ISO 8601
  std::string mpi;                 ///< the library's own words
  std::vector<std::string> hosts;  ///< in the order of ranks
  std::int64_t clock_step_ns = 0;  ///< smallest step seen; shorter differences mean nothing
};

struct Row {
  Pair pair;
  std::size_t bytes = 0;
  Summary round_trip_ns;
  std::size_t damaged = 0;  ///< messages whose payload was not what was sent, warm-up included
};

class Report {
 public:
  /// Writes the context.
  Report(std::ostream& out, const Context& context, const Options& options);
  void add(const Row& row);
  void complete();

 private:
  std::ostream& out_;
  bool has_row_ = false;
};

}  // namespace sluice::linkbench
