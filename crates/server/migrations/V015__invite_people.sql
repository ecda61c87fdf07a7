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

-- Whom the subjects of an identity provider are. Bound by issuer and subject, never by an address of mail.
CREATE TABLE oidc_subject (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES user_account (id),
  -- The admin who bound it; none when its owner did, by an invitation.
  bound_by TEXT,
  bound_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oidc_subject_account ON oidc_subject (account, issuer);

-- A sign-in that waits for a person in a browser; a desk has one at most. State and nonce are kept as hashes.
CREATE TABLE oidc_attempt (
  device TEXT NOT NULL PRIMARY KEY REFERENCES device (id),
  state_hash BLOB NOT NULL,
  nonce_hash BLOB NOT NULL,
  -- S256 of the verifier that the desk keeps.
  challenge TEXT NOT NULL,
  port INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
