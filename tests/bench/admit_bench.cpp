// SPDX-License-Identifier: Apache-2.0
//
// What sluiced itself spends on one admission: the books with SQLite on a real disk,
// without a socket, Slurm or another thread. `scripts/bench admit` runs it.
//
// The ledger lies in a fresh folder below SLUICE_BENCH_DIR (/var/tmp) and goes with
// the program. Nothing is synced in the timed part, as in the service, where a thread
// of its own does that after the answers; BM_sync says what that thread waits for.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "accounting/core/digest.hpp"
#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "accounting/service/appraisal.hpp"
#include "accounting/service/books.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;

constexpr UnixTime now = 1'780'000'000;  // in 2026

constexpr const char* config_text = R"(
role: home
cluster: cq
zone: Asia/Shanghai
mode: enforce
price_book: prices.yaml
lien_hours_max: 24
accounts: {astro: {self_pay: open}}
sites:
  - {name: cq, cluster: cq, feature: chongqing, partition: super}
)";

constexpr const char* price_text = R"(
price_book: bench-1
currency: CNY
zone: Asia/Shanghai
prices:
  - {cluster: cq, partition: super, from: 2026-01-01, per_hour: {cpu: "3.60", mem_gb: "0.36", node: "0"}}
)";

constexpr const char* voucher_id = "BENCH-1";

template <typename T>
T need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.failure().text);
  return std::move(*result);
}

void need(const Result<void>& result) {
  if (!result.ok()) throw std::runtime_error(result.failure().text);
}

slurm::Inventory inventory() {
  slurm::Inventory read;
  read.cluster = "cq";
  read.as_of = now;
  read.memory_is_consumable = true;
  slurm::Partition partition;
  partition.name = "super";
  partition.is_default = true;
  partition.default_minutes = 10;
  partition.max_minutes = 1440;
  partition.def_mem_per_cpu_mb = 500;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "super" + std::to_string(i);
    read.nodes.push_back({name, 64, 256'000, 2, {}});
    partition.nodes.push_back(name);
  }
  read.partitions.push_back(std::move(partition));
  read.default_accounts["root"] = "astro";
  return read;
}

std::string request_text(bool with_voucher) {
  json options = json::object();
  if (with_voucher) options["voucher"] = voucher_id;
  const json body = {{"v", 1},
                     {"kind", "submit"},
                     {"nonce", sha256_hex(random_id("")).substr(0, 32)},
                     {"options", options},
                     {"job", {{"user_id", 0}, {"group_id", 0}, {"submit_uid", 0}, {"name", "bench"}, {"partition", "super"},
                              {"account", "astro"}, {"cluster_features", "chongqing"}, {"time_limit", 10}, {"min_cpus", 1},
                              {"interactive", false}}}};
  return body.dump();
}

/// A service's books with one large voucher, in a folder that goes with it.
class World {
 public:
  World() {
    const char* parent = std::getenv("SLUICE_BENCH_DIR");
    folder_ = std::filesystem::path(parent != nullptr ? parent : "/var/tmp") / ("sluice-bench-" + random_id(""));
    std::filesystem::create_directories(folder_);
    fill(folder_ / "ledger.db");
    storage_ = need(ledger::open_sqlite(folder_ / "ledger.db"));
    books_ = std::make_unique<Books>(*storage_, "a key of this benchmark");
    books_->set_config(std::make_shared<const Config>(need(parse_config("sluice.yaml", config_text))));
    need(books_->load(now));
    need(books_->offer_price_book("prices.yaml", price_text, {0, "root"}, now));
    facts_.set(inventory());
    facts_.warm_users(now);
  }
  ~World() {
    books_.reset();
    storage_.reset();
    std::filesystem::remove_all(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Books& books() { return *books_; }
  SlurmFacts& facts() { return facts_; }
  ledger::Storage& storage() { return *storage_; }

 private:
  /// What two people would do with `sluice` stands ready in the file.
  static void fill(const std::string& file) {
    Programme programme;
    programme.id = "bench";
    programme.name = programme.issuer = "bench";
    programme.share = need(parse_share("0.60"));
    Voucher voucher;
    voucher.id = voucher_id;
    voucher.programme = programme.id;
    voucher.face = need(parse_money("1000000000"));
    voucher.accounts = {"astro"};
    const auto storage = need(ledger::open_sqlite(file));
    need(storage->load());
    ledger::Event fund;
    fund.id = "fund/1";
    fund.kind = ledger::EventKind::fund;
    fund.transfers = ledger::fund_transfers(programme.id, voucher.face);
    ledger::Event grant;
    grant.id = "grant/1";
    grant.kind = ledger::EventKind::grant;
    grant.transfers = ledger::grant_transfers(programme.id, voucher.id, voucher.face);
    ledger::Batch batch;
    batch.events = {fund, grant};
    batch.objects = {{"programme", programme.id, to_json(programme).dump()}, {"voucher", voucher.id, to_json(voucher).dump()}};
    need(storage->append(batch));
  }

  std::filesystem::path folder_;
  std::unique_ptr<ledger::Storage> storage_;
  std::unique_ptr<Books> books_;
  SlurmFacts facts_;
};

void admit_one(benchmark::State& state, World& world, const std::string& text) {
  const auto request = need(admission_request_from_text(text));
  const Answer answer = world.books().admit(request, world.facts(), now);
  if (!answer.admit) throw std::runtime_error(answer.lines.empty() ? "refused" : answer.lines.front());
  std::string out = to_text(answer);
  benchmark::DoNotOptimize(out);
  (void)state;
}

/// Request text in, answer text out; the argument says whether a voucher pays.
void BM_admit(benchmark::State& state) {
  World world;
  const bool with_voucher = state.range(0) != 0;
  std::int64_t done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    // What the service's sync thread does every 20 ms, so that the log stays as short as there.
    if (++done % 20 == 0) need(world.storage().sync());
    const std::string text = request_text(with_voucher);
    state.ResumeTiming();
    admit_one(state, world, text);
  }
}
BENCHMARK(BM_admit)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void BM_read_request(benchmark::State& state) {
  const std::string text = request_text(true);
  for (auto _ : state) {
    auto request = admission_request_from_text(text);
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(BM_read_request)->Unit(benchmark::kMicrosecond);

void BM_appraise(benchmark::State& state) {
  World world;
  const auto request = need(admission_request_from_text(request_text(true)));
  const auto config = world.books().config();
  const auto prices = world.books().prices();
  for (auto _ : state) {
    auto appraisal = appraise({request, *config, prices.get(), world.facts().cluster("cq"), "root", now});
    benchmark::DoNotOptimize(appraisal);
  }
}
BENCHMARK(BM_appraise)->Unit(benchmark::kMicrosecond);

/// A sync after twenty admissions: not in anybody's answer, but its disk is the service's.
void BM_sync(benchmark::State& state) {
  World world;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < 20; ++i) admit_one(state, world, request_text(true));
    state.ResumeTiming();
    need(world.storage().sync());
  }
}
BENCHMARK(BM_sync)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::service

BENCHMARK_MAIN();
