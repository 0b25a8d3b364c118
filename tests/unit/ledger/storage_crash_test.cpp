// SPDX-License-Identifier: Apache-2.0
//
// Goal: the death of the process or a full disk never costs what was appended and
// never leaves half a batch. Method: a child process appends and says so through a
// pipe; it is killed at a random moment, or may write no more than so many bytes;
// then the parent opens the file.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "test_folder.hpp"

namespace sluice::ledger {
namespace {

/// Two events and an object that belong together.
Batch numbered(int i) {
  Batch batch;
  const std::string n = std::to_string(i);
  const auto add = [&](const std::string& id, std::vector<Transfer> transfers) {
    Event event;
    event.id = id + n;
    event.period = "2026-01";
    event.memo = std::string(300, 'm');
    event.transfers = std::move(transfers);
    batch.events.push_back(std::move(event));
  };
  add("fund", fund_transfers("P", Money{10}));
  add("grant", grant_transfers("P", "V" + std::to_string(i % 7), Money{10}));
  batch.objects = {{"mark", "last", n}};
  return batch;
}

struct Found {
  int batches = 0;
  std::string problem;
};

/// What a file holds after its writer is gone; a problem where it is not whole.
Found read_back(const std::string& file) {
  auto opened = open_sqlite(file);
  if (!opened.ok()) return {0, opened.failure().text};
  Storage& storage = **opened;
  int events = 0;
  Ledger again;
  std::string problem;
  const auto stored = storage.audit(
      [&](Event&& event) {
        ++events;
        const auto checked = again.check(event);
        if (!checked.ok()) problem = checked.failure().text;
        if (checked.ok()) again.apply(event);
      },
      [](ChargeRow&&) {});
  if (!stored.ok()) return {0, stored.failure().text};
  if (events % 2 != 0) problem = "half a batch";
  for (const auto& [account, balance] : stored->balances) {
    if (again.balance(account) != balance) problem = account.name + " differs from its transfers";
  }
  const auto last = storage.object("mark", "last");
  if (!last.ok()) return {0, last.failure().text};
  const int marked = *last ? std::stoi((*last)->body) : 0;
  if (marked * 2 != events) problem = "the mark says " + std::to_string(marked) + " and there are " + std::to_string(events) + " events";
  return {events / 2, problem};
}

int told(int pipe_end) {
  int last = 0;
  int one = 0;
  while (::read(pipe_end, &one, sizeof one) == sizeof one) last = one;
  return last;
}

TEST(StorageCrash, AKilledWriterLosesNothingThatItAppended) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const test::Folder folder;
    const std::string file = folder.path() + "/ledger.db";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      auto storage = open_sqlite(file);
      for (int i = 1; storage.ok(); ++i) {
        if (!(*storage)->append(numbered(i)).ok()) break;
        if (::write(ends[1], &i, sizeof i) != sizeof i) break;
        if (i % 50 == 0 && !(*storage)->sync().ok()) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 120));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const int confirmed = told(ends[0]);
    ::close(ends[0]);
    const Found found = read_back(file);
    EXPECT_EQ(found.problem, "");
    EXPECT_GE(found.batches, confirmed);
    EXPECT_LE(found.batches, confirmed + 1) << "one may have been written and not told of";
  }
}

/// An admission with its lien; the vouchers are granted beforehand.
NewAdmission admitted(int i) {
  const std::string n = std::to_string(i);
  Event lien;
  lien.id = "lien/A" + n;
  lien.kind = EventKind::lien;
  lien.actor = {1001, "ann"};
  lien.posted_at = 1'767'225'600;
  lien.period = "2026-01";
  lien.document = "hash";
  lien.transfers = lien_transfers("A" + n + ".1", "V0", Money{1});
  return {{"A" + n, true, 1'767'225'600, "cq", 1001, "hash", std::string(900, 'b')}, std::move(lien)};
}

bool keep_admission(Storage& storage, const NewAdmission& admission) {
  if (!storage.is_writable().ok()) return false;
  storage.append_soon(admission);
  return storage.flush().ok();
}

/// A ledger with voucher V0 worth 1,000,000 of the smallest unit.
std::unique_ptr<Storage> with_voucher(const std::string& file) {
  auto storage = open_sqlite(file);
  if (!storage.ok()) return nullptr;
  Batch batch;
  Event fund, grant;
  fund.id = "fund";
  fund.transfers = fund_transfers("P", Money{1'000'000});
  grant.id = "grant";
  grant.transfers = grant_transfers("P", "V0", Money{1'000'000});
  batch.events = {fund, grant};
  return (*storage)->append(batch).ok() && (*storage)->sync().ok() ? std::move(*storage) : nullptr;
}

/// In a process that is killed as soon as it has kept `count` admissions.
void keep_and_be_killed(const std::string& file, int count, bool (*keep)(Storage&, const NewAdmission&)) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto storage = with_voucher(file);
    if (storage == nullptr) ::_exit(2);
    for (int i = 1; i <= count; ++i) {
      if (!keep(*storage, admitted(i))) ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it kept fewer, and exited with " << WEXITSTATUS(status);
}

struct FoundAdmissions {
  int admissions = 0;
  int liens = 0;
  bool in_order = true;  ///< 1, 2, 3 …
  std::string problem;
};

FoundAdmissions read_admissions(const std::string& file) {
  FoundAdmissions found;
  auto storage = open_sqlite(file);
  if (!storage.ok()) return {0, 0, false, storage.failure().text};
  Ledger again;
  const auto stored = (*storage)->audit(
      [&](Event&& event) {
        const auto checked = again.check(event);
        if (!checked.ok()) found.problem = checked.failure().text;
        if (checked.ok()) again.apply(event);
        if (event.kind != EventKind::lien) return;
        ++found.liens;
        found.in_order = found.in_order && event.id == "lien/A" + std::to_string(found.liens);
      },
      [](ChargeRow&&) {});
  const auto snapshot = (*storage)->load();
  if (!stored.ok() || !snapshot.ok()) found.problem = "can't be read";
  if (snapshot.ok()) found.admissions = static_cast<int>(snapshot->admissions.size());
  if (stored.ok() && stored->liens.size() != static_cast<std::size_t>(found.liens)) found.problem = "open liens differ from their events";
  return found;
}

TEST(StorageCrash, AKilledServiceLosesNoAdmissionThatItAnswered) {
  std::mt19937 random(20260102);
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const test::Folder folder;
    const std::string file = folder.path() + "/ledger.db";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      const auto storage = with_voucher(file);
      if (storage == nullptr) ::_exit(2);
      // As in the service: one answers, one brings what was answered to its place.
      std::thread syncing([&] {
        while (storage->sync().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      });
      for (int i = 1; keep_admission(*storage, admitted(i)); ++i) {
        if (::write(ends[1], &i, sizeof i) != sizeof i) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 120));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const int confirmed = told(ends[0]);
    ::close(ends[0]);
    for (int opened = 0; opened < 2; ++opened) {
      const FoundAdmissions found = read_admissions(file);
      EXPECT_EQ(found.problem, "");
      EXPECT_TRUE(found.in_order);
      EXPECT_EQ(found.admissions, found.liens);
      EXPECT_GE(found.admissions, confirmed);
      EXPECT_LE(found.admissions, confirmed + 1);
    }
  }
}

TEST(StorageCrash, AKillCostsOnlyThoseThatMayBeAheadOfTheLog) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  // As where the thread that flushes waits for the disk.
  keep_and_be_killed(file, 1000, [](Storage& storage, const NewAdmission& admission) {
    const bool writable = storage.is_writable().ok();
    if (writable) storage.append_soon(admission);
    return writable;
  });
  const FoundAdmissions found = read_admissions(file);
  EXPECT_EQ(found.problem, "");
  EXPECT_TRUE(found.in_order);
  EXPECT_EQ(found.admissions, found.liens);
  EXPECT_GE(found.admissions, 1000 - 200);
}

TEST(StorageCrash, AdmissionsThatThreeThreadsKeepAreAllThereInTheirOrder) {
  constexpr int count = 3000;
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  {
    const auto storage = with_voucher(file);
    ASSERT_NE(storage, nullptr);
    std::atomic<bool> done{false};
    std::thread flushing([&] {
      while (!done) EXPECT_TRUE(storage->flush().ok());
    });
    std::thread syncing([&] {
      while (!done) EXPECT_TRUE(storage->sync().ok());
    });
    for (int i = 1; i <= count; ++i) {
      EXPECT_TRUE(storage->is_writable().ok());
      if (i % 7 == 0) {
        EXPECT_TRUE(storage->append_logged(admitted(i)).ok());
      } else {
        storage->append_soon(admitted(i));
      }
    }
    done = true;
    flushing.join();
    syncing.join();
    ASSERT_TRUE(storage->sync().ok());
  }
  const FoundAdmissions found = read_admissions(file);
  EXPECT_EQ(found.problem, "");
  EXPECT_TRUE(found.in_order);
  EXPECT_EQ(found.admissions, count);
  EXPECT_EQ(found.liens, count);
}

TEST(StorageCrash, ATornOrDamagedAdmissionLogLosesOnlyItsEnd) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  keep_and_be_killed(file, 8, keep_admission);
  const std::string log = file + "-admitted";
  const auto whole = std::filesystem::file_size(log);
  for (std::uintmax_t at = 0; at <= whole; at += whole / 23) {
    for (const bool torn : {true, false}) {
      SCOPED_TRACE((torn ? "torn at " : "damaged at ") + std::to_string(at));
      const test::Folder copy;
      const std::string other = copy.path() + "/ledger.db";
      for (const std::string end : {"", "-wal", "-admitted"}) std::filesystem::copy_file(file + end, other + end);
      if (torn) {
        std::filesystem::resize_file(other + "-admitted", at);
      } else if (at < whole) {
        std::fstream bytes(other + "-admitted", std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekp(static_cast<std::streamoff>(at));
        bytes.put('\x7E');
      }
      const FoundAdmissions found = read_admissions(other);
      EXPECT_EQ(found.problem, "");
      EXPECT_TRUE(found.in_order);
      EXPECT_EQ(found.admissions, static_cast<int>(8 * at / whole));
    }
  }
}

TEST(StorageCrash, ALienOnWhatTheMachineLostIsNotPlacedAgain) {
  const test::Folder folder;
  const test::Folder kept;
  const std::string file = folder.path() + "/ledger.db";
  const std::string other = kept.path() + "/ledger.db";
  {
    const auto storage = with_voucher(file);
    ASSERT_NE(storage, nullptr);
    // What the machine kept of the database is older than what it kept of the log.
    for (const std::string end : {"", "-wal"}) std::filesystem::copy_file(file + end, other + end);
    Batch more;
    Event fund, grant;
    fund.id = "fund-more";
    fund.transfers = fund_transfers("P", Money{5});
    grant.id = "grant-more";
    grant.transfers = grant_transfers("P", "V1", Money{5});
    more.events = {fund, grant};
    ASSERT_TRUE(storage->append(more).ok());
    ASSERT_TRUE(keep_admission(*storage, admitted(1)));
    NewAdmission lost = admitted(2);
    lost.lien->transfers = lien_transfers("A2.1", "V1", Money{5});
    ASSERT_TRUE(keep_admission(*storage, lost));
    std::filesystem::copy_file(file + "-admitted", other + "-admitted");
  }
  const FoundAdmissions found = read_admissions(other);
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.admissions, 2) << "the jobs were let in";
  EXPECT_EQ(found.liens, 1);
}

TEST(StorageCrash, AFullDiskAnswersOneAdmissionThatItCantKeepAtOnce) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::signal(SIGXFSZ, SIG_IGN);
    const auto storage = with_voucher(file);
    if (storage == nullptr) ::_exit(2);
    const rlimit full{100'000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &full);
    int i = 1;
    while (i < 10'000 && keep_admission(*storage, admitted(i))) ++i;
    // The one that was answered when the disk was found full is kept in memory; no other is taken.
    if (i == 10'000 || storage->is_writable().ok()) ::_exit(3);
    // The log of the database is full long before: told, nothing lost, and the next one tries again.
    Batch mark;
    mark.objects = {{"mark", "m", "1"}};
    if (storage->sync().ok() || storage->append(mark).ok()) ::_exit(4);
    const rlimit free{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &free);
    ++i;
    if (!storage->is_writable().ok()) ::_exit(5);
    storage->append_soon(admitted(i));
    if (!storage->sync().ok()) ::_exit(5);
    if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(6);
    ::_exit(0);
  }
  ::close(ends[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const int confirmed = told(ends[0]);
  ::close(ends[0]);
  EXPECT_GT(confirmed, 10);
  const FoundAdmissions found = read_admissions(file);
  EXPECT_EQ(found.problem, "");
  EXPECT_TRUE(found.in_order);
  EXPECT_EQ(found.admissions, confirmed);
}

TEST(StorageCrash, AFullDiskFailsOneBatchAndSpoilsNothing) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::signal(SIGXFSZ, SIG_IGN);
    auto storage = open_sqlite(file);
    if (!storage.ok()) ::_exit(2);
    const rlimit full{400'000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &full);
    int i = 1;
    while (i < 10'000 && (*storage)->append(numbered(i)).ok()) ::write(ends[1], &i, sizeof i) == sizeof i ? ++i : 0;
    if (i == 10'000) ::_exit(3);
    // Still full: refused again, and reading goes on.
    if ((*storage)->append(numbered(i)).ok() || !(*storage)->load().ok()) ::_exit(4);
    const rlimit free{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &free);
    // Space again: it goes on where it stopped, without a restart.
    if (!(*storage)->append(numbered(i)).ok() || !(*storage)->sync().ok()) ::_exit(5);
    if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(6);
    ::_exit(0);
  }
  ::close(ends[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const int confirmed = told(ends[0]);
  ::close(ends[0]);
  EXPECT_GT(confirmed, 10);
  const Found found = read_back(file);
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.batches, confirmed);
}

TEST(StorageCrash, ATornLogLosesOnlyItsEnd) {
  const test::Folder folder;
  const std::string file = folder.path() + "/ledger.db";
  const pid_t child = ::fork();
  if (child == 0) {
    auto storage = open_sqlite(file);
    for (int i = 1; storage.ok() && i <= 40; ++i) {
      if (!(*storage)->append(numbered(i)).ok()) ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  // As after a power cut: the last writes never reached the disk.
  const auto whole = std::filesystem::file_size(file + "-wal");
  int last = 41;
  for (std::uintmax_t cut = 0; cut < whole; cut += whole / 7) {
    const test::Folder copy;
    const std::string torn = copy.path() + "/ledger.db";
    std::filesystem::copy_file(file, torn);
    std::filesystem::copy_file(file + "-wal", torn + "-wal");
    std::filesystem::resize_file(torn + "-wal", whole - cut);
    const Found found = read_back(torn);
    EXPECT_EQ(found.problem, "") << "without the last " << cut << " bytes";
    EXPECT_LE(found.batches, last);
    last = found.batches;
  }
  EXPECT_LT(last, 40);
}

}  // namespace
}  // namespace sluice::ledger
