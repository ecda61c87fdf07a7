-- The office's database: people, devices, the log of ops, cases, feeds, documents, register.
-- Ids are hyphenated UUID text; instants are integer milliseconds UTC; JSON stands in TEXT.
-- Everything that belongs to an office leads with its code, so that a nation can be sharded by it.

CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE office (
  code TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- One row a scope; raised by the last statements of a transaction, so positions are dense and in commit order.
CREATE TABLE counter (
  office TEXT NOT NULL PRIMARY KEY REFERENCES office (code),
  position INTEGER NOT NULL
) STRICT;

CREATE TABLE user_account (
  id TEXT NOT NULL PRIMARY KEY,
  person TEXT NOT NULL,
  login TEXT NOT NULL UNIQUE,
  card TEXT NOT NULL,
  password_phc TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE device (
  id TEXT NOT NULL PRIMARY KEY,
  office TEXT NOT NULL REFERENCES office (code),
  device_code TEXT NOT NULL,
  label TEXT NOT NULL,
  public_key BLOB NOT NULL,
  status TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  UNIQUE (office, device_code)
) STRICT;

-- Who has ever signed in on which desk: an op by anybody else is held.
CREATE TABLE device_user (
  device TEXT NOT NULL REFERENCES device (id),
  user TEXT NOT NULL REFERENCES user_account (id),
  first_at INTEGER NOT NULL,
  PRIMARY KEY (device, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrol_code (
  code_hash BLOB NOT NULL PRIMARY KEY,
  office TEXT NOT NULL REFERENCES office (code),
  expires_at INTEGER NOT NULL,
  used_by TEXT
) STRICT;

-- (device, instant) of every proof taken: a recorded sign-in cannot be played again.
CREATE TABLE proof_seen (
  device TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (device, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  id TEXT NOT NULL PRIMARY KEY,
  family TEXT NOT NULL,
  device TEXT NOT NULL REFERENCES device (id),
  user TEXT NOT NULL REFERENCES user_account (id),
  access_hash BLOB NOT NULL UNIQUE,
  access_expires_at INTEGER NOT NULL,
  refresh_hash BLOB NOT NULL UNIQUE,
  refresh_expires_at INTEGER NOT NULL,
  -- Hash of the proof that spent the refresh token, and when: tells a repeated request from a stolen token.
  spent_by BLOB,
  spent_at INTEGER,
  successor TEXT,
  ended_at INTEGER
) STRICT;
CREATE INDEX session_family ON session (family);

CREATE TABLE throttle (
  key TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,
  locked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE head (
  device TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (device, incarnation)
) STRICT, WITHOUT ROWID;

-- Every op as it came, for ever. `counted` is 1 for the one row of an op_id that was judged.
CREATE TABLE journal (
  device TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  seq INTEGER NOT NULL,
  op_id TEXT NOT NULL,
  counted INTEGER NOT NULL,
  case_id TEXT,
  actor TEXT,
  bytes TEXT,
  hash BLOB NOT NULL,
  -- Hash of what the op says without its place in a chain: the same op re-chained is the same op.
  content BLOB NOT NULL,
  outcome TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  -- Feed position that carried it to the office's desks; 0 when nothing changed.
  position INTEGER NOT NULL,
  PRIMARY KEY (device, incarnation, seq)
) STRICT;
CREATE UNIQUE INDEX journal_op ON journal (op_id) WHERE counted = 1;
CREATE INDEX journal_case ON journal (case_id, device, position);
CREATE TRIGGER journal_immutable BEFORE UPDATE OF device, incarnation, seq, op_id, bytes, hash, content ON journal
BEGIN SELECT RAISE(ABORT, 'journal is immutable'); END;
CREATE TRIGGER journal_kept BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'journal is kept'); END;

CREATE TABLE case_file (
  office TEXT NOT NULL REFERENCES office (code),
  id TEXT NOT NULL,
  case_no TEXT NOT NULL,
  state TEXT NOT NULL,
  rev INTEGER NOT NULL,
  serial TEXT,
  merchant_no TEXT,
  -- 1 while another submit of the same serial must not pass unseen.
  is_open INTEGER NOT NULL,
  submitted_at INTEGER,
  snapshot TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX case_id ON case_file (id);
CREATE INDEX case_open_serial ON case_file (serial) WHERE is_open = 1;
CREATE INDEX case_merchant ON case_file (merchant_no, submitted_at) WHERE submitted_at IS NOT NULL;

CREATE TABLE timeline (
  office TEXT NOT NULL,
  case_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  n INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (office, case_id, position, n)
) STRICT, WITHOUT ROWID;

-- What changed, in order: `thing` is case, merchant or user.
CREATE TABLE feed (
  office TEXT NOT NULL,
  position INTEGER NOT NULL,
  thing TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (office, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
  office TEXT NOT NULL,
  id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  manifest TEXT NOT NULL,
  stored_at INTEGER,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_picture ON document (sha256);

CREATE TABLE merchant (
  office TEXT NOT NULL REFERENCES office (code),
  id TEXT NOT NULL,
  merchant_no TEXT NOT NULL,
  version INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX merchant_by_no ON merchant (merchant_no);
