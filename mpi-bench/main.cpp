// SPDX-License-Identifier: Apache-2.0
//
// sluice-linkbench: measures the links between the hosts of an MPI job.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "mpi-bench/options.hpp"
#include "mpi-bench/report.hpp"
#include "mpi-bench/schedule.hpp"
#include "mpi-bench/stats.hpp"
#include "mpi-bench/transport.hpp"

namespace {

using namespace sluice::linkbench;

/// Before MPI runs, only its launcher knows the ranks; one of them speaks for all.
bool speaks() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    const char* rank = std::getenv(name);
    if (rank != nullptr) return std::string(rank) == "0";
  }
  return true;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Row measure(const Transport& transport, const Options& options, Pair pair, std::size_t bytes) {
  Measured measured = transport.ping_pong({pair, bytes, options.iterations, options.warm_up});
  return {pair, bytes, summarize(std::move(measured.round_trips_ns)), measured.damaged};
}

/// Rank 0's part: it is in every pair, measures and reports. Returns whether all payloads were whole.
bool lead(const Transport& transport, const Options& options, const Context& context) {
  const auto pairs = star_schedule(transport.ranks());
  Report report(std::cout, context, options);
  bool whole = true;
  for (const Pair pair : pairs) {
    std::fprintf(stderr, "sluice-linkbench: rank %d of %zu: %s\n", pair.target, pairs.size(),
                 context.hosts[static_cast<std::size_t>(pair.target)].c_str());
    for (const std::size_t bytes : options.sizes_bytes) {
      const Row row = measure(transport, options, pair, bytes);
      whole = whole && row.damaged == 0;
      report.add(row);
    }
  }
  report.complete();
  return whole;
}

void follow(const Transport& transport, const Options& options) {
  for (const Pair pair : star_schedule(transport.ranks())) {
    for (const std::size_t bytes : options.sizes_bytes) (void)measure(transport, options, pair, bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Parsed parsed = parse_options(argc, argv);
  if (!parsed.options) {
    if (speaks()) std::fputs(parsed.text.c_str(), parsed.status == 0 ? stdout : stderr);
    return parsed.status;
  }
  const Transport transport(argc, argv);
  if (transport.ranks() < 2) {
    std::fputs("sluice-linkbench: couldn't measure: there is one rank; start two or more, "
               "such as: mpirun -n 2 sluice-linkbench latency\n", stderr);
    return 2;
  }
  const Context context{utc_now(), Transport::library(), transport.hosts(), clock_step_ns()};
  bool whole = true;
  if (transport.rank() == 0) {
    whole = lead(transport, *parsed.options, context);
  } else {
    follow(transport, *parsed.options);
  }
  return transport.agree(whole) ? 0 : 1;
}
