// SPDX-License-Identifier: Apache-2.0
//
// simulate: random operations on the books by seed, against the model.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/simulation/centre.hpp"

namespace {

using namespace sluice::simulation;

/// After so many operations a new centre begins: in one that grows, restarts take ever longer.
constexpr std::uint64_t operations_per_centre = 1000;
constexpr std::uint64_t seed_max = (std::uint64_t{1} << 48) - 1;  // every tool reads such a number exactly

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t operations = 100'000;
  bool trace = false;
  bool brief = false;
};

/// The first centre has the seed itself, so that any can be replayed alone.
std::uint64_t seed_of_centre(std::uint64_t seed, std::uint64_t number) {
  return number == 0 ? seed : Dice(seed * 1'000'003 + number).next() & seed_max;
}

/// Where the simulation is, for a check of the code under test that ends the process.
struct Place {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  const char* program = "simulate";
};
Place place;

void say_where(const char* what) {
  const std::uintmax_t step = std::max<std::uint64_t>(place.step, 1);
  std::fprintf(stderr, "simulate: seed %ju, step %ju: %s\nto see it again: %s --seed %ju --operations %ju --trace\n", std::uintmax_t{place.seed}, step, what,
               place.program, std::uintmax_t{place.seed}, step);
}

/// One centre, from its first operation to its end. False where it failed; then it is said how to see it again.
bool run_centre(std::uint64_t seed, std::uint64_t operations, bool trace, Tally& tally) {
  place.seed = seed;
  place.step = 0;
  try {
    Centre centre(seed, tally, trace);
    while (place.step < operations) {
      ++place.step;
      centre.step();
    }
    centre.finish();
    return true;
  } catch (const Failed& failed) {
    say_where(failed.what.c_str());
  } catch (const std::exception& thrown) {
    say_where(thrown.what());
  }
  return false;
}

bool run(const Options& options, Tally& tally) {
  for (std::uint64_t number = 0; tally.operations < options.operations; ++number) {
    const std::uint64_t operations = std::min(operations_per_centre, options.operations - tally.operations);
    if (!run_centre(seed_of_centre(options.seed, number), operations, options.trace, tally)) return false;
  }
  return true;
}

nlohmann::json report(const Options& options, const Tally& tally, double seconds) {
  return {{"seed", options.seed},
          {"operations", tally.operations},
          {"operations_per_second", static_cast<std::int64_t>(static_cast<double>(tally.operations) / seconds)},
          {"centres", tally.centres},
          {"process_crashes", tally.process_crashes},
          {"machine_crashes", tally.machine_crashes},
          {"entries_lost", tally.entries_lost},
          {"restarts", tally.restarts},
          {"clock_jumps", tally.clock_jumps},
          {"storage_faults", tally.storage_faults},
          {"admitted", tally.admitted},
          {"records_charged", tally.records_charged},
          {"calls", tally.calls},
          {"refusals", tally.refusals}};
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app{"Random operations on the books, with crashes, against a model. The same seed does the same."};
  Options options;
  place.program = arguments[0];
  std::signal(SIGABRT, [](int) { say_where("a check ended the process"); });
  std::string seed = "random";
  app.add_option("--seed", seed, "a number, or random (the default), which is printed");
  app.add_option("--operations", options.operations, "how many (100000)");
  app.add_flag("--trace", options.trace, "say on standard error what happens");
  app.add_flag("--brief", options.brief, "one line instead of all figures");
  CLI11_PARSE(app, count, arguments);
  if (seed == "random") {
    options.seed = (std::uint64_t{std::random_device{}()} << 16 ^ std::random_device{}()) & seed_max;
  } else if (!CLI::detail::lexical_cast(seed, options.seed)) {
    std::fprintf(stderr, "simulate: --seed '%s': write a number, or random\n", seed.c_str());
    return 2;
  }
  std::fprintf(stderr, "simulate: seed %ju, %ju operations\n", std::uintmax_t{options.seed}, std::uintmax_t{options.operations});
  Tally tally;
  const auto began = std::chrono::steady_clock::now();
  if (!run(options, tally)) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (options.brief) {
    std::printf("simulate: seed %ju: %ju operations, %ju crashes, %ju faults of the disk, all as it should be\n", std::uintmax_t{options.seed},
                std::uintmax_t{tally.operations}, std::uintmax_t{tally.process_crashes + tally.machine_crashes}, std::uintmax_t{tally.storage_faults});
  } else {
    std::printf("%s\n", report(options, tally, took.count()).dump(2).c_str());
  }
  return 0;
}
