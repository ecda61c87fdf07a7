-- The organisation's policy, version by version, each signed with the server's key: what an action needs, what risk weighs,
-- what the clocks promise. The newest approved one is in force; without any it is the one that ships with the program.
-- Rows are never changed but by their approval, and never deleted: a decision is read by the policy of its day.
CREATE TABLE policy (
  version INTEGER NOT NULL PRIMARY KEY,
  toml TEXT NOT NULL,
  -- Ed25519 over the version and the text.
  signature BLOB NOT NULL,
  -- In somebody's words, for those who read it later.
  reason TEXT NOT NULL,
  -- The admin; none when nobody was named.
  proposed_by TEXT,
  proposed_at INTEGER NOT NULL,
  -- Another admin where two are asked for.
  approved_by TEXT,
  -- In force from then on; none while it waits for the second admin.
  approved_at INTEGER
) STRICT, WITHOUT ROWID;
