-- Why: what the server decided, and the view of it that people see. All of it can be rebuilt.

CREATE TABLE feed (
  scope TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL CHECK (cursor >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_row (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  office TEXT NOT NULL,
  case_no TEXT NOT NULL,
  state TEXT NOT NULL,
  created_by BLOB NOT NULL CHECK (length(created_by) = 16),
  reviewer BLOB,
  updated_at INTEGER NOT NULL,
  due_at INTEGER,
  serial TEXT,
  merchant_name TEXT,
  caller_name TEXT,
  request_kind TEXT,
  return_count INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  confirmed_rev INTEGER,
  stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
  gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1))
) STRICT;

CREATE INDEX case_row_newest ON case_row (updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_by_state ON case_row (state, updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_by_creator ON case_row (created_by, state, updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_due ON case_row (due_at, id) WHERE gone = 0 AND due_at IS NOT NULL;
CREATE INDEX case_row_by_serial ON case_row (serial) WHERE serial IS NOT NULL;
CREATE INDEX case_row_stale ON case_row (office) WHERE stale = 1;

CREATE TABLE case_body (
  n INTEGER PRIMARY KEY REFERENCES case_row (n) ON DELETE CASCADE,
  confirmed TEXT,
  view TEXT,
  CHECK (confirmed IS NOT NULL OR view IS NOT NULL)
) STRICT;

CREATE TABLE timeline (
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  op_id BLOB NOT NULL CHECK (length(op_id) = 16),
  line INTEGER NOT NULL,
  at INTEGER NOT NULL,
  by BLOB NOT NULL CHECK (length(by) = 16),
  kind TEXT NOT NULL,
  params TEXT NOT NULL,
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
  PRIMARY KEY (case_id, op_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  card TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  office TEXT NOT NULL,
  version INTEGER NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant_key (
  token INTEGER NOT NULL,
  merchant BLOB NOT NULL REFERENCES merchant (id) ON DELETE CASCADE,
  PRIMARY KEY (token, merchant)
) STRICT, WITHOUT ROWID;

CREATE INDEX merchant_key_by_merchant ON merchant_key (merchant);
