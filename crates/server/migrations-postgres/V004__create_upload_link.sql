-- Links by which a merchant's phone brings papers into a case, and the files that came up by them. Only the hash of a
-- link's token is kept.
CREATE TABLE upload_link (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  case_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  token_hash BYTEA NOT NULL,
  made_by TEXT COLLATE "C" NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- 1 when it went out as a text message.
  texted BIGINT NOT NULL,
  opened_at BIGINT,
  ended_at BIGINT,
  PRIMARY KEY (office, case_id, id)
);
CREATE UNIQUE INDEX upload_link_of_token ON upload_link (token_hash);

CREATE TABLE upload (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  link TEXT COLLATE "C" NOT NULL,
  -- The document that it becomes.
  id TEXT COLLATE "C" NOT NULL,
  case_id TEXT COLLATE "C" NOT NULL,
  -- How the phone names the file: the same name again goes on with the same upload.
  file TEXT COLLATE "C" NOT NULL,
  -- JSON text of the kind.
  kind TEXT COLLATE "C" NOT NULL,
  size_bytes BIGINT NOT NULL,
  -- One character per chunk, 1 when it is here.
  have TEXT COLLATE "C" NOT NULL,
  begun_at BIGINT NOT NULL,
  -- On the case since then, or refused with the code.
  kept_at BIGINT,
  refused TEXT COLLATE "C",
  -- JSON list of what a second photo could do better.
  hints TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  PRIMARY KEY (office, link, id)
);
CREATE UNIQUE INDEX upload_of_file ON upload (office, link, file);
CREATE INDEX upload_of_case ON upload (office, case_id, begun_at);

-- The progress page asks by number.
CREATE INDEX case_file_of_number ON case_file (office, case_no);
