// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/report.hpp"

#include <nlohmann/json.hpp>

namespace sluice::linkbench {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// Whole nanoseconds as microseconds; exact, as a double holds far more digits.
double microseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000; }

}  // namespace

Report::Report(std::ostream& out, const Context& context, const Options& options) : out_(out) {
  const ordered_json head = {{"date", context.date},
                             {"mpi", context.mpi},
                             {"hosts", context.hosts},
                             {"clock_step_ns", context.clock_step_ns},
                             {"iterations", options.iterations},
                             {"warm_up", options.warm_up},
                             {"sizes_bytes", options.sizes_bytes},
                             {"measure", "round trip of one message each way; warm-up excluded"}};
  out_ << "{\"bench\": \"linkbench latency\",\n \"context\": " << text_of(head) << ",\n \"rows\": [" << std::flush;
}

void Report::add(const Row& row) {
  const Summary& s = row.round_trip_ns;
  const ordered_json line = {{"source", row.pair.source}, {"target", row.pair.target}, {"bytes", row.bytes},
                             {"unit", "us"},              {"min", microseconds(s.min)}, {"p50", microseconds(s.p50)},
                             {"p99", microseconds(s.p99)}, {"max", microseconds(s.max)}, {"n", s.n},
                             {"damaged", row.damaged}};
  out_ << (has_row_ ? ",\n  " : "\n  ") << text_of(line) << std::flush;
  has_row_ = true;
}

void Report::complete() { out_ << "],\n \"complete\": true}\n" << std::flush; }

}  // namespace sluice::linkbench
