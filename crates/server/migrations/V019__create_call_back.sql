-- Calls out of the house, as the telephone system tells of them: what a call-back with a call id rests on. They go after
-- thirty days.
CREATE TABLE cti_call_back (
  office TEXT NOT NULL,
  -- The telephone system's own.
  call_ref TEXT NOT NULL,
  -- A keyed digest of the number that was called; none when it is no number.
  number BLOB,
  first_at INTEGER NOT NULL,
  answered_at INTEGER,
  -- The case it counts for.
  case_id TEXT,
  PRIMARY KEY (office, call_ref)
) STRICT, WITHOUT ROWID;
CREATE INDEX cti_call_back_first ON cti_call_back (first_at);
