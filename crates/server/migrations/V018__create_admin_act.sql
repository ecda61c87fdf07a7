-- What admins did with people, desks, offices and the policy: kept for ever, no secret in it. An act that concerns several
-- offices has a row for each of them, all under the same id.

CREATE TABLE admin_act (
  office TEXT NOT NULL REFERENCES office (code),
  at INTEGER NOT NULL,
  id TEXT NOT NULL,
  -- The admin; none when nobody was named at the console.
  by_user TEXT,
  what TEXT NOT NULL,
  -- A login, a desk, an office or a version of the policy.
  subject TEXT NOT NULL,
  -- What changed, as key=value words.
  detail TEXT NOT NULL,
  PRIMARY KEY (office, at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX admin_act_by ON admin_act (by_user, at);
CREATE TRIGGER admin_act_immutable BEFORE UPDATE ON admin_act
BEGIN SELECT RAISE(ABORT, 'acts of admins are immutable'); END;
CREATE TRIGGER admin_act_kept BEFORE DELETE ON admin_act
BEGIN SELECT RAISE(ABORT, 'acts of admins are kept'); END;
