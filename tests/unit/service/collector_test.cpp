// SPDX-License-Identifier: Apache-2.0
//
// Goal: a job is known a moment after its submission, however long the collector's
// interval; no record is missed because it came late or with too many others. Method: a real Collector whose Slurm is a list that the test writes.

#include "accounting/service/collector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iterator>

#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using test::World;

class ListReader final : public slurm::Reader {
 public:
  struct Slurm {
    std::mutex mutex;
    std::vector<slurm::LiveJob> jobs;           ///< guarded by mutex
    std::vector<slurm::UsageRecord> records;    ///< guarded by mutex
    std::size_t records_max = 1000;             ///< of one answer
    std::atomic<bool> fails{false};
    std::atomic<bool> hangs{false};
    std::atomic<bool> is_slow{false};
    std::atomic<int> reads{0};
    std::atomic<int> rounds{0};
    std::atomic<bool> windows_are_empty{false};  ///< records are found by their ids only
  };
  explicit ListReader(Slurm& slurm) : slurm_(slurm) {}

  Result<std::vector<slurm::UsageRecord>> finished(const std::vector<std::string>&, UnixTime from, UnixTime to) override {
    if (slurm_.windows_are_empty) return std::vector<slurm::UsageRecord>{};
    return records([&](const slurm::UsageRecord& record) { return *record.end >= from && *record.end <= to; });
  }
  Result<std::vector<slurm::UsageRecord>> by_id(const std::string& cluster, const std::vector<std::uint32_t>& ids) override {
    return records([&](const slurm::UsageRecord& record) {
      return record.cluster == cluster && std::find(ids.begin(), ids.end(), record.job_id) != ids.end();
    });
  }
  Result<std::vector<slurm::LiveCluster>> live(const std::vector<std::string>&) override {
    ++slurm_.reads;
    while (slurm_.hangs) std::this_thread::yield();
    if (slurm_.is_slow) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    if (slurm_.fails) return fault("away");
    const std::lock_guard lock(slurm_.mutex);
    return std::vector<slurm::LiveCluster>{{"cq", true, "", 0, slurm_.jobs}, {"hami", true, "", 0, {}}};
  }
  Result<slurm::Inventory> inventory(const std::string&) override { return fault("not read here"); }
  Result<slurm::Diagnosis> diagnosis(const std::string&) override {
    ++slurm_.rounds;  // as one that fails is tried in each
    return fault("not read here");
  }
  Result<bool> tag(const slurm::TagRequest&) override { return false; }

 private:
  template <typename Wanted>
  Result<std::vector<slurm::UsageRecord>> records(Wanted wanted) {
    const std::lock_guard lock(slurm_.mutex);
    std::vector<slurm::UsageRecord> found;
    std::copy_if(slurm_.records.begin(), slurm_.records.end(), std::back_inserter(found), wanted);
    if (found.size() > slurm_.records_max) return Failure{Failure::Kind::fault, "too_many_rows", "too many"};
    return found;
  }

  Slurm& slurm_;
};

class CollectorTest : public testing::Test {
 protected:
  World world;
  Health health;
  ListReader::Slurm slurm;
  std::atomic<UnixTime> now{clock_now()};
  std::unique_ptr<Collector> collector;

  void SetUp() override { start(3600); }
  void start(std::int64_t interval_seconds) {
    auto config = std::make_shared<Config>(*parse_config("c.yaml", World::default_config()));
    config->collector.interval_seconds = interval_seconds;
    collector.reset();
    collector = std::make_unique<Collector>(Collector::Parts{
        world.facts(), health, &world.books(), [config]() -> std::shared_ptr<const Config> { return config; }, std::make_unique<ListReader>(slurm), nullptr, std::chrono::milliseconds(0),
        [this]() -> UnixTime { return now; }});
  }
  /// Several rounds, whole ones.
  void go_round(int times) {
    for (int i = 0; i < times; ++i) {
      const int before = slurm.reads;
      collector->wake();
      while (slurm.reads == before) std::this_thread::yield();
    }
  }
  /// Jobs that slurmctld held once and holds no more.
  std::vector<std::uint32_t> submit_and_lose(int count) {
    std::vector<std::uint32_t> ids;
    std::vector<slurm::LiveJob> jobs;
    world.now = now;
    for (int i = 0; i < count; ++i) {
      const std::string name = "job" + std::to_string(i);
      world.submit(name, {{"time", "60"}});
      jobs.push_back(world.live(name, {}));
      ids.push_back(jobs.back().job_id);
    }
    set_jobs(std::move(jobs));
    EXPECT_TRUE(collector->look());
    set_jobs({});
    return ids;
  }
  void set_jobs(std::vector<slurm::LiveJob> jobs) {
    const std::lock_guard lock(slurm.mutex);
    slurm.jobs = std::move(jobs);
  }
  bool is_charged(std::uint32_t id) {
    const auto job = world.books().view_job(World::caller("auditor"), id, std::nullopt, world.facts(), now);
    return job.ok() && !job->at("charge").is_null();
  }

  /// Of a job that was submitted just now.
  slurm::UsageRecord ended_of_now(std::uint32_t id) const;
  bool is_known(std::uint32_t id) {
    return world.books().view_job(World::caller("auditor"), id, std::nullopt, world.facts(), world.now).ok();
  }
};

slurm::UsageRecord ended(const World& world, std::uint32_t job_id, UnixTime end) {
  slurm::UsageRecord record = world.record("none", {{"elapsed", "60"}});
  record.job_id = job_id;
  record.submit = end - 120;
  record.start = end - 60;
  record.end = end;
  return record;
}

slurm::UsageRecord CollectorTest::ended_of_now(std::uint32_t id) const {
  slurm::UsageRecord record = ended(world, id, now + 60);
  record.submit = now;
  return record;
}

TEST_F(CollectorTest, ARecordThatComesHoursLateIsStillCharged) {
  ASSERT_TRUE(collector->look());
  collector->wake();
  while (world.books().collected_to() < clock_now() - 3600) std::this_thread::yield();
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.records = {ended(world, 900, clock_now() - 36'000)};
  }
  // Each round reads one window of the last weeks.
  for (int round = 0; round < 2000 && !is_known(900); ++round) {
    collector->wake();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(is_known(900));
}

TEST_F(CollectorTest, TheLastWeeksAreReadAgainEveryDay) {
  constexpr UnixTime day = 86'400;
  constexpr int rounds_of_a_reading = 35 * 4 + 10;
  now = world.now + 60 * day;
  go_round(rounds_of_a_reading);
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.records = {ended(world, 901, now - 34 * day), ended(world, 902, now - 37 * day)};
  }
  go_round(rounds_of_a_reading);
  EXPECT_FALSE(is_known(901)) << "once a day is enough";
  now = now + day;
  go_round(rounds_of_a_reading);
  EXPECT_TRUE(is_known(901)) << "a reading of all 35 days begins with each day";
  EXPECT_FALSE(is_known(902)) << "what is older is for an open admission to ask for";
}

TEST_F(CollectorTest, ASlurmctldWithSoManyJobsThatReadingThemTakesLongIsReadLessOften) {
  slurm.is_slow = true;
  collector.reset();
  const int before = slurm.rounds;
  const int reads_before = slurm.reads;
  start(1);
  while (slurm.rounds < before + 4) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  slurm.is_slow = false;
  EXPECT_EQ(slurm.reads, reads_before + 1) << "finished jobs are collected in every round all the same";
  EXPECT_TRUE(collector->look()) << "and who waits for a look has it now";
}

TEST_F(CollectorTest, AnOpenAdmissionIsAskedForByItsJobsId) {
  slurm.windows_are_empty = true;
  const auto ids = submit_and_lose(1);
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.records = {ended_of_now(ids.front())};
  }
  now = now + 59;
  go_round(2);
  EXPECT_FALSE(is_charged(ids.front())) << "slurmctld tells slurmdbd within seconds; there is time";
  now = now + 60;
  go_round(2);
  EXPECT_TRUE(is_charged(ids.front()));
}

TEST_F(CollectorTest, ManyIdsAreAskedForInParts) {
  slurm.windows_are_empty = true;
  const auto ids = submit_and_lose(30);
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.records_max = 10;
    for (const auto id : ids) slurm.records.push_back(ended_of_now(id));
  }
  now = now + 120;
  go_round(2);
  for (const auto id : ids) EXPECT_TRUE(is_charged(id)) << id;
}

TEST_F(CollectorTest, ATooLargeAnswerIsAskedForInParts) {
  ASSERT_TRUE(collector->look());
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.records_max = 10;
    for (std::uint32_t i = 0; i < 100; ++i) slurm.records.push_back(ended(world, 1000 + i, clock_now() - 7200 + 30 * i));
  }
  for (int round = 0; round < 2000 && !is_known(1099); ++round) {
    collector->wake();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_TRUE(is_known(1000 + i)) << i;
}

TEST_F(CollectorTest, WhoLooksFindsAJobThatWasJustSubmitted) {
  ASSERT_TRUE(collector->look());
  world.submit("a", {{"time", "60"}});
  {
    const std::lock_guard lock(slurm.mutex);
    slurm.jobs = {world.live("a", {{"state", "PENDING"}})};
  }
  EXPECT_FALSE(is_known(101));
  ASSERT_TRUE(collector->look());
  EXPECT_TRUE(is_known(101));
}

TEST_F(CollectorTest, FewWaitForAReading) {
  ASSERT_TRUE(collector->look());
  const int before = slurm.reads;
  slurm.hangs = true;
  std::atomic<int> found{0};
  std::atomic<int> sent_away{0};
  std::vector<std::thread> people;
  for (int i = 0; i < 5; ++i) people.emplace_back([&] { ++(collector->look() ? found : sent_away); });
  // The threads that answer are few: most are told at once.
  while (sent_away < 3) std::this_thread::yield();
  slurm.hangs = false;
  for (auto& person : people) person.join();
  EXPECT_EQ(found, 2);
  EXPECT_LE(slurm.reads - before, 2);
}

TEST_F(CollectorTest, WhereSlurmCantBeReadThatIsSaid) {
  slurm.fails = true;
  EXPECT_FALSE(collector->look());
}

}  // namespace
}  // namespace sluice::service
