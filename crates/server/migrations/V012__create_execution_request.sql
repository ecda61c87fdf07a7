-- What the connector asks the acquirer's core system to do, from the transaction that starts the execution to the one that
-- records its result: a crash in between leaves a row from which any node goes on, and none sends a second time what may
-- have arrived.
CREATE TABLE execution_request (
  office TEXT NOT NULL REFERENCES office (code),
  -- The idempotency key, the same on the case.
  id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  -- The body, byte for byte the same each time it is sent.
  request TEXT NOT NULL,
  -- ready: not at the core system; asked: it may be; answered: the result is known and waits for its case; ended.
  state TEXT NOT NULL,
  -- Claims so far; a settlement under an older number comes too late.
  attempt INTEGER NOT NULL,
  -- Not before this; while a node works on it: the end of its lease.
  next_at INTEGER NOT NULL,
  -- Since when it may have arrived; none while nothing ever left.
  left_at INTEGER,
  -- Since when no clear word came back.
  unclear_since INTEGER,
  -- When the case was told that the result is unknown.
  unknown_at INTEGER,
  -- The core system's own number, once it gave one.
  reference TEXT,
  -- JSON of the result.
  answer TEXT,
  error TEXT,
  -- unbound, failed, elsewhere.
  outcome TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;
-- A callback names the key alone; a case is given to the connector once.
CREATE UNIQUE INDEX execution_request_key ON execution_request (id);
CREATE UNIQUE INDEX execution_request_of_case ON execution_request (office, case_id);
CREATE INDEX execution_request_due ON execution_request (next_at) WHERE state IN ('ready', 'asked', 'answered');
-- What may be started is found without a look at every case.
CREATE INDEX case_approved ON case_file (office, id) WHERE state = 'approved';
