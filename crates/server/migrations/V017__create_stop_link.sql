-- While an approved case waits out its hold, the merchant of record has a link that stops it: single-purpose, for one case,
-- kept as a hash. It goes on working for some days after, so that an unbind that was nobody's wish is heard of.
CREATE TABLE stop_link (
  office TEXT NOT NULL REFERENCES office (code),
  case_id TEXT NOT NULL,
  id TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  made_at INTEGER NOT NULL,
  -- The case is not executed before this.
  execute_after INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- The merchant has asked to stop.
  stopped_at INTEGER,
  PRIMARY KEY (office, case_id, id)
) STRICT, WITHOUT ROWID;
