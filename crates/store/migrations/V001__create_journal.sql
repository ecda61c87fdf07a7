-- Why: what a person did must survive everything else. The journal comes first and depends on nothing.

CREATE TABLE identity (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  device BLOB NOT NULL CHECK (length(device) = 16),
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  office TEXT NOT NULL,
  office_name TEXT NOT NULL,
  device_code TEXT NOT NULL
) STRICT;

CREATE TABLE journal_head (
  incarnation BLOB PRIMARY KEY CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  acknowledged_seq INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged_seq >= 0 AND acknowledged_seq <= seq),
  hlc_ms INTEGER NOT NULL,
  hlc_n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE op (
  ord INTEGER PRIMARY KEY,
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  op_id BLOB NOT NULL CHECK (length(op_id) = 16),
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  group_i INTEGER NOT NULL,
  group_len INTEGER NOT NULL CHECK (group_len >= 1 AND group_i < group_len),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  bytes TEXT NOT NULL,
  UNIQUE (incarnation, seq)
) STRICT;

CREATE TRIGGER op_is_never_changed BEFORE UPDATE ON op
BEGIN SELECT RAISE(ABORT, 'an op is immutable'); END;

CREATE TRIGGER op_is_never_removed BEFORE DELETE ON op
BEGIN SELECT RAISE(ABORT, 'an op is immutable'); END;

CREATE TABLE op_fate (
  ord INTEGER PRIMARY KEY REFERENCES op (ord),
  op_id BLOB NOT NULL UNIQUE CHECK (length(op_id) = 16),
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  kind TEXT NOT NULL,
  captured_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'parked', 'stored', 'applied', 'noop', 'conflict', 'refused', 'held')),
  replay INTEGER NOT NULL CHECK (replay IN (0, 1)),
  open INTEGER NOT NULL CHECK (open IN (0, 1)),
  applied_rev INTEGER,
  preview TEXT,
  outcome TEXT,
  reason TEXT
) STRICT;

CREATE INDEX op_fate_open_by_case ON op_fate (case_id, ord) WHERE open = 1;
CREATE INDEX op_fate_open_by_state ON op_fate (state, captured_at) WHERE open = 1;

CREATE TABLE draft_text (
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  field TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (case_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_sequence (
  day TEXT PRIMARY KEY,
  taken INTEGER NOT NULL CHECK (taken >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
