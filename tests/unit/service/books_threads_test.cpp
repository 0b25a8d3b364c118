// SPDX-License-Identifier: Apache-2.0
//
// Goal: however many threads ask at once, no voucher is overspent, no job is
// charged twice and nobody sees books that don't balance. Method: eight threads of
// submitters, settlers, sweepers, refunders and readers on one small voucher. Also
// prints what a call costs, as information.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "accounting/service/books.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using nlohmann::json;
using test::World;

TEST(BooksThreads, NobodyOverspendsAVoucher) {
  World world;
  ASSERT_TRUE(world.programme("P", {{"share", "1"}}).ok());
  ASSERT_TRUE(world.fund("P", "1000").ok());
  ASSERT_TRUE(world.voucher("V", {{"face", "40"}}).ok());
  Books& books = world.books();
  const UnixTime start = world.now;
  std::atomic<UnixTime> clock{start};
  std::atomic<int> admitted{0};
  std::atomic<int> refused{0};
  std::atomic<int> submitting{4};
  std::mutex finished_mutex;
  std::vector<slurm::UsageRecord> finished;
  std::atomic<std::uint32_t> next_id{1000};
  constexpr int jobs_each = 150;

  const auto submitter = [&] {
    for (int i = 0; i < jobs_each; ++i) {
      const auto request = world.request({{"time", "60"}, {"cpus", "1"}, {"voucher", "V"}});
      const Answer answer = books.admit(request, world.facts(), clock);
      ++(answer.admit ? admitted : refused);
      if (!answer.admit) continue;
      // Some run twice as long as they said, some never start.
      auto record = world.record("none", {{"id", std::to_string(++next_id)}, {"cpus", "1"}, {"elapsed", i % 7 == 0 ? "0" : i % 5 == 0 ? "7200" : "1800"}});
      record.submit = start;
      record.end = start + 3600;
      if (record.start) record.start = start;
      record.admin_comment = answer.admin_comment.value_or("");
      const std::lock_guard lock(finished_mutex);
      finished.push_back(record);
    }
    --submitting;
  };
  const auto settler = [&] {
    while (submitting > 0) {
      std::vector<slurm::UsageRecord> some;
      {
        const std::lock_guard lock(finished_mutex);
        some = finished;  // again and again all of them, as an overlapping window brings
      }
      ASSERT_TRUE(books.settle(some, clock).ok());
    }
  };
  const auto reader = [&] {
    while (submitting > 0) {
      const auto auditor = World::caller("auditor");
      const auto voucher = books.view_voucher(auditor, "V", world.facts(), start);
      const auto micro = [&](const char* part) { return parse_money(voucher->at(part).get<std::string>())->micro; };
      EXPECT_EQ(micro("available") + micro("liens") + micro("used"), 40'000'000);
      EXPECT_GE(micro("available"), 0);
      const auto verified = books.verify();
      ASSERT_TRUE(verified.ok());
      EXPECT_EQ(verified->at("problems").dump(), "[]");
      (void)books.view_statement(auditor, {}, world.facts(), start);
      (void)books.view_job(auditor, 1001, std::nullopt, world.facts(), start);
      books.set_config(books.config());
    }
  };
  const auto sweeper = [&] {
    slurm::LiveCluster cq{"cq", true, "", start, {}};
    slurm::LiveCluster hami{"hami", true, "", start, {}};
    int round = 0;
    while (submitting > 0) {
      ASSERT_TRUE(books.sweep({cq, hami}, clock).ok());
      ASSERT_TRUE(books.expire(clock).ok());
      ASSERT_TRUE(books.settle_unrated(clock).ok());
      const auto refunded = books.refund(World::caller("cashier"), {{"request_id", "refund-" + std::to_string(++round)}, {"job_id", 1002}, {"amount", "0.000001"},
                                                                    {"reason", "r"}}, clock);
      const std::string code = refunded.ok() ? "ok" : refunded.failure().code;
      EXPECT_TRUE(code == "ok" || code == "charge_unknown" || code == "refund_above_charge") << code;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(submitter);
  for (int i = 0; i < 2; ++i) threads.emplace_back(settler);
  threads.emplace_back(reader);
  threads.emplace_back(sweeper);
  for (auto& thread : threads) thread.join();

  ASSERT_TRUE(books.settle(finished, start).ok());
  EXPECT_EQ(admitted + refused, 4 * jobs_each);
  EXPECT_GT(refused, 0) << "the voucher was too small for all";
  EXPECT_EQ(books.counts()["open_liens"], 0);
  EXPECT_EQ(books.counts()["open_admissions"], 0);
  std::size_t charged = 0;
  Money by_voucher;
  ASSERT_TRUE(world.storage().charges({}, [&](ledger::ChargeRow&& row) {
    ++charged;
    by_voucher = by_voucher + row.by_voucher;
    return true;
  }).ok());
  EXPECT_EQ(charged, finished.size());
  EXPECT_LE(by_voucher, Money{41'000'000}) << "what was refunded may be used again";
  const auto verified = books.verify();
  EXPECT_EQ(verified->at("problems").dump(), "[]");
  world.restart();
  EXPECT_EQ(world.books().verify()->at("problems").dump(), "[]");
}

/// One charge many times over: what years of jobs look like to a reader.
class ManyCharges final : public ledger::Storage {
 public:
  ManyCharges(std::unique_ptr<ledger::Storage> real, const std::size_t& times) : real_(std::move(real)), times_(times) {}
  Result<ledger::Snapshot> load() override { return real_->load(); }
  Result<void> append(const ledger::Batch& batch) override { return real_->append(batch); }
  Result<void> is_writable() override { return real_->is_writable(); }
  void append_soon(ledger::NewAdmission admission) override { real_->append_soon(std::move(admission)); }
  Result<void> append_logged(ledger::NewAdmission admission) override { return real_->append_logged(std::move(admission)); }
  Result<void> flush() override { return real_->flush(); }
  Result<void> sync() override { return real_->sync(); }
  Result<std::optional<ledger::Object>> object(const std::string& kind, const std::string& id) override { return real_->object(kind, id); }
  Result<std::optional<ledger::Document>> document(const std::string& sha256) override { return real_->document(sha256); }
  Result<std::optional<ledger::AdmissionRow>> admission(const std::string& id) override { return real_->admission(id); }
  Result<void> charges(const ledger::ChargeQuery& query, const std::function<bool(ledger::ChargeRow&&)>& each) override {
    return real_->charges(query, [&](ledger::ChargeRow&& row) {
      for (std::size_t i = 0; i < times_; ++i) {
        if (!each(ledger::ChargeRow{row})) return false;
      }
      return true;
    });
  }
  Result<std::vector<ledger::TagRow>> tags_due(std::int64_t limit) override { return real_->tags_due(limit); }
  Result<ledger::Snapshot> audit(const std::function<void(ledger::Event&&)>& each, const std::function<void(ledger::ChargeRow&&)>& each_charge) override {
    return real_->audit(each, each_charge);
  }

 private:
  std::unique_ptr<ledger::Storage> real_;
  const std::size_t& times_;
};

TEST(BooksThreads, ALongStatementKeepsNoAdmissionWaiting) {
  using Clock = std::chrono::steady_clock;
  std::size_t times = 1;
  World world([&](std::unique_ptr<ledger::Storage> real) { return std::make_unique<ManyCharges>(std::move(real), times); });
  ASSERT_TRUE(world.books().settle({world.record("none", {{"id", "1000"}, {"cpus", "4"}, {"elapsed", "3600"}})}, world.now).ok());
  const auto auditor = World::caller("auditor");
  ASSERT_EQ(world.books().view_statement(auditor, {}, world.facts(), world.now)->at("lines").size(), 1U);

  times = statement_lines_max + 1;
  const auto refused = world.books().view_statement(auditor, {}, world.facts(), world.now);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.failure().code, "statement_too_long");
  EXPECT_NE(refused.failure().text.find("name a shorter period"), std::string::npos);

  times = 20'000;
  std::atomic<bool> reading{true};
  Clock::duration statement{};
  std::thread reader([&] {
    const auto before = Clock::now();
    EXPECT_EQ(world.books().view_statement(auditor, {}, world.facts(), world.now)->at("lines").size(), times);
    statement = Clock::now() - before;
    reading = false;
  });
  Clock::duration waited_longest{};
  while (reading) {
    const auto before = Clock::now();
    (void)world.books().collected_to();  // as brief as any use of the books
    waited_longest = std::max(waited_longest, Clock::now() - before);
  }
  reader.join();
  // A share of it, as a busy machine makes both longer; held throughout it would be more than half.
  EXPECT_LT(waited_longest, statement / 4);
}

TEST(BooksThreads, FiguresForInformation) {
  using Clock = std::chrono::steady_clock;
  World world;
  ASSERT_TRUE(world.programme("P", {}).ok());
  ASSERT_TRUE(world.fund("P", "1000000").ok());
  ASSERT_TRUE(world.voucher("V", {{"face", "1000000"}}).ok());
  constexpr int jobs = 3000;
  std::vector<AdmissionRequest> requests;
  std::vector<slurm::UsageRecord> records;
  for (int i = 0; i < jobs; ++i) {
    char nonce[33];
    std::snprintf(nonce, sizeof nonce, "%032d", i);
    requests.push_back(world.request({{"time", "60"}, {"cpus", "4"}, {"voucher", "V"}, {"nonce", nonce}}));
    records.push_back(world.record("none", {{"id", std::to_string(1000 + i)}, {"cpus", "4"}, {"elapsed", "3600"}}));
  }
  std::vector<double> each;
  for (int i = 0; i < jobs; ++i) {
    const auto before = Clock::now();
    const Answer answer = world.books().admit(requests[i], world.facts(), world.now);
    each.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
    ASSERT_TRUE(answer.admit);
    records[i].admin_comment = answer.admin_comment.value_or("");
  }
  std::sort(each.begin(), each.end());
  const auto before = Clock::now();
  ASSERT_TRUE(world.books().settle(records, world.now).ok());
  const double settled = std::chrono::duration<double, std::micro>(Clock::now() - before).count() / jobs;
  const auto again = Clock::now();
  ASSERT_TRUE(world.books().settle(records, world.now).ok());
  const double known = std::chrono::duration<double, std::micro>(Clock::now() - again).count() / jobs;
  std::printf("admit: p50 %.0f us, p99 %.0f us, max %.0f us; settle: %.0f us a job, %.0f us one that is known (n = %d)\n", each[jobs / 2],
              each[jobs * 99 / 100], each.back(), settled, known, jobs);
}

}  // namespace
}  // namespace sluice::service
