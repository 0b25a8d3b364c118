// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/bench_books.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "accounting/core/digest.hpp"
#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "accounting/service/admission_request.hpp"

namespace sluice::bench {
namespace {

using nlohmann::json;

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

slurm::Inventory inventory() {
  slurm::Inventory read;
  read.cluster = cluster_name;
  read.as_of = now;
  read.memory_is_consumable = true;
  slurm::Partition partition;
  partition.name = partition_name;
  partition.is_default = true;
  partition.default_minutes = 10;
  partition.max_minutes = 1440;
  partition.def_mem_per_cpu_mb = 500;
  for (int i = 0; i < 100; ++i) {
    const std::string name = partition_name + std::to_string(i);
    read.nodes.push_back({name, 64, 256'000, 2, {}});
    partition.nodes.push_back(name);
  }
  read.partitions.push_back(std::move(partition));
  read.default_accounts["root"] = account_name;
  return read;
}

/// What two people would do with `sluice` stands ready in the file.
void fill(const std::string& file, int vouchers) {
  Programme programme;
  programme.id = "bench";
  programme.name = programme.issuer = "bench";
  programme.share = need(parse_share("0.60"));
  const Money face = need(parse_money("1000000000"));
  ledger::Batch batch;
  batch.objects = {{"programme", programme.id, to_json(programme).dump()}};
  for (int number = 1; number <= vouchers; ++number) {
    Voucher voucher;
    voucher.id = voucher_id(number);
    voucher.programme = programme.id;
    voucher.face = face;
    voucher.accounts = {account_name};
    batch.objects.push_back({"voucher", voucher.id, to_json(voucher).dump()});
    ledger::Event fund;
    fund.id = "fund/" + voucher.id;
    fund.kind = ledger::EventKind::fund;
    fund.actor = {1001, "proposer"};
    fund.approver = {1002, "approver"};
    fund.transfers = ledger::fund_transfers(programme.id, face);
    ledger::Event grant = fund;
    grant.id = "grant/" + voucher.id;
    grant.kind = ledger::EventKind::grant;
    grant.transfers = ledger::grant_transfers(programme.id, voucher.id, face);
    batch.events.insert(batch.events.end(), {fund, grant});
  }
  const auto storage = need(ledger::open_sqlite(file));
  need(storage->load());
  need(storage->append(batch));
}

}  // namespace

std::string voucher_id(int number) { return "BENCH-" + std::to_string(number); }

std::string request_text(const std::string& voucher) {
  json options = json::object();
  if (!voucher.empty()) options["voucher"] = voucher;
  const json body = {{"v", 1},
                     {"kind", "submit"},
                     {"nonce", sha256_hex(random_id("")).substr(0, 32)},
                     {"options", options},
                     {"job", {{"user_id", 0}, {"group_id", 0}, {"submit_uid", 0}, {"name", "bench"}, {"partition", partition_name},
                              {"account", account_name}, {"cluster_features", "chongqing"}, {"time_limit", 10}, {"min_cpus", 1},
                              {"interactive", false}}}};
  return body.dump();
}

BenchBooks::BenchBooks(int vouchers) {
  const char* parent = std::getenv("SLUICE_BENCH_DIR");
  folder_ = std::filesystem::path(parent != nullptr ? parent : "/var/tmp") / ("sluice-bench-" + random_id(""));
  std::filesystem::create_directories(folder_);
  fill(folder_ / "ledger.db", vouchers);
  storage_ = need(ledger::open_sqlite(folder_ / "ledger.db"));
  books_ = std::make_unique<service::Books>(*storage_, "a key of this benchmark");
  books_->set_config(std::make_shared<const service::Config>(need(service::parse_config("sluice.yaml", config_text))));
  need(books_->load(now));
  need(books_->offer_price_book("prices.yaml", price_text, {0, "root"}, now));
  facts_.set(inventory());
  facts_.warm_users(now);
}

BenchBooks::~BenchBooks() {
  books_.reset();
  storage_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

service::Answer BenchBooks::admit(const std::string& text, UnixTime at) {
  auto answer = books_->admit(need(service::admission_request_from_text(text)), facts_, at);
  if (!answer.admit) throw std::runtime_error(answer.lines.empty() ? "refused" : answer.lines.front());
  return answer;
}

}  // namespace sluice::bench
