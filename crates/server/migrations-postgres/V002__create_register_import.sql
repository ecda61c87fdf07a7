-- The register comes from the acquirer's spreadsheets. Each import is a run that can be looked at and taken back, and
-- each terminal keeps the list of those it was bound to.

-- One import, or one roll-back of an import. A file may hold the rows of several offices, so a run belongs to none.
CREATE TABLE register_run (
  run BIGINT NOT NULL PRIMARY KEY,
  -- import or rollback.
  kind TEXT COLLATE "C" NOT NULL,
  -- The run that a roll-back takes back.
  undoes BIGINT,
  file_name TEXT COLLATE "C" NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  run_by TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  -- applying, done or rolled_back. What is still applying was cut short.
  state TEXT COLLATE "C" NOT NULL,
  -- JSON; grows with each portion.
  counts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX register_run_of_file ON register_run (sha256);

-- What a run did to one merchant: the record before it (none when it is new) and after it.
CREATE TABLE register_change (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  run BIGINT NOT NULL REFERENCES register_run (run),
  merchant TEXT COLLATE "C" NOT NULL,
  -- Of the record after the run: when the record has another by now, somebody changed it since.
  version BIGINT NOT NULL,
  record_before TEXT COLLATE "C",
  record_after TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (office, run, merchant)
);
CREATE INDEX register_change_of_run ON register_change (run, office, merchant);

-- To whom a terminal was bound, from when until when; open while `until_at` is none.
CREATE TABLE terminal_binding (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  serial TEXT COLLATE "C" NOT NULL,
  merchant TEXT COLLATE "C" NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT,
  -- The runs that began and ended it; none when the record came another way.
  run BIGINT,
  ended_run BIGINT,
  PRIMARY KEY (office, serial, merchant, from_at)
);
CREATE INDEX terminal_binding_of_serial ON terminal_binding (serial);
CREATE INDEX terminal_binding_of_merchant ON terminal_binding (office, merchant);
