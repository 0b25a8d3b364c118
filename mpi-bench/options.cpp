// SPDX-License-Identifier: Apache-2.0

#include "mpi-bench/options.hpp"

#include <CLI/CLI.hpp>

namespace sluice::linkbench {
namespace {

constexpr std::size_t size_bytes_max = std::size_t{64} << 20;
constexpr std::size_t iterations_max = 10'000'000;

constexpr const char* usage = "usage: sluice-linkbench latency [--sizes BYTES[,BYTES...]] [--iterations N] [--warm-up N]\n";

}  // namespace

Parsed parse_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"Measures the links between the hosts of an MPI job. Start it with mpirun or srun, one rank per host."};
  app.name("sluice-linkbench");
  app.require_subcommand(1);
  CLI::App* latency = app.add_subcommand("latency", "Round trips between rank 0 and every other rank, one pair at a time");
  latency->add_option("--sizes", options.sizes_bytes, "Bytes of a message each way (0,8,1024,65536)")
      ->delimiter(',')->check(CLI::Range(std::size_t{0}, size_bytes_max))->type_name("BYTES,...");
  latency->add_option("--iterations", options.iterations, "Timed round trips per pair and size (1000)")
      ->check(CLI::Range(std::size_t{1}, iterations_max))->type_name("N");
  latency->add_option("--warm-up", options.warm_up, "Round trips before, that count nowhere (100)")
      ->check(CLI::Range(std::size_t{0}, iterations_max))->type_name("N");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, app.help() + (latency->parsed() ? "" : "\n" + latency->help()), 0};
  } catch (const CLI::ParseError& problem) {
    return {std::nullopt, std::string("sluice-linkbench: ") + problem.what() + "; see --help\n" + usage, 2};
  }
  return {options, {}, 0};
}

}  // namespace sluice::linkbench
