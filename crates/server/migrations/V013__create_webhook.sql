-- Systems outside hear of cases by webhook: an office's endpoints, and what each of them is told, written in the same
-- transaction as what it tells of and sent afterwards by whichever node claims it.
CREATE TABLE webhook (
  office TEXT NOT NULL REFERENCES office (code),
  id TEXT NOT NULL,
  url TEXT NOT NULL,
  -- A JSON list of the events that are wanted.
  events TEXT NOT NULL,
  -- active or disabled.
  status TEXT NOT NULL,
  -- Of a disabled one: admin, gone (it answered 410) or failing (for days).
  why TEXT,
  -- The first attempt that failed since the last one that did not.
  failing_since INTEGER,
  -- The admin who added it; none when nobody was named.
  made_by TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;

-- What an endpoint and this office share; several while one follows another.
CREATE TABLE webhook_secret (
  office TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  n INTEGER NOT NULL,
  -- Sealed with a key of the data directory.
  sealed BLOB NOT NULL,
  made_at INTEGER NOT NULL,
  -- Signs no more from then on; none for the newest.
  ends_at INTEGER,
  PRIMARY KEY (office, endpoint, n),
  FOREIGN KEY (office, endpoint) REFERENCES webhook (office, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_delivery (
  office TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  -- The webhook-id, the same in every attempt: the op that moved the case.
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  -- waiting, sending, delivered, failed.
  status TEXT NOT NULL,
  -- All that were ever made.
  attempts INTEGER NOT NULL,
  -- Until it is given up.
  tries_left INTEGER NOT NULL,
  -- While it waits: not before this. While it is being sent: the end of the lease, after which another node goes on.
  due_at INTEGER NOT NULL,
  -- The class of the last failure.
  error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (office, endpoint, id),
  FOREIGN KEY (office, endpoint) REFERENCES webhook (office, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE status IN ('waiting', 'sending');
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL;

-- Each attempt: when, how long it took, and the status of the answer or the class of the failure. Of answers nothing
-- else is kept.
CREATE TABLE webhook_attempt (
  office TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  delivery TEXT NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took_ms INTEGER NOT NULL,
  status INTEGER,
  error TEXT,
  PRIMARY KEY (office, endpoint, delivery, n),
  FOREIGN KEY (office, endpoint, delivery) REFERENCES webhook_delivery (office, endpoint, id)
) STRICT, WITHOUT ROWID;
