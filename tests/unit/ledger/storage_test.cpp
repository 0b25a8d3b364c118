// SPDX-License-Identifier: Apache-2.0
//
// Goal: what was appended is read again unchanged, a batch that fails leaves
// nothing, and the file defends itself against other hands. Method: a database in
// a folder of its own; a second connection plays the other tool.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "test_folder.hpp"

namespace sluice::ledger {
namespace {

Money yuan(std::int64_t amount) { return {amount * 1'000'000}; }

Event event(std::string id, std::vector<Transfer> transfers) {
  Event made;
  made.id = std::move(id);
  made.kind = EventKind::charge;
  made.actor = {1001, "li"};
  made.approver = {1002, "wang"};
  made.posted_at = 1'767'225'600;
  made.usage_from = 1'767'220'000;
  made.period = "2026-01";
  made.document = "文号 7";
  made.corrects = "E0";
  made.memo = "a \"memo\"\n";
  made.transfers = std::move(transfers);
  return made;
}

ChargeRow charge(std::string key, UnixTime end) {
  ChargeRow row;
  row.key = std::move(key);
  row.cluster = "cq";
  row.job_id = 7;
  row.array_job_id = 5;
  row.submit = end - 100;
  row.start = end - 60;
  row.end = end;
  row.user = "ann";
  row.account = "astro";
  row.partition = "ai";
  row.state = "COMPLETED";
  row.admission = "A1";
  row.voucher = "V";
  row.programme = "P";
  row.amount = yuan(3);
  row.by_voucher = yuan(2);
  row.by_self = yuan(1);
  row.posted = true;
  row.rated = true;
  row.record = "{\"r\":1}";
  row.body = "{\"b\":1}";
  return row;
}

class StorageTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    auto opened = open_sqlite(file());
    ASSERT_TRUE(opened.ok()) << opened.failure().text;
    storage_ = std::move(opened.value());
  }
  void reopen() {
    storage_.reset();
    open();
  }
  Snapshot load() {
    auto loaded = storage_->load();
    EXPECT_TRUE(loaded.ok()) << loaded.failure().text;
    return loaded.ok() ? std::move(*loaded) : Snapshot{};
  }
  std::string append(const Batch& batch) {
    const auto done = storage_->append(batch);
    return done.ok() ? "ok" : done.failure().text;
  }
  std::size_t charges(const ChargeQuery& query) {
    std::size_t count = 0;
    const auto read = storage_->charges(query, [&](ChargeRow&&) { return ++count > 0; });
    EXPECT_TRUE(read.ok()) << read.failure().text;
    return count;
  }
  /// What another tool is told; "ok" where it got its way.
  std::string by_hand(const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_open(file().c_str(), &db);
    sqlite3_busy_timeout(db, 5000);
    char* problem = nullptr;
    const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &problem);
    const std::string said = code == SQLITE_OK ? "ok" : problem;
    sqlite3_free(problem);
    sqlite3_close(db);
    return said;
  }
  std::string file() const { return folder_.path() + "/ledger.db"; }

  /// Funds, a grant, a lien and one of everything else.
  Batch everything() {
    Batch batch;
    batch.events = {event("E1", fund_transfers("P", yuan(100))), event("E2", grant_transfers("P", "V", yuan(80))),
                    event("E3", lien_transfers("L1", "V", yuan(30))), event("E4", lien_transfers("L2", "V", yuan(20)))};
    batch.objects = {{"voucher", "V", "{\"a\":1}"}, {"request", "r-1", "{}"}};
    batch.documents = {{"00ff", "price_book", "text: 券", "li", 12}};
    batch.admissions = {{"A1", true, 11, "cq", 1001, "cc", "{}"}, {"A2", true, 12, "cq", 1001, "cc", "{}"}};
    batch.charges = {charge("cq/7/100", 200)};
    batch.tags = {{0, "cq", 7, 3, 100, 200, "{\"sluice\":{}}"}};
    return batch;
  }

  test::Folder folder_;
  std::unique_ptr<Storage> storage_;
};

TEST_F(StorageTest, WhatWasAppendedIsThereAfterReopening) {
  ASSERT_EQ(append(everything()), "ok");
  Batch second;
  second.events = {event("E5", charge_transfers({"cq", "astro", "P", "V", yuan(12), yuan(3), {}}, nullptr, {}))};
  Ledger ledger;
  ledger.restore(Lien{"L1", used("V"), voucher("V"), yuan(30)});
  second.events.push_back(event("E6", void_transfers(*ledger.lien("L1"))));
  second.admissions = {{"A1", false, 99, "other", 9, "zz", "{\"closed\":true}"}};
  second.objects = {{"voucher", "V", "{\"a\":2}"}};
  ASSERT_EQ(append(second), "ok");
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    if (again) reopen();
    const Snapshot snapshot = load();
    EXPECT_EQ(snapshot.schema_version, 1);
    std::map<std::string, Money> net;
    for (const auto& [account, balance] : snapshot.balances) net[account.name] = balance.net();
    EXPECT_EQ(net["voucher/V"], yuan(68));
    EXPECT_EQ(net["budget/P"], yuan(20));
    EXPECT_EQ(net["used/V"], yuan(12));
    EXPECT_EQ(net["receivable/user/astro"], yuan(3));
    EXPECT_EQ(net["revenue/cq/service"], yuan(-15));
    ASSERT_EQ(snapshot.liens.size(), 1u);
    EXPECT_EQ(snapshot.liens[0].id, "L2");
    EXPECT_EQ(snapshot.liens[0].credit, voucher("V"));
    EXPECT_EQ(snapshot.liens[0].amount, yuan(20));
    ASSERT_EQ(snapshot.objects.size(), 1u) << "requests are looked up, not loaded";
    EXPECT_EQ(snapshot.objects[0].body, "{\"a\":2}");
    ASSERT_EQ(snapshot.admissions.size(), 1u) << "closed ones are not loaded";
    EXPECT_EQ(snapshot.admissions[0].id, "A2");
    const auto closed = storage_->admission("A1");
    ASSERT_TRUE(closed.ok() && *closed);
    EXPECT_FALSE((*closed)->open);
    EXPECT_EQ((*closed)->created_at, 11) << "what an admission began with never changes";
    EXPECT_EQ((*closed)->content_sha256, "cc");
    EXPECT_EQ((**storage_->object("request", "r-1")).body, "{}");
    EXPECT_FALSE((*storage_->object("request", "r-2")).has_value());
    EXPECT_EQ((**storage_->document("00ff")).text, "text: 券");
    EXPECT_FALSE((*storage_->document("11")).has_value());
    EXPECT_FALSE((*storage_->admission("A3")).has_value());
  }
}

TEST_F(StorageTest, EventsComeBackAsTheyWere) {
  ASSERT_EQ(append(everything()), "ok");
  std::vector<Event> events;
  std::size_t charge_count = 0;
  const auto stored = storage_->audit([&](Event&& one) { events.push_back(std::move(one)); }, [&](ChargeRow&&) { ++charge_count; });
  ASSERT_TRUE(stored.ok()) << stored.failure().text;
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(charge_count, 1u);
  const Event expected = event("E3", lien_transfers("L1", "V", yuan(30)));
  EXPECT_EQ(events[2].id, expected.id);
  EXPECT_EQ(events[2].kind, expected.kind);
  EXPECT_EQ(events[2].actor, expected.actor);
  EXPECT_EQ(events[2].approver, expected.approver);
  EXPECT_EQ(events[2].posted_at, expected.posted_at);
  EXPECT_EQ(events[2].usage_from, expected.usage_from);
  EXPECT_EQ(events[2].usage_to, std::nullopt);
  EXPECT_EQ(events[2].period, expected.period);
  EXPECT_EQ(events[2].document, expected.document);
  EXPECT_EQ(events[2].corrects, expected.corrects);
  EXPECT_EQ(events[2].memo, expected.memo);
  EXPECT_EQ(events[2].transfers, expected.transfers);
}

TEST_F(StorageTest, ChargesAreFoundByEachOfTheirMarks) {
  Batch batch;
  batch.charges = {charge("cq/7/100", 200), charge("cq/7/300", 400), charge("hami/9/100", 200)};
  batch.charges[1].account = "bio";
  batch.charges[1].posted = false;
  batch.charges[2].cluster = "hami";
  batch.charges[2].job_id = 9;
  batch.charges[2].array_job_id = 0;
  batch.charges[2].start.reset();
  batch.charges[2].rated = false;
  ASSERT_EQ(append(batch), "ok");
  const auto q = [](auto&& change) {
    ChargeQuery query;
    change(query);
    return query;
  };
  const struct {
    const char* what;
    ChargeQuery query;
    std::size_t count;
  } rows[] = {
      {"all", {}, 3},
      {"key", q([](auto& x) { x.key = "cq/7/300"; }), 1},
      {"keys", q([](auto& x) { x.keys = {"cq/7/300", "hami/9/100", "cq/7/301"}; }), 2},
      {"cluster", q([](auto& x) { x.cluster = "cq"; }), 2},
      {"account", q([](auto& x) { x.account = "bio"; }), 1},
      {"user", q([](auto& x) { x.user = "ann"; }), 3},
      {"voucher", q([](auto& x) { x.voucher = "W"; }), 0},
      {"job", q([](auto& x) { x.job_id = 7; }), 2},
      {"array", q([](auto& x) { x.job_id = 5; }), 2},
      {"from is in, to is out", q([](auto& x) { x.end_from = 200; x.end_to = 400; }), 2},
      {"unrated", q([](auto& x) { x.unrated_only = true; }), 1},
      {"posted", q([](auto& x) { x.posted_only = true; }), 2},
      {"limit", q([](auto& x) { x.limit = 1; }), 1},
  };
  for (const auto& row : rows) EXPECT_EQ(charges(row.query), row.count) << row.what;
  std::vector<std::string> order;
  ASSERT_TRUE(storage_->charges({}, [&](ChargeRow&& row) {
    order.push_back(row.key);
    return order.size() < 2;
  }).ok());
  EXPECT_EQ(order, (std::vector<std::string>{"cq/7/100", "hami/9/100"})) << "by end, then key, until told to stop";
  std::optional<ChargeRow> read;
  ASSERT_TRUE(storage_->charges(q([](auto& x) { x.key = "hami/9/100"; }), [&](ChargeRow&& row) {
    read = std::move(row);
    return false;
  }).ok());
  EXPECT_FALSE(read->start.has_value());
  EXPECT_EQ(read->by_self, yuan(1));
  EXPECT_EQ(read->record, "{\"r\":1}");
}

TEST_F(StorageTest, AnAdmissionAppendedSoonIsInItsPlaceAfterASync) {
  Batch batch;
  batch.events = {event("E1", fund_transfers("P", yuan(100))), event("E2", grant_transfers("P", "V", yuan(80)))};
  ASSERT_EQ(append(batch), "ok");
  const auto soon = [&](const std::string& id, std::optional<Event> lien) {
    if (!storage_->is_writable().ok()) return false;
    storage_->append_soon({{id, true, 11, "cq", 1001, "cc", "{\"of\":\"券\"}"}, std::move(lien)});
    return true;
  };
  ASSERT_TRUE(soon("A1", event("E3", lien_transfers("L1", "V", yuan(30)))));
  ASSERT_TRUE(soon("A2", std::nullopt));
  EXPECT_FALSE(storage_->admission("A1")->has_value());
  ASSERT_TRUE(storage_->sync().ok());
  EXPECT_TRUE(storage_->admission("A1")->has_value());
  // What is appended later stands after it, in the order of the calls.
  ASSERT_TRUE(soon("A3", event("E4", lien_transfers("L2", "V", yuan(20)))));
  Ledger ledger;
  ledger.restore(Lien{"L2", used("V"), voucher("V"), yuan(20)});
  Batch closing;
  closing.events = {event("E5", void_transfers(*ledger.lien("L2")))};
  closing.admissions = {{"A3", false, 11, "cq", 1001, "cc", "{}"}};
  ASSERT_EQ(append(closing), "ok");
  ASSERT_TRUE(soon("A4", std::nullopt));
  std::string events;
  ASSERT_TRUE(storage_->audit([&](Event&& one) { events += one.id + " " + one.memo; }, [](ChargeRow&&) {}).ok());
  EXPECT_EQ(events, "E1 a \"memo\"\nE2 a \"memo\"\nE3 a \"memo\"\nE4 a \"memo\"\nE5 a \"memo\"\n");
  EXPECT_TRUE(storage_->admission("A4")->has_value()) << "an audit sees all";
  reopen();
  const Snapshot snapshot = load();
  EXPECT_EQ(snapshot.admissions.size(), 3u) << "A3 was closed, and what the log still holds doesn't open it again";
  ASSERT_EQ(snapshot.liens.size(), 1u);
  EXPECT_EQ(snapshot.liens[0].id, "L1");
}

TEST_F(StorageTest, AChargeIsReplacedOnlyWhileItHasNoPrice) {
  Batch batch;
  ChargeRow row = charge("k", 1);
  row.state = "RUNNING";
  row.user = "root";
  row.record = "{}";
  row.rated = row.posted = false;
  row.amount = row.by_voucher = row.by_self = {};
  batch.charges = {row};
  ASSERT_EQ(append(batch), "ok");
  EXPECT_NE(append(batch), "ok") << "it is not new";
  batch.charges = {charge("k", 1)};
  batch.charges[0].replaces = true;
  ASSERT_EQ(append(batch), "ok");
  EXPECT_NE(append(batch).find("charges are never edited"), std::string::npos);
  batch.charges[0].replaces = false;
  EXPECT_NE(append(batch).find("charges are never edited"), std::string::npos);
  batch.charges = {charge("another", 1)};
  batch.charges[0].replaces = true;
  EXPECT_NE(append(batch).find("there is no charge another"), std::string::npos);
  ASSERT_TRUE(storage_->charges({}, [&](ChargeRow&& read) {
    EXPECT_EQ(read.amount, yuan(3));
    EXPECT_EQ(read.state + read.user + read.record, "COMPLETEDann{\"r\":1}");
    return true;
  }).ok());
}

TEST_F(StorageTest, TagsWaitUntilTheyAreDone) {
  ASSERT_EQ(append(everything()), "ok");
  const auto due = storage_->tags_due(10);
  ASSERT_TRUE(due.ok());
  ASSERT_EQ(due->size(), 1u);
  EXPECT_EQ(due->front().text, "{\"sluice\":{}}");
  Batch done;
  done.tags_done = {due->front().id};
  ASSERT_EQ(append(done), "ok");
  EXPECT_TRUE(storage_->tags_due(10)->empty());
}

TEST_F(StorageTest, AFailedBatchLeavesNothing) {
  ASSERT_EQ(append(everything()), "ok");
  const auto of_event = [](Event one) {
    Batch batch;
    batch.events = {std::move(one)};
    return batch;
  };
  ChargeRow unbalanced = charge("cq/8/100", 200);
  unbalanced.overrun = yuan(1);
  Batch bad_charge;
  bad_charge.charges = {unbalanced};
  const struct {
    const char* what;
    Batch bad;
  } rows[] = {
      {"an event id twice", of_event(event("E1", fund_transfers("P", yuan(1))))},
      {"a purse that would owe", of_event(event("E9", grant_transfers("P", "W", yuan(21))))},
      {"a lien twice", of_event(event("E9", lien_transfers("L1", "V", yuan(1))))},
      {"an amount of nothing", of_event(event("E9", fund_transfers("P", {})))},
      {"two books", of_event(event("E9", {{overrun(), voucher("V"), yuan(1), TransferState::posted, {}}}))},
      {"a charge whose parts are not its whole", bad_charge},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    Batch batch;
    batch.events = {event("new", fund_transfers("new programme", yuan(7)))};
    batch.objects = {{"voucher", "new", "{}"}};
    batch.admissions = {{"new", true, 1, "cq", 1, "c", "{}"}};
    batch.events.insert(batch.events.end(), row.bad.events.begin(), row.bad.events.end());
    batch.charges = row.bad.charges;
    EXPECT_NE(append(batch), "ok");
    const Snapshot snapshot = load();
    EXPECT_EQ(snapshot.admissions.size(), 2u);
    EXPECT_EQ(snapshot.objects.size(), 1u);
    for (const auto& [account, balance] : snapshot.balances) EXPECT_EQ(account.name.find("new"), std::string::npos);
    EXPECT_EQ(charges({}), 1u);
  }
  // The accounts that the failed batches named can be made now.
  Batch good;
  good.events = {event("E10", fund_transfers("new programme", yuan(7)))};
  EXPECT_EQ(append(good), "ok");
  EXPECT_EQ(load().balances.size(), 6u);
}

TEST_F(StorageTest, AnotherToolCantEditWhatWasPosted) {
  ASSERT_EQ(append(everything()), "ok");
  const struct {
    const char* sql;
    const char* said;
  } rows[] = {
      {"UPDATE event SET memo = 'x'", "events are never edited"},
      {"DELETE FROM event", "events are never deleted"},
      {"INSERT OR REPLACE INTO event SELECT * FROM event WHERE id = 'E1'", "that event exists; events are never edited"},
      {"UPDATE transfer SET amount = 1", "transfers are never edited"},
      {"DELETE FROM transfer", "transfers are never deleted"},
      {"INSERT OR REPLACE INTO transfer SELECT id, event, book, debit, credit, 1, state, lien FROM transfer", "that transfer exists; transfers are never edited"},
      // The triggers take a row of this number for one that names none.
      {"INSERT INTO transfer SELECT -1, event, book, debit, credit, 1, state, lien FROM transfer LIMIT 1", "CHECK constraint failed: id > 0"},
      {"UPDATE document SET text = 'x'", "documents are never edited"},
      {"DELETE FROM document", "documents are never deleted"},
      {"UPDATE charge SET user = 'x'", "charges are never edited"},
      {"DELETE FROM charge", "charges are never deleted"},
      {"INSERT OR REPLACE INTO charge SELECT * FROM charge", "that charge exists; charges are never edited"},
      {"INSERT OR REPLACE INTO charge(rowid, key, cluster, job_id, array_job_id, submit, start, end, user, account, partition, state, "
       "admission, voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, record, body) "
       "SELECT rowid, 'cq/9/9', cluster, job_id, array_job_id, submit, start, end, user, account, partition, state, "
       "admission, voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, record, body FROM charge",
       "that charge exists; charges are never edited"},
      {"UPDATE account SET credits = debits + 1 WHERE name = 'voucher/V'", "CHECK constraint failed: book = 2 OR NOT (name LIKE 'voucher/%' OR name LIKE 'budget/%' OR name LIKE 'used/%') OR debits >= credits"},
      {"INSERT OR REPLACE INTO document SELECT sha256, kind, 'x', author, loaded_at FROM document", "ok"},
  };
  for (const auto& row : rows) EXPECT_EQ(by_hand(row.sql), row.said) << row.sql;
  EXPECT_EQ((**storage_->document("00ff")).text, "text: 券") << "the one that says ok changed nothing";
}

TEST_F(StorageTest, AChargeWithoutAPriceTakesNoOthersPlace) {
  Batch batch;
  batch.charges = {charge("rated", 1), charge("unrated", 2)};
  ChargeRow& open = batch.charges[1];
  open.rated = open.posted = false;
  open.amount = open.by_voucher = open.by_self = {};
  ASSERT_EQ(append(batch), "ok");
  const std::string same = "cluster, job_id, array_job_id, submit, start, end, user, account, partition, state, "
                           "admission, voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, record, body";
  const struct {
    std::string sql;
    const char* said;
  } rows[] = {
      {"UPDATE OR REPLACE charge SET key = 'rated' WHERE key = 'unrated'", "charges are never edited"},
      {"UPDATE OR REPLACE charge SET rowid = 1 WHERE key = 'unrated'", "charges are never edited"},
      {"UPDATE charge SET rowid = -1 WHERE key = 'unrated'", "charges are never edited"},
      {"INSERT INTO charge(rowid, key, " + same + ") SELECT -1, 'another', " + same + " FROM charge WHERE rated = 1", "CHECK constraint failed: rowid > 0"},
      {"UPDATE charge SET user = 'x' WHERE key = 'unrated'", "ok"},
  };
  for (const auto& row : rows) EXPECT_EQ(by_hand(row.sql.c_str()), row.said) << row.sql;
}

TEST_F(StorageTest, ASecondOpenerIsRefused) {
  const auto second = open_sqlite(file());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.failure().text.find("is open in another sluiced"), std::string::npos) << second.failure().text;
  reopen();
  EXPECT_EQ(append(everything()), "ok");
}

TEST_F(StorageTest, ANewerSchemaIsRefusedAndLeftAlone) {
  storage_.reset();
  ASSERT_EQ(by_hand("PRAGMA user_version=2"), "ok");
  const auto newer = open_sqlite(file());
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(newer.failure().text.find("schema is version 2, this program knows 1"), std::string::npos) << newer.failure().text;
  ASSERT_EQ(by_hand("PRAGMA user_version=1"), "ok");
  open();
  EXPECT_EQ(append(everything()), "ok");
}

TEST_F(StorageTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string other = folder_.path() + "/other.db";
  std::ofstream(other) << std::string(5000, 'x');
  const auto opened = open_sqlite(other);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(std::filesystem::file_size(other), 5000u);
  const auto nowhere = open_sqlite(folder_.path() + "/no/such/folder/ledger.db");
  ASSERT_FALSE(nowhere.ok());
}

TEST_F(StorageTest, NobodyElseMayReadTheFiles) {
  ASSERT_EQ(append(everything()), "ok");
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    ASSERT_EQ(::stat((file() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0077, 0u) << suffix;
  }
}

TEST_F(StorageTest, TheLogStaysShortWhileReadersAndWritersWork) {
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) charges({});
  });
  std::uintmax_t largest = 0;
  for (int i = 0; i < 3000; ++i) {
    Batch batch;
    batch.charges = {charge("k" + std::to_string(i), i)};
    batch.charges[0].record = std::string(8000, 'r');
    ASSERT_EQ(append(batch), "ok");
    ASSERT_TRUE(storage_->sync().ok());
    largest = std::max(largest, std::filesystem::file_size(file() + "-wal"));
  }
  stop = true;
  reader.join();
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LT(largest, 100u << 20) << "appended were over 130 MB of pages";
  EXPECT_EQ(charges({}), 3000u);
}

TEST_F(StorageTest, ALongReadHoldsNobodyUp) {
  ASSERT_EQ(append(everything()), "ok");
  std::size_t inside = 0;
  ASSERT_TRUE(storage_->charges({}, [&](ChargeRow&&) {
    inside = charges({});
    EXPECT_TRUE(storage_->admission("A1").ok());
    Batch batch;
    batch.objects = {{"mark", "m", "{}"}};
    EXPECT_EQ(append(batch), "ok");
    return true;
  }).ok());
  EXPECT_EQ(inside, 1u);
}

}  // namespace
}  // namespace sluice::ledger
