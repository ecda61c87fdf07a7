-- People prove themselves twice, two admins let a desk in, and a desk that is lost can be told to destroy what it holds.

CREATE TABLE second_factor (
  account TEXT NOT NULL PRIMARY KEY REFERENCES user_account (id),
  -- What the authenticator app shares with us, sealed with a key of the data directory.
  sealed BLOB NOT NULL,
  -- The newest step of 30 seconds whose code was taken: neither it nor an older one is taken again.
  last_step INTEGER NOT NULL,
  set_up_at INTEGER NOT NULL
) STRICT;

-- For the day the phone is lost; each works once.
CREATE TABLE recovery_code (
  account TEXT NOT NULL REFERENCES user_account (id),
  code_hash BLOB NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (account, code_hash)
) STRICT, WITHOUT ROWID;

-- The admin who made the code; none when nobody was named.
ALTER TABLE enrol_code ADD COLUMN issued_by TEXT;

-- Who let a desk in and who put it out: invited, approved, revoked, wipe_ordered or wiped.
CREATE TABLE device_act (
  device TEXT NOT NULL REFERENCES device (id),
  at INTEGER NOT NULL,
  what TEXT NOT NULL,
  by_user TEXT,
  reason TEXT NOT NULL,
  PRIMARY KEY (device, at, what)
) STRICT, WITHOUT ROWID;

-- Orders to destroy what a desk holds. The nonce makes each of them another one; the desk confirms it by its key.
CREATE TABLE wipe_order (
  device TEXT NOT NULL REFERENCES device (id),
  nonce TEXT NOT NULL,
  -- after_sync or at_once.
  pace TEXT NOT NULL,
  ordered_at INTEGER NOT NULL,
  -- Ed25519 by the server over the order.
  signature BLOB NOT NULL,
  confirmed_at INTEGER,
  PRIMARY KEY (device, nonce)
) STRICT, WITHOUT ROWID;

-- Where an office stands in the tree; rights do not follow it.
ALTER TABLE office ADD COLUMN parent TEXT REFERENCES office (code);
