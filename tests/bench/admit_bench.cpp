// SPDX-License-Identifier: Apache-2.0
//
// What sluiced itself spends on one admission: the books with SQLite on a real disk,
// without a socket, Slurm or another thread. `scripts/bench admit` runs it.
//
// Nothing is synced in the timed part, as in the service, where a thread of its own does
// that after the answers; BM_sync says what that thread waits for.

#include <benchmark/benchmark.h>

#include <chrono>
#include <stdexcept>

#include "accounting/service/admission_request.hpp"
#include "accounting/service/appraisal.hpp"
#include "tests/bench/bench_books.hpp"
#include "tests/bench/elsewhere.hpp"

namespace sluice::bench {
namespace {

/// Request text in, answer text out; the argument says whether a voucher pays.
void BM_admit(benchmark::State& state) {
  BenchBooks world(1);
  const std::string voucher = state.range(0) != 0 ? voucher_id(1) : "";
  std::int64_t done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    // What the service's sync thread does after each 100 ms of answers, so that the log stays as short as there.
    if (++done % 40 == 0) need(world.storage().sync());
    const std::string text = request_text(voucher);
    state.ResumeTiming();
    std::string out = to_text(world.admit(text));
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_admit)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

/// As above on a processor that did other things in between, as slurmctld's has: until the answer is
/// known, or from there until all is kept.
void BM_admit_after_other_work(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  BenchBooks world(1);
  Elsewhere elsewhere(8 << 20);
  std::int64_t done = 0;
  for (auto _ : state) {
    if (++done % 40 == 0) need(world.storage().sync());
    const std::string text = request_text(voucher_id(1));
    elsewhere.work();
    const auto asked = Clock::now();
    Clock::time_point told;
    const auto request = need(service::admission_request_from_text(text));
    (void)world.books().admit(request, world.facts(), now, [&](const service::Answer& answer) {
      std::string out = to_text(answer);
      benchmark::DoNotOptimize(out);
      told = Clock::now();
    });
    const auto kept = Clock::now();
    if (told == Clock::time_point{}) throw std::runtime_error("it was kept before it was answered");
    const auto took = state.range(0) == 0 ? told - asked : kept - told;
    state.SetIterationTime(std::chrono::duration<double>(took).count());
  }
}
BENCHMARK(BM_admit_after_other_work)->Arg(0)->Arg(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

void BM_read_request(benchmark::State& state) {
  const std::string text = request_text(voucher_id(1));
  for (auto _ : state) {
    auto request = service::admission_request_from_text(text);
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(BM_read_request)->Unit(benchmark::kMicrosecond);

void BM_appraise(benchmark::State& state) {
  BenchBooks world(1);
  const auto request = need(service::admission_request_from_text(request_text(voucher_id(1))));
  const auto config = world.books().config();
  const auto prices = world.books().prices();
  for (auto _ : state) {
    auto appraisal = service::appraise({request, *config, prices.get(), world.facts().cluster(cluster_name), "root", now});
    benchmark::DoNotOptimize(appraisal);
  }
}
BENCHMARK(BM_appraise)->Unit(benchmark::kMicrosecond);

/// A sync after forty admissions: not in anybody's answer, but its disk is the service's.
void BM_sync(benchmark::State& state) {
  BenchBooks world(1);
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < 40; ++i) (void)world.admit(request_text(voucher_id(1)));
    state.ResumeTiming();
    need(world.storage().sync());
  }
}
BENCHMARK(BM_sync)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::bench

BENCHMARK_MAIN();
