// SPDX-License-Identifier: Apache-2.0
//
// Finished jobs from slurmdbd's records to charges on disk: found by their tags, rated, split,
// posted with all of the ledger's checks and keys, and synced ("ours"); beside it SQLite that
// only inserts the rows of the charges into one table and syncs ("other"), which is what no
// accounting on SQLite can go below. Both sides take each batch in turn. `scripts/bench settle`
// runs it.
//
// Every job was admitted before, with a lien on a voucher; that is not timed, nor is making
// the records and reading the rows for the other side.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "accounting/ledger/storage/sqlite_handle.hpp"
#include "tests/bench/bench_books.hpp"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int vouchers = 100;
constexpr int jobs_per_sync = 200;  // of admissions: as many as come between two syncs of the service at most
constexpr UnixTime run_seconds = 321;

/// One table, one statement, one transaction and one sync for each batch; no checks, no
/// second index, nothing to look up.
class PlainTable {
 public:
  explicit PlainTable(const std::string& file) : connection_(file) {
    connection_.run("PRAGMA journal_mode=WAL");
    connection_.run("PRAGMA synchronous=NORMAL");
    connection_.run("CREATE TABLE charge(key TEXT PRIMARY KEY, cluster, job_id, array_job_id, submit, start, end, user, account, "
                    "partition, state, admission, voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, "
                    "record, body) WITHOUT ROWID");
    log_fd_ = ::open((file + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
    if (log_fd_ < 0) throw std::runtime_error("couldn't open the log of " + file);
  }
  ~PlainTable() { ::close(log_fd_); }
  PlainTable(const PlainTable&) = delete;
  PlainTable& operator=(const PlainTable&) = delete;

  void insert(const std::vector<ledger::ChargeRow>& rows) {
    connection_.run("BEGIN IMMEDIATE");
    for (const auto& row : rows) {
      ledger::SqliteRun(connection_, "INSERT INTO charge VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
          .bind(row.key).bind(row.cluster).bind(std::int64_t{row.job_id}).bind(std::int64_t{row.array_job_id})
          .bind(row.submit).bind(row.start).bind(row.end).bind(row.user).bind(row.account).bind(row.partition)
          .bind(row.state).bind(row.admission).bind(row.voucher).bind(row.programme).bind(row.amount.micro)
          .bind(row.by_voucher.micro).bind(row.by_self.micro).bind(row.overrun.micro).bind(std::int64_t{row.posted})
          .bind(std::int64_t{row.rated}).bind(row.record).bind(row.body)
          .done();
    }
    connection_.run("COMMIT");
    if (::fdatasync(log_fd_) != 0) throw std::runtime_error("couldn't sync the other side's table");
  }

 private:
  ledger::SqliteConnection connection_;
  int log_fd_ = -1;
};

slurm::UsageRecord record_of(std::uint32_t job_id, UnixTime submit, std::string tag) {
  slurm::UsageRecord record;
  record.cluster = cluster_name;
  record.db_index = job_id;
  record.job_id = job_id;
  record.user = "root";
  record.account = account_name;
  record.partition = partition_name;
  record.qos = "normal";
  record.name = "bench";
  record.nodes = partition_name + std::to_string(job_id % 100);
  record.state = "COMPLETED";
  record.state_number = 3;
  record.submit = submit;
  record.eligible = submit;
  record.start = submit + 1;
  record.end = submit + 1 + run_seconds;
  record.elapsed_seconds = run_seconds;
  record.time_limit_minutes = 10;
  record.tres_alloc = {{"billing", 1}, {"cpu", 1}, {"mem", 500}, {"node", 1}};
  record.tres_req = record.tres_alloc;
  record.admin_comment = std::move(tag);
  return record;
}

/// The jobs of one cluster, one after the other.
class Jobs {
 public:
  explicit Jobs(BenchBooks& world) : world_(world) {}

  std::vector<slurm::UsageRecord> finished(std::size_t count) {
    std::vector<slurm::UsageRecord> records;
    for (std::size_t i = 0; i < count; ++i, ++next_) {
      const UnixTime submit = now + next_ / 20;
      const auto answer = world_.admit(request_text(voucher_id(1 + static_cast<int>(next_ % vouchers))), submit);
      if (!answer.admin_comment) throw std::runtime_error("an admission came without a tag");
      records.push_back(record_of(next_, submit, *answer.admin_comment));
      if (i % jobs_per_sync == 0) need(world_.storage().sync());
    }
    need(world_.storage().sync());
    return records;
  }

 private:
  BenchBooks& world_;
  std::uint32_t next_ = 100'000;
};

std::vector<ledger::ChargeRow> charges_of(ledger::Storage& storage, const std::vector<slurm::UsageRecord>& records) {
  std::vector<ledger::ChargeRow> rows;
  for (const auto& record : records) {
    ledger::ChargeQuery query;
    query.key = record.cluster + "/" + std::to_string(record.job_id) + "/" + std::to_string(record.submit);
    need(storage.charges(query, [&](ledger::ChargeRow&& row) {
      rows.push_back(std::move(row));
      return true;
    }));
  }
  if (rows.size() != records.size()) throw std::runtime_error("not every job has one charge");
  return rows;
}

/// Of this process, whatever else the machine does.
double processor_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::int64_t peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// What a person would want to know of one side: all jobs over all time, and how single batches lie apart.
struct Side {
  double seconds = 0;
  double on_processor = 0;
  std::vector<double> rates{};

  void time(std::size_t jobs, const std::function<void()>& work) {
    const auto start = Clock::now();
    const double used = processor_seconds();
    work();
    on_processor += processor_seconds() - used;
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    seconds += took;
    rates.push_back(static_cast<double>(jobs) / took);
  }
  [[nodiscard]] nlohmann::json shown(std::size_t jobs) const {
    auto sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    return {{"jobs_per_second", static_cast<double>(jobs) / seconds},
            {"processor_us_per_job", on_processor * 1e6 / static_cast<double>(jobs)},
            {"batch_min", sorted.front()},
            {"batch_median", sorted[sorted.size() / 2]},
            {"batch_max", sorted.back()}};
  }
};

nlohmann::json measure(const std::vector<std::size_t>& marks, std::size_t batch) {
  BenchBooks world(vouchers);
  PlainTable plain(world.folder() / "plain.db");
  Jobs jobs(world);
  Side ours, other;
  std::size_t done = 0;
  nlohmann::json rows = nlohmann::json::array();
  for (const std::size_t mark : marks) {
    while (done < mark) {
      const std::size_t count = std::min(batch, mark - done);
      const auto records = jobs.finished(count);
      ours.time(count, [&] {
        const auto settled = need(world.books().settle(records, records.back().submit + 3600));
        if (settled.charged != count) throw std::runtime_error("not every job was charged");
      });
      const auto charges = charges_of(world.storage(), records);
      other.time(count, [&] { plain.insert(charges); });
      done += count;
    }
    std::cerr << "settle_bench: " << done << " jobs, " << static_cast<std::int64_t>(static_cast<double>(done) / ours.seconds) << " a second\n";
    rows.push_back({{"jobs", done}, {"ours", ours.shown(done)}, {"other", other.shown(done)}, {"peak_kib", peak_kib()}});
  }
  const auto verified = need(world.books().verify());
  if (!verified.at("ok").get<bool>()) throw std::runtime_error("the ledger does not hold: " + verified.at("problems").at(0).dump());
  return rows;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  std::vector<std::size_t> marks{100'000};
  std::size_t batch = 5000;
  CLI::App app("Finished jobs rated, posted and synced, beside plain inserts of the same rows");
  app.add_option("--jobs", marks, "jobs after which figures are given, ascending")->delimiter(',')->check(CLI::Range(1, 10'000'000));
  app.add_option("--batch", batch, "records of one answer of slurmdbd")->check(CLI::Range(1, 500'000));
  CLI11_PARSE(app, argc, argv);
  std::sort(marks.begin(), marks.end());
  try {
    std::cout << nlohmann::json{{"rows", sluice::bench::measure(marks, batch)}, {"batch", batch}}.dump() << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "settle_bench: " << problem.what() << '\n';
    return 1;
  }
}
