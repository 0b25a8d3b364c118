// SPDX-License-Identifier: Apache-2.0
//
// simulate: random operations on the books by seed, against the model.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/simulation/centre.hpp"

namespace {

using namespace sluice::simulation;

/// After so many operations a new centre begins: in one that grows, restarts take ever longer.
constexpr std::uint64_t operations_per_centre = 1000;
constexpr std::uint64_t seed_max = (std::uint64_t{1} << 48) - 1;  // every tool reads such a number exactly

/// The first centre has the seed itself, so that any can be replayed alone.
std::uint64_t seed_of_centre(std::uint64_t seed, std::uint64_t number) {
  return number == 0 ? seed : Dice(seed * 1'000'003 + number).next() & seed_max;
}

/// False where a centre failed; then it is said how to see it again.
bool run(std::uint64_t seed, std::uint64_t operations, bool trace, const char* program, Tally& tally) {
  for (std::uint64_t number = 0; tally.operations < operations; ++number) {
    const std::uint64_t its_seed = seed_of_centre(seed, number);
    std::uint64_t steps = 0;
    try {
      Centre centre(its_seed, tally, trace);
      try {
        while (centre.steps() < operations_per_centre && tally.operations < operations) {
          centre.step();
          steps = centre.steps();
        }
        centre.finish();
      } catch (const Failed&) {
        steps = centre.steps();
        throw;
      }
    } catch (const Failed& failed) {
      std::fprintf(stderr, "simulate: seed %llu, step %llu: %s\nto see it again: %s --seed %llu --operations %llu --trace\n",
                   static_cast<unsigned long long>(its_seed), static_cast<unsigned long long>(steps), failed.what.c_str(), program,
                   static_cast<unsigned long long>(its_seed), static_cast<unsigned long long>(std::max<std::uint64_t>(steps, 1)));
      return false;
    }
  }
  return true;
}

nlohmann::json report(std::uint64_t seed, const Tally& tally, double seconds) {
  return {{"seed", seed},
          {"operations", tally.operations},
          {"operations_per_second", static_cast<std::int64_t>(static_cast<double>(tally.operations) / seconds)},
          {"centres", tally.worlds},
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
  std::string seed_text = "random";
  std::uint64_t operations = 100'000;
  bool trace = false;
  app.add_option("--seed", seed_text, "a number, or random (the default), which is printed");
  app.add_option("--operations", operations, "how many (100000)");
  app.add_flag("--trace", trace, "say on standard error what happens");
  CLI11_PARSE(app, count, arguments);
  std::uint64_t seed = 0;
  if (seed_text == "random") {
    seed = (std::uint64_t{std::random_device{}()} << 16 ^ std::random_device{}()) & seed_max;
  } else if (!CLI::detail::lexical_cast(seed_text, seed)) {
    std::fprintf(stderr, "simulate: --seed '%s': write a number, or random\n", seed_text.c_str());
    return 2;
  }
  std::fprintf(stderr, "simulate: seed %llu, %llu operations\n", static_cast<unsigned long long>(seed), static_cast<unsigned long long>(operations));
  Tally tally;
  const auto began = std::chrono::steady_clock::now();
  if (!run(seed, operations, trace, arguments[0], tally)) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%s\n", report(seed, tally, took.count()).dump(2).c_str());
  return 0;
}
