-- The tables of the embedded database as it stands after its V006, for PostgreSQL and what speaks like it.
-- Text compares by its bytes, as there.
-- The office's database: people, devices, the log of ops, cases, feeds, documents, register.
-- Ids are hyphenated UUID text; instants are integer milliseconds UTC; JSON stands in TEXT.
-- Everything that belongs to an office leads with its code, so that a nation can be sharded by it.

CREATE TABLE meta (
  key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE office (
  code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);

-- One row a scope; raised by the last statements of a transaction, so positions are dense and in commit order.
CREATE TABLE counter (
  office TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES office (code),
  position BIGINT NOT NULL
);

CREATE TABLE user_account (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  person TEXT COLLATE "C" NOT NULL,
  login TEXT COLLATE "C" NOT NULL UNIQUE,
  card TEXT COLLATE "C" NOT NULL,
  password_phc TEXT COLLATE "C" NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE device (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  device_code TEXT COLLATE "C" NOT NULL,
  label TEXT COLLATE "C" NOT NULL,
  public_key BYTEA NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  enrolled_at BIGINT NOT NULL,
  UNIQUE (office, device_code)
);

-- Who has ever signed in on which desk: an op by anybody else is held.
CREATE TABLE device_user (
  device TEXT COLLATE "C" NOT NULL REFERENCES device (id),
  "user" TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  first_at BIGINT NOT NULL,
  PRIMARY KEY (device, "user")
);

CREATE TABLE enrol_code (
  code_hash BYTEA NOT NULL PRIMARY KEY,
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  expires_at BIGINT NOT NULL,
  used_by TEXT COLLATE "C"
);

-- (device, instant) of every proof taken: a recorded sign-in cannot be played again.
CREATE TABLE proof_seen (
  device TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (device, at)
);

CREATE TABLE session (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  family TEXT COLLATE "C" NOT NULL,
  device TEXT COLLATE "C" NOT NULL REFERENCES device (id),
  "user" TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  access_hash BYTEA NOT NULL UNIQUE,
  access_expires_at BIGINT NOT NULL,
  refresh_hash BYTEA NOT NULL UNIQUE,
  refresh_expires_at BIGINT NOT NULL,
  -- Hash of the proof that spent the refresh token, and when: tells a repeated request from a stolen token.
  spent_by BYTEA,
  spent_at BIGINT,
  successor TEXT COLLATE "C",
  ended_at BIGINT
);
CREATE INDEX session_family ON session (family);

CREATE TABLE throttle (
  key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  failures BIGINT NOT NULL,
  locked_until BIGINT NOT NULL
);

CREATE TABLE head (
  device TEXT COLLATE "C" NOT NULL,
  incarnation TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (device, incarnation)
);

-- Every op as it came, for ever. `counted` is 1 for the one row of an op_id that was judged.
CREATE TABLE journal (
  device TEXT COLLATE "C" NOT NULL,
  incarnation TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  op_id TEXT COLLATE "C" NOT NULL,
  counted BIGINT NOT NULL,
  case_id TEXT COLLATE "C",
  actor TEXT COLLATE "C",
  bytes TEXT COLLATE "C",
  hash BYTEA NOT NULL,
  -- Hash of what the op says without its place in a chain: the same op re-chained is the same op.
  content BYTEA NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL,
  received_at BIGINT NOT NULL,
  -- Feed position that carried it to the office's desks; 0 when nothing changed.
  position BIGINT NOT NULL,
  -- The order in which ops came; SQLite has it as its own.
  rowid BIGINT GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (device, incarnation, seq)
);
CREATE UNIQUE INDEX journal_op ON journal (op_id) WHERE counted = 1;
CREATE INDEX journal_case ON journal (case_id, device, position);
CREATE FUNCTION journal_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is immutable and kept' USING ERRCODE = '23514'; END $$;
CREATE TRIGGER journal_immutable BEFORE UPDATE OF device, incarnation, seq, op_id, bytes, hash, content ON journal
FOR EACH ROW EXECUTE FUNCTION journal_stands();
CREATE TRIGGER journal_kept BEFORE DELETE ON journal FOR EACH ROW EXECUTE FUNCTION journal_stands();

CREATE TABLE case_file (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  id TEXT COLLATE "C" NOT NULL,
  case_no TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  rev BIGINT NOT NULL,
  serial TEXT COLLATE "C",
  merchant_no TEXT COLLATE "C",
  -- 1 while another submit of the same serial must not pass unseen.
  is_open BIGINT NOT NULL,
  submitted_at BIGINT,
  snapshot TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (office, id)
);
CREATE UNIQUE INDEX case_id ON case_file (id);
CREATE INDEX case_open_serial ON case_file (serial) WHERE is_open = 1;
CREATE INDEX case_merchant ON case_file (merchant_no, submitted_at) WHERE submitted_at IS NOT NULL;

CREATE TABLE timeline (
  office TEXT COLLATE "C" NOT NULL,
  case_id TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  n BIGINT NOT NULL,
  entry TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (office, case_id, position, n)
);

-- What changed, in order: `thing` is case, merchant or user.
CREATE TABLE feed (
  office TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  thing TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (office, position)
);

CREATE TABLE document (
  office TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  case_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  manifest TEXT COLLATE "C" NOT NULL,
  stored_at BIGINT,
  PRIMARY KEY (office, id)
);
CREATE INDEX document_picture ON document (sha256);

CREATE TABLE merchant (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  id TEXT COLLATE "C" NOT NULL,
  merchant_no TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  record TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (office, id)
);
CREATE INDEX merchant_by_no ON merchant (merchant_no);

-- One-time codes to the registered number: bound to case and serial, kept as hashes, counted so that a restart forgives
-- nothing.
CREATE TABLE one_time_code (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  case_id TEXT COLLATE "C" NOT NULL,
  sent_at BIGINT NOT NULL,
  merchant_id TEXT COLLATE "C" NOT NULL,
  serial TEXT COLLATE "C" NOT NULL,
  code_hash BYTEA NOT NULL,
  expires_at BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0,
  used_at BIGINT,
  PRIMARY KEY (office, case_id, sent_at)
);
CREATE INDEX one_time_code_of_merchant ON one_time_code (office, merchant_id, sent_at);

-- Ops that came before what they refer to (another desk sent it later, or a restored server is being filled again)
-- are judged again whenever their case changes; this finds them without looking at the rest of the log.
CREATE INDEX journal_waiting ON journal (case_id)
  WHERE counted = 1 AND outcome = '{"is":"held","why":"missing_dependency"}';

-- A desk asks now and then whether it holds the cases that stand here. The answer must not read all of them: each case
-- has its digest, each of 256 buckets of an office (the last two characters of the case id) the XOR of its cases'.
-- A changed case is only marked; its digest is taken when somebody asks.
CREATE TABLE case_digest (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  bucket TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  -- What the bucket's sum holds of this case; none when nothing yet.
  digest BYTEA,
  is_stale BIGINT NOT NULL,
  PRIMARY KEY (office, bucket, id)
);
CREATE INDEX case_digest_stale ON case_digest (office) WHERE is_stale = 1;

CREATE TABLE digest_bucket (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  bucket TEXT COLLATE "C" NOT NULL,
  sum BYTEA NOT NULL,
  PRIMARY KEY (office, bucket)
);


-- A newer server looks at its start for what an older one could not judge.
CREATE INDEX journal_unjudged ON journal (outcome)
  WHERE counted = 1 AND outcome IN ('{"is":"held","why":"unknown_kind"}', '{"is":"held","why":"internal"}');

-- Up to where each chain of each desk is in a verified backup: desks may let go of older ops.
CREATE TABLE backup_safe (
  device TEXT COLLATE "C" NOT NULL,
  incarnation TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  verified_at BIGINT NOT NULL,
  PRIMARY KEY (device, incarnation)
);

-- What headquarters should know of a desk: it was cloned or restored (fork, another life), it lost or gained ops, its
-- cases differed. One row for each kind and life, counted; no personal data in `params`.
CREATE TABLE device_event (
  device TEXT COLLATE "C" NOT NULL,
  incarnation TEXT COLLATE "C" NOT NULL,
  what TEXT COLLATE "C" NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  times BIGINT NOT NULL,
  params TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (device, incarnation, what)
);
CREATE INDEX device_event_newest ON device_event (last_at);

-- Why: verdicts that changed no case travel with none; a first fill tells them by themselves.

CREATE INDEX journal_untold ON journal (device, op_id) WHERE counted = 1 AND position = 0;

