-- Why: what happened to the desk itself, and what became of an op that nobody could send, must reach a person, not only a log.

CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  at INTEGER NOT NULL,
  params TEXT NOT NULL,
  seen INTEGER NOT NULL DEFAULT 0 CHECK (seen IN (0, 1))
) STRICT;

CREATE INDEX alert_unseen ON alert (id) WHERE seen = 0;

CREATE TABLE dismissal (
  op_id BLOB PRIMARY KEY CHECK (length(op_id) = 16),
  by BLOB NOT NULL CHECK (length(by) = 16),
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
