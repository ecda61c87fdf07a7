-- While an approved case waits out its hold, the merchant of record has a link that stops it: single-purpose, for one case,
-- kept as a hash. It goes on working for some days after, so that an unbind that was nobody's wish is heard of.
CREATE TABLE stop_link (
  office TEXT NOT NULL REFERENCES office (code),
  case_id TEXT NOT NULL,
  id TEXT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  made_at BIGINT NOT NULL,
  -- The case is not executed before this.
  execute_after BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- The merchant has asked to stop.
  stopped_at BIGINT,
  PRIMARY KEY (office, case_id, id)
);
