-- Calls out of the house, as the telephone system tells of them: what a call-back with a call id rests on. They go after
-- thirty days.
CREATE TABLE cti_call_back (
  office TEXT COLLATE "C" NOT NULL,
  -- The telephone system's own.
  call_ref TEXT COLLATE "C" NOT NULL,
  -- A keyed digest of the number that was called; none when it is no number.
  number BYTEA,
  first_at BIGINT NOT NULL,
  answered_at BIGINT,
  -- The case it counts for.
  case_id TEXT COLLATE "C",
  PRIMARY KEY (office, call_ref)
);
CREATE INDEX cti_call_back_first ON cti_call_back (first_at);
SELECT guard_rows('cti_call_back');
