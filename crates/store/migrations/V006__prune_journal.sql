-- Why: an acknowledged op may go once a verified backup of the server holds it and it is old. What went, or was lost to damage, is on
-- record, so that the chain can be verified from the first op that is kept.

CREATE TABLE journal_hole (
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  first_seq INTEGER NOT NULL CHECK (first_seq >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= first_seq),
  why TEXT NOT NULL CHECK (why IN ('pruned', 'lost')),
  PRIMARY KEY (incarnation, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_safe (
  incarnation BLOB PRIMARY KEY CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  captured_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER op_fate_is_kept_while_it_matters BEFORE DELETE ON op_fate
WHEN OLD.open = 1 OR OLD.replay = 1 OR OLD.state IN ('queued', 'parked', 'held')
BEGIN SELECT RAISE(ABORT, 'an op that matters is kept'); END;

DROP TRIGGER op_is_never_removed;

CREATE TRIGGER op_is_never_removed BEFORE DELETE ON op
WHEN EXISTS (SELECT 1 FROM op_fate WHERE op_id = OLD.op_id)
  OR NOT EXISTS (
    SELECT 1 FROM journal_hole g
    JOIN journal_head h ON h.incarnation = g.incarnation
    JOIN backup_safe b ON b.incarnation = g.incarnation
    WHERE g.incarnation = OLD.incarnation AND g.why = 'pruned' AND OLD.seq BETWEEN g.first_seq AND g.last_seq
      AND h.acknowledged_seq >= OLD.seq AND b.seq >= OLD.seq)
BEGIN SELECT RAISE(ABORT, 'an op is immutable'); END;
