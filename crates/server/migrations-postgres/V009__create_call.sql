-- An office's telephone system tells of its calls, and the desks of the office ring. What is kept of a call is short-lived:
-- the number goes as soon as the call ends, the rest after a day.
CREATE TABLE cti_line (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  id TEXT COLLATE "C" NOT NULL,
  -- Of the token in its address; the token itself is shown once.
  token_hash BYTEA NOT NULL,
  -- The admin who made it; none when nobody was named.
  made_by TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  -- When the token was last changed.
  rotated_at BIGINT,
  -- The minute that is being counted, and the events of it.
  window_at BIGINT NOT NULL,
  events BIGINT NOT NULL,
  PRIMARY KEY (office, id)
);
CREATE UNIQUE INDEX cti_line_token ON cti_line (token_hash);

-- Whose telephone an extension is.
CREATE TABLE cti_extension (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  -- As the telephone system names it: a number, a name, an address.
  extension TEXT COLLATE "C" NOT NULL,
  "user" TEXT COLLATE "C" NOT NULL REFERENCES user_account (id),
  PRIMARY KEY (office, extension)
);

CREATE TABLE cti_call (
  office TEXT COLLATE "C" NOT NULL,
  -- The telephone system's own.
  call_ref TEXT COLLATE "C" NOT NULL,
  -- in or out.
  direction TEXT COLLATE "C" NOT NULL,
  -- ringing, answered, ended. A call never goes back.
  state TEXT COLLATE "C" NOT NULL,
  -- The caller's number, sealed with a key of the data directory; none when it is withheld, and none any more once the call is over.
  caller BYTEA,
  -- A JSON list of the people it rings at; none when it rings at everybody who collects.
  rings_at TEXT COLLATE "C",
  answered_by TEXT COLLATE "C",
  first_at BIGINT NOT NULL,
  -- It is shown on no desk from then on.
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (office, call_ref)
);
CREATE INDEX cti_call_shown ON cti_call (office, ends_at) WHERE state <> 'ended';
CREATE INDEX cti_call_caller ON cti_call (ends_at) WHERE caller IS NOT NULL;
CREATE INDEX cti_call_first ON cti_call (first_at);

-- Counts up whenever the desks of an office have something new to hear.
CREATE TABLE cti_bell (
  office TEXT COLLATE "C" PRIMARY KEY,
  position BIGINT NOT NULL
);
