-- Links by which a merchant's phone brings papers into a case, and the files that came up by them. Only the hash of a
-- link's token is kept.
CREATE TABLE upload_link (
  office TEXT NOT NULL REFERENCES office (code),
  case_id TEXT NOT NULL,
  id TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  made_by TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- 1 when it went out as a text message.
  texted INTEGER NOT NULL,
  opened_at INTEGER,
  ended_at INTEGER,
  PRIMARY KEY (office, case_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX upload_link_of_token ON upload_link (token_hash);

CREATE TABLE upload (
  office TEXT NOT NULL REFERENCES office (code),
  link TEXT NOT NULL,
  -- The document that it becomes.
  id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  -- How the phone names the file: the same name again goes on with the same upload.
  file TEXT NOT NULL,
  -- JSON text of the kind.
  kind TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  -- One character per chunk, 1 when it is here.
  have TEXT NOT NULL,
  begun_at INTEGER NOT NULL,
  -- On the case since then, or refused with the code.
  kept_at INTEGER,
  refused TEXT,
  -- JSON list of what a second photo could do better.
  hints TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (office, link, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX upload_of_file ON upload (office, link, file);
CREATE INDEX upload_of_case ON upload (office, case_id, begun_at);

-- The progress page asks by number.
CREATE INDEX case_file_of_number ON case_file (office, case_no);
