// SPDX-License-Identifier: Apache-2.0
//
// The SQLite schema, version 1. Events, transfers and documents can't be changed
// or deleted: triggers say so to whoever opens the file with another tool.

#pragma once

namespace sluice::ledger {

inline constexpr int sqlite_schema_version = 1;

inline constexpr const char* sqlite_schema = R"sql(
CREATE TABLE account(
  id INTEGER PRIMARY KEY,
  book INTEGER NOT NULL CHECK(book IN (1, 2)),
  name TEXT NOT NULL,
  debits INTEGER NOT NULL DEFAULT 0 CHECK(debits >= 0),
  credits INTEGER NOT NULL DEFAULT 0 CHECK(credits >= 0),
  UNIQUE(book, name), UNIQUE(id, book),
  CHECK(book = 2 OR NOT (name LIKE 'voucher/%' OR name LIKE 'budget/%' OR name LIKE 'used/%') OR debits >= credits)
) STRICT;

CREATE TABLE event(
  seq INTEGER PRIMARY KEY CHECK(seq > 0),
  id TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  actor_uid INTEGER NOT NULL, actor_name TEXT NOT NULL,
  approver_uid INTEGER NOT NULL, approver_name TEXT NOT NULL,
  posted_at INTEGER NOT NULL,
  usage_from INTEGER, usage_to INTEGER,
  period TEXT NOT NULL,
  document TEXT NOT NULL, corrects TEXT NOT NULL, memo TEXT NOT NULL
) STRICT;

CREATE TABLE transfer(
  id INTEGER PRIMARY KEY CHECK(id > 0),
  event INTEGER NOT NULL REFERENCES event(seq) DEFERRABLE INITIALLY DEFERRED,
  book INTEGER NOT NULL,
  debit INTEGER NOT NULL,
  credit INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK(amount > 0),
  state INTEGER NOT NULL CHECK(state BETWEEN 1 AND 4),
  lien TEXT NOT NULL,
  CHECK(debit <> credit),
  CHECK((state = 1) = (lien = '')),
  FOREIGN KEY(debit, book) REFERENCES account(id, book) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY(credit, book) REFERENCES account(id, book) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- Derived from transfer, so that a start need not read all of it; `ledger verify` recomputes it.
CREATE TABLE lien(
  id TEXT PRIMARY KEY,
  debit INTEGER NOT NULL REFERENCES account(id),
  credit INTEGER NOT NULL REFERENCES account(id),
  amount INTEGER NOT NULL CHECK(amount > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE object(
  kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE document(
  sha256 TEXT PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL,
  author TEXT NOT NULL, loaded_at INTEGER NOT NULL
) STRICT;

-- A table with row ids: new rows are appended, and looking an id up reads small keys
-- instead of bodies that spill over their page.
CREATE TABLE admission(
  id TEXT PRIMARY KEY NOT NULL,
  open INTEGER NOT NULL CHECK(open IN (0, 1)),
  created_at INTEGER NOT NULL,
  cluster TEXT NOT NULL, user_id INTEGER NOT NULL,
  content_sha256 TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX admission_open ON admission(open) WHERE open = 1;

-- With row ids as admission, for the same reasons.
CREATE TABLE charge(
  key TEXT PRIMARY KEY NOT NULL,
  cluster TEXT NOT NULL, job_id INTEGER NOT NULL, array_job_id INTEGER NOT NULL,
  submit INTEGER NOT NULL, start INTEGER, end INTEGER NOT NULL,
  user TEXT NOT NULL, account TEXT NOT NULL, partition TEXT NOT NULL, state TEXT NOT NULL,
  admission TEXT NOT NULL, voucher TEXT NOT NULL, programme TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK(amount >= 0),
  by_voucher INTEGER NOT NULL CHECK(by_voucher >= 0),
  by_self INTEGER NOT NULL CHECK(by_self >= 0),
  overrun INTEGER NOT NULL CHECK(overrun >= 0),
  posted INTEGER NOT NULL CHECK(posted IN (0, 1)),
  rated INTEGER NOT NULL CHECK(rated IN (0, 1)),
  record TEXT NOT NULL, body TEXT NOT NULL,
  CHECK(amount = by_voucher + by_self + overrun),
  CHECK(rowid > 0)
) STRICT;
CREATE INDEX charge_end ON charge(end);
CREATE INDEX charge_job ON charge(job_id);
CREATE INDEX charge_array ON charge(array_job_id) WHERE array_job_id <> 0;
CREATE INDEX charge_unrated ON charge(key) WHERE rated = 0;

CREATE TABLE tag(
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL, job_id INTEGER NOT NULL, state_number INTEGER NOT NULL,
  submit INTEGER NOT NULL, end INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;

CREATE TRIGGER event_is_final BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are never edited'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER transfer_is_final BEFORE UPDATE ON transfer BEGIN SELECT RAISE(ABORT, 'transfers are never edited'); END;
CREATE TRIGGER transfer_stays BEFORE DELETE ON transfer BEGIN SELECT RAISE(ABORT, 'transfers are never deleted'); END;
CREATE TRIGGER document_is_final BEFORE UPDATE ON document BEGIN SELECT RAISE(ABORT, 'documents are never edited'); END;
CREATE TRIGGER document_stays BEFORE DELETE ON document BEGIN SELECT RAISE(ABORT, 'documents are never deleted'); END;
CREATE TRIGGER charge_is_final BEFORE UPDATE ON charge WHEN OLD.rated = 1 OR NEW.key <> OLD.key OR NEW.rowid <> OLD.rowid BEGIN SELECT RAISE(ABORT, 'charges are never edited'); END;
-- INSERT OR REPLACE deletes without firing a delete trigger, so what exists must not come again.
-- A row that names no number shows -1 here, which none has: nothing needs to be looked up for it.
-- An ABORT, and a foreign key that is checked at once, would have SQLite copy each page that an
-- insert touches, to take back half a statement; a batch is taken back whole.
CREATE TRIGGER event_once BEFORE INSERT ON event
  WHEN EXISTS(SELECT 1 FROM event WHERE id = NEW.id) OR (NEW.seq <> -1 AND EXISTS(SELECT 1 FROM event WHERE seq = NEW.seq))
  BEGIN SELECT RAISE(ROLLBACK, 'that event exists; events are never edited'); END;
CREATE TRIGGER transfer_once BEFORE INSERT ON transfer WHEN NEW.id <> -1 AND EXISTS(SELECT 1 FROM transfer WHERE id = NEW.id)
  BEGIN SELECT RAISE(ROLLBACK, 'that transfer exists; transfers are never edited'); END;
CREATE TRIGGER document_once BEFORE INSERT ON document WHEN EXISTS(SELECT 1 FROM document WHERE sha256 = NEW.sha256)
  BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER charge_once BEFORE INSERT ON charge
  WHEN EXISTS(SELECT 1 FROM charge WHERE key = NEW.key AND rated = 1) OR (NEW.rowid <> -1 AND EXISTS(SELECT 1 FROM charge WHERE rowid = NEW.rowid))
  BEGIN SELECT RAISE(ROLLBACK, 'that charge exists; charges are never edited'); END;
CREATE TRIGGER charge_stays BEFORE DELETE ON charge BEGIN SELECT RAISE(ABORT, 'charges are never deleted'); END;
)sql";

}  // namespace sluice::ledger
