-- People are invited: an account begins without a password, and whoever it is for chooses one by a one-time code.

CREATE TABLE invitation (
  -- The code works at this office's desks only.
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  -- What was shown is kept nowhere.
  code_hash BYTEA NOT NULL,
  account TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  -- invite (the account is new) or reset (its password was forgotten).
  kind TEXT COLLATE "C" NOT NULL,
  -- The admin who made it; none when nobody was named.
  made_by TEXT COLLATE "C",
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- redeemed, replaced or revoked; none while it stands.
  ended TEXT COLLATE "C",
  ended_at BIGINT,
  -- The desk at which it was redeemed.
  device TEXT COLLATE "C",
  PRIMARY KEY (office, code_hash)
);
-- An account has one at most that stands.
CREATE UNIQUE INDEX invitation_standing ON invitation (account) WHERE ended IS NULL;

-- Whom the subjects of an identity provider are. Bound by issuer and subject, never by an address of mail.
CREATE TABLE oidc_subject (
  issuer TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  account TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  -- The admin who bound it; none when its owner did, by an invitation.
  bound_by TEXT COLLATE "C",
  bound_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX oidc_subject_account ON oidc_subject (account, issuer);

-- A sign-in that waits for a person in a browser; a desk has one at most. State and nonce are kept as hashes.
CREATE TABLE oidc_attempt (
  device TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES device (id),
  state_hash BYTEA NOT NULL,
  nonce_hash BYTEA NOT NULL,
  -- S256 of the verifier that the desk keeps.
  challenge TEXT COLLATE "C" NOT NULL,
  port BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
