-- People are invited: an account begins without a password, and whoever it is for chooses one by a one-time code.

CREATE TABLE invitation (
  -- The code works at this office's desks only.
  office TEXT NOT NULL REFERENCES office (code),
  -- What was shown is kept nowhere.
  code_hash BLOB NOT NULL,
  account TEXT NOT NULL REFERENCES user_account (id),
  -- invite (the account is new) or reset (its password was forgotten).
  kind TEXT NOT NULL,
  -- The admin who made it; none when nobody was named.
  made_by TEXT,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- redeemed, replaced or revoked; none while it stands.
  ended TEXT,
  ended_at INTEGER,
  -- The desk at which it was redeemed.
  device TEXT,
  PRIMARY KEY (office, code_hash)
) STRICT, WITHOUT ROWID;
-- An account has one at most that stands.
CREATE UNIQUE INDEX invitation_standing ON invitation (account) WHERE ended IS NULL;
