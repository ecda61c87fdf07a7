-- The register comes from the acquirer's spreadsheets. Each import is a run that can be looked at and taken back, and
-- each terminal keeps the list of those it was bound to.

-- One import, or one roll-back of an import. A file may hold the rows of several offices, so a run belongs to none.
CREATE TABLE register_run (
  run INTEGER NOT NULL PRIMARY KEY,
  -- import or rollback.
  kind TEXT NOT NULL,
  -- The run that a roll-back takes back.
  undoes INTEGER,
  file_name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  run_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  -- applying, done or rolled_back. What is still applying was cut short.
  state TEXT NOT NULL,
  -- JSON; grows with each portion.
  counts TEXT NOT NULL
) STRICT;
CREATE INDEX register_run_of_file ON register_run (sha256);

-- What a run did to one merchant: the record before it (none when it is new) and after it.
CREATE TABLE register_change (
  office TEXT NOT NULL REFERENCES office (code),
  run INTEGER NOT NULL REFERENCES register_run (run),
  merchant TEXT NOT NULL,
  -- Of the record after the run: when the record has another by now, somebody changed it since.
  version INTEGER NOT NULL,
  record_before TEXT,
  record_after TEXT NOT NULL,
  PRIMARY KEY (office, run, merchant)
) STRICT, WITHOUT ROWID;
CREATE INDEX register_change_of_run ON register_change (run, office, merchant);

-- To whom a terminal was bound, from when until when; open while `until_at` is none.
CREATE TABLE terminal_binding (
  office TEXT NOT NULL REFERENCES office (code),
  serial TEXT NOT NULL,
  merchant TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER,
  -- The runs that began and ended it; none when the record came another way.
  run INTEGER,
  ended_run INTEGER,
  PRIMARY KEY (office, serial, merchant, from_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX terminal_binding_of_serial ON terminal_binding (serial);
CREATE INDEX terminal_binding_of_merchant ON terminal_binding (office, merchant);
