-- People prove themselves twice, two admins let a desk in, and a desk that is lost can be told to destroy what it holds.

CREATE TABLE second_factor (
  account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES user_account (id),
  -- What the authenticator app shares with us, sealed with a key of the data directory.
  sealed BYTEA NOT NULL,
  -- The newest step of 30 seconds whose code was taken: neither it nor an older one is taken again.
  last_step BIGINT NOT NULL,
  set_up_at BIGINT NOT NULL
);

-- For the day the phone is lost; each works once.
CREATE TABLE recovery_code (
  account TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  code_hash BYTEA NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (account, code_hash)
);

-- The admin who made the code; none when nobody was named.
ALTER TABLE enrol_code ADD COLUMN issued_by TEXT COLLATE "C";

-- Who let a desk in and who put it out: invited, approved, revoked, wipe_ordered or wiped.
CREATE TABLE device_act (
  device TEXT COLLATE "C" NOT NULL REFERENCES device (id),
  at BIGINT NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  by_user TEXT COLLATE "C",
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (device, at, what)
);

-- Orders to destroy what a desk holds. The nonce makes each of them another one; the desk confirms it by its key.
CREATE TABLE wipe_order (
  device TEXT COLLATE "C" NOT NULL REFERENCES device (id),
  nonce TEXT COLLATE "C" NOT NULL,
  -- after_sync or at_once.
  pace TEXT COLLATE "C" NOT NULL,
  ordered_at BIGINT NOT NULL,
  -- Ed25519 by the server over the order.
  signature BYTEA NOT NULL,
  confirmed_at BIGINT,
  PRIMARY KEY (device, nonce)
);

-- Where an office stands in the tree; rights do not follow it.
ALTER TABLE office ADD COLUMN parent TEXT COLLATE "C" REFERENCES office (code);
