-- Why: a server that was put back to a backup may have judged an op otherwise since. Its first word replaces such a verdict.

ALTER TABLE op_fate ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0 CHECK (in_doubt IN (0, 1));
