// SPDX-License-Identifier: Apache-2.0
//
// What sluiced itself spends on one admission: the books with SQLite on a real disk,
// without a socket, Slurm or another thread. `scripts/bench admit` runs it.
//
// Nothing is synced in the timed part, as in the service, where a thread of its own does
// that after the answers; BM_sync says what that thread waits for.

#include <benchmark/benchmark.h>

#include "accounting/service/admission_request.hpp"
#include "accounting/service/appraisal.hpp"
#include "tests/bench/bench_books.hpp"

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
