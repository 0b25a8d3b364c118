// SPDX-License-Identifier: Apache-2.0
//
// Goal: whatever the helper does, a call ends in time with an answer or a Failure,
// and the next call finds a working helper. Method: a stand-in that behaves as told
// by the name of the cluster that is asked for.

#include "accounting/slurm/child_reader.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace sluice::slurm {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class ChildReaderTest : public testing::Test {
 protected:
  ChildReaderTest() {
    options_.command = {FAKE_SLURM_HELPER, starts_};
    options_.call_timeout = 20s;
    options_.tag_timeout = 20s;
    options_.start_interval_min = 0ms;
    options_.log = [this](const std::string& line) { log_.push_back(line); };
  }
  ~ChildReaderTest() override { std::filesystem::remove(starts_); }

  ChildReader reader() { return ChildReader(options_); }

  std::vector<pid_t> started() const {
    std::ifstream file(starts_);
    std::vector<pid_t> pids;
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
    return pids;
  }
  /// Gone and waited for: a zombie would still take signal 0.
  static bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }
  static std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  const std::string starts_ = testing::TempDir() + "starts_" + std::to_string(getpid());
  ChildReaderOptions options_;
  std::vector<std::string> log_;
};

Result<std::vector<UsageRecord>> ask(ChildReader& reader, const std::string& how) {
  return reader.finished({how}, 1, 2);
}

TEST_F(ChildReaderTest, AnswersEveryOperation) {
  ChildReader reader(options_);
  const auto records = ask(reader, "3");
  ASSERT_TRUE(records.ok()) << records.failure().text;
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[2].job_id, 3u);
  EXPECT_EQ((*records)[2].tres_alloc.at("cpu"), 1);

  const auto by_id = reader.by_id("cq", std::vector<std::uint32_t>(20'000, 67'108'865));
  ASSERT_TRUE(by_id.ok()) << by_id.failure().text;
  EXPECT_EQ(by_id->front().job_id, 20'000u);

  const auto live = reader.live({"cq", "hami", "unheard-of"});
  ASSERT_TRUE(live.ok()) << live.failure().text;
  ASSERT_EQ(live->size(), 3u);
  EXPECT_TRUE((*live)[0].ok);
  EXPECT_EQ((*live)[0].as_of, 1700000100);
  EXPECT_EQ((*live)[0].jobs.size(), 1u);
  EXPECT_FALSE((*live)[1].ok);
  EXPECT_TRUE((*live)[1].jobs.empty()) << "jobs of a cluster that failed half-way are not shown";
  EXPECT_EQ((*live)[1].problem, "no answer within 5000 ms");
  EXPECT_FALSE((*live)[2].ok);

  const auto inventory = reader.inventory("cq");
  ASSERT_TRUE(inventory.ok()) << inventory.failure().text;
  EXPECT_EQ(inventory->nodes.at(0).gres.at("gres/gpu"), 2);
  EXPECT_EQ(inventory->partitions.at(0).max_minutes, 60);
  EXPECT_FALSE(inventory->partitions.at(0).default_minutes.has_value());
  EXPECT_EQ(inventory->default_accounts.at("li"), "a");
  EXPECT_EQ(inventory->accounts_of_user.at("li").size(), 2u);
  EXPECT_EQ(inventory->operators, std::set<std::string>{"li"});
  EXPECT_TRUE(inventory->memory_is_consumable);
  const auto diagnosis = reader.diagnosis("cq");
  ASSERT_TRUE(diagnosis.ok()) << diagnosis.failure().text;
  EXPECT_EQ(diagnosis->job_submit_plugins, "lua,sluice");
  EXPECT_EQ(diagnosis->purge_jobs_after, "12 months");
  EXPECT_EQ(diagnosis->dbd_problem, "");

  TagRequest tag{"cq", 7, 3, 1, 2, "{\"sluice\":{}}"};
  EXPECT_TRUE(reader.tag(tag).value());
  tag.job_id = 8;
  EXPECT_FALSE(reader.tag(tag).value());
  EXPECT_EQ(started().size(), 1u);
}

struct Trouble {
  const char* how;
  Failure::Kind kind;
  const char* code;
  const char* words;
  bool is_helper_kept;
};

class ChildReaderTroubleTest : public ChildReaderTest, public testing::WithParamInterface<Trouble> {};

TEST_P(ChildReaderTroubleTest, FailsInTimeAndRecovers) {
  const Trouble& trouble = GetParam();
  options_.call_timeout = 1s;
  options_.rows_max = 100;
  ChildReader reader(options_);
  ASSERT_TRUE(ask(reader, "1").ok());
  const auto begun = Clock::now();
  const auto result = ask(reader, trouble.how);
  EXPECT_LT(Clock::now() - begun, 15s);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().kind, trouble.kind);
  EXPECT_EQ(result.failure().code, trouble.code);
  EXPECT_NE(result.failure().text.find(trouble.words), std::string::npos) << result.failure().text;
  const auto after = ask(reader, "2");
  ASSERT_TRUE(after.ok()) << after.failure().text;
  EXPECT_EQ(after->size(), 2u);
  const auto pids = started();
  ASSERT_FALSE(pids.empty());
  EXPECT_EQ(pids.size() == 1, trouble.is_helper_kept);
  for (std::size_t i = 0; i + 1 < pids.size(); ++i) EXPECT_TRUE(is_gone(pids[i]));
}

INSTANTIATE_TEST_SUITE_P(
    Troubles, ChildReaderTroubleTest,
    testing::Values(Trouble{"hang", Failure::Kind::unreachable, "slurm_timeout", "within 1000 ms", false},
                    Trouble{"hang-half-way", Failure::Kind::unreachable, "slurm_timeout", "within 1000 ms", false},
                    Trouble{"flood-errors-for-ever", Failure::Kind::unreachable, "slurm_timeout", "within", false},
                    Trouble{"die", Failure::Kind::fault, "fault", "no munge", false},
                    Trouble{"die-half-way", Failure::Kind::fault, "fault", "ended (", false},
                    Trouble{"garbage", Failure::Kind::fault, "fault", "Segmentation fault", false},
                    Trouble{"wrong-types", Failure::Kind::fault, "fault", "wrong types", false},
                    Trouble{"wrong-id", Failure::Kind::fault, "fault", "nobody asked", false},
                    Trouble{"wrong-row", Failure::Kind::fault, "fault", "wrong row", false},
                    Trouble{"lost-row", Failure::Kind::fault, "fault", "lost rows", false},
                    Trouble{"endless-line", Failure::Kind::fault, "fault", "line without an end", false},
                    Trouble{"101", Failure::Kind::fault, "too_many_rows", "shorter time", false},
                    Trouble{"unreachable", Failure::Kind::unreachable, "slurm_unreachable", "Connection refused", true},
                    Trouble{"wrong", Failure::Kind::fault, "fault", "knows no cluster", true}),
    [](const auto& each) {
      std::string name = each.param.how;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_F(ChildReaderTest, AHelperThatEndedBetweenCallsIsNoFailure) {
  ChildReader reader(options_);
  for (int i = 0; i < 3; ++i) {
    const auto result = ask(reader, "die-after");
    ASSERT_TRUE(result.ok()) << result.failure().text;
    EXPECT_EQ(result->size(), 2u);
    // Once it is gone the next request can't reach it; waiting for that takes no sleep.
    while (!is_gone(started().back()) && waitpid(started().back(), nullptr, WNOHANG | WNOWAIT) == 0) usleep(1000);
  }
  EXPECT_EQ(started().size(), 3u);
}

TEST_F(ChildReaderTest, StartsAreSpaced) {
  options_.start_interval_min = 1h;
  ChildReader reader(options_);
  ASSERT_FALSE(ask(reader, "die").ok());
  const auto begun = Clock::now();
  const auto result = ask(reader, "1");
  EXPECT_LT(Clock::now() - begun, 5s);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().kind, Failure::Kind::unreachable);
  EXPECT_EQ(result.failure().code, "slurm_helper_waits");
  EXPECT_NE(result.failure().text.find("no munge"), std::string::npos) << result.failure().text;
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(ChildReaderTest, AMissingHelperIsAFault) {
  options_.command = {"/nonexistent/sluice-slurmdb"};
  ChildReader reader(options_);
  const auto result = ask(reader, "1");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().kind, Failure::Kind::fault);
  EXPECT_NE(result.failure().text.find("No such file"), std::string::npos) << result.failure().text;
}

TEST_F(ChildReaderTest, LogsWhatTheHelperSays) {
  ChildReader reader(options_);
  ASSERT_TRUE(ask(reader, "talk").ok());
  ASSERT_TRUE(ask(reader, "1").ok());
  ASSERT_EQ(log_.size(), 2u);
  EXPECT_EQ(log_[0], "slurm_helper: error: first");
  EXPECT_EQ(log_[1], "slurm_helper: error: second");
}

TEST_F(ChildReaderTest, NoiseOnTheErrorStreamBlocksNothing) {
  ChildReader reader(options_);
  EXPECT_TRUE(ask(reader, "flood-errors").ok());
  EXPECT_TRUE(ask(reader, "close-errors").ok());
  EXPECT_TRUE(ask(reader, "1").ok());
  for (const auto& line : log_) EXPECT_LE(line.size(), 2'000u);
}

TEST_F(ChildReaderTest, TheHelperInheritsNothing) {
  sigset_t terminate, before;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminate, &before);
  const auto old_handler = signal(SIGPIPE, SIG_IGN);
  const int leaky = dup(0);  // without FD_CLOEXEC
  ChildReader reader(options_);
  const auto result = ask(reader, "signals");
  ::close(leaky);
  signal(SIGPIPE, old_handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(result.ok()) << result.failure().text;
  EXPECT_EQ(result->size(), 1u);
}

TEST_F(ChildReaderTest, SendingToADeadHelperRaisesNoSignal) {
  ChildReader reader(options_);
  ASSERT_TRUE(ask(reader, "1").ok());
  ::kill(started().back(), SIGKILL);
  // SIGPIPE has its default action here: it would end this process.
  const auto result = reader.by_id("cq", std::vector<std::uint32_t>(60'000, 1));
  EXPECT_TRUE(result.ok()) << result.failure().text;
}

TEST_F(ChildReaderTest, ThousandsOfCallsLeakNothing) {
  options_.call_timeout = 2s;
  const auto before = open_descriptors();
  {
    ChildReader reader(options_);
    for (int i = 0; i < 3'000; ++i) ASSERT_TRUE(ask(reader, "1").ok());
    for (int i = 0; i < 200; ++i) {
      ASSERT_FALSE(ask(reader, i % 2 == 0 ? "garbage" : "die").ok());
    }
    EXPECT_LE(open_descriptors(), before + 3);
  }
  EXPECT_EQ(open_descriptors(), before);
  for (const pid_t pid : started()) EXPECT_TRUE(is_gone(pid));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
}

TEST_F(ChildReaderTest, AnOverlongTagIsRefusedHere) {
  ChildReader reader(options_);
  const auto result = reader.tag({"cq", 7, 3, 1, 2, std::string(65'536, 'x')});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().code, "tag_too_long");
  EXPECT_TRUE(started().empty());
}

}  // namespace
}  // namespace sluice::slurm
