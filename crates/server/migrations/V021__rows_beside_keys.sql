-- Rows of these tables hold a document of some kilobytes. In a table WITHOUT ROWID they stand inside of the tree of keys: what
-- does not fit a quarter of a page goes to a page of its own, and whoever looks for one key reads that page of every row he
-- is led past. Here the rows stand beside their keys.
CREATE TABLE case_beside (
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
) STRICT;
INSERT INTO case_beside (office, id, case_no, state, rev, serial, merchant_no, is_open, submitted_at, snapshot, updated_at)
SELECT office, id, case_no, state, rev, serial, merchant_no, is_open, submitted_at, snapshot, updated_at
FROM case_file ORDER BY office, id;
DROP TABLE case_file;
ALTER TABLE case_beside RENAME TO case_file;
CREATE UNIQUE INDEX case_id ON case_file (id);
CREATE INDEX case_open_serial ON case_file (serial) WHERE is_open = 1;
CREATE INDEX case_merchant ON case_file (merchant_no, submitted_at) WHERE submitted_at IS NOT NULL;
CREATE INDEX case_file_of_number ON case_file (office, case_no);
CREATE INDEX case_approved ON case_file (office, id) WHERE state = 'approved';

CREATE TABLE document_beside (
  office TEXT NOT NULL,
  id TEXT NOT NULL,
  case_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  manifest TEXT NOT NULL,
  stored_at INTEGER,
  PRIMARY KEY (office, id)
) STRICT;
INSERT INTO document_beside (office, id, case_id, kind, sha256, manifest, stored_at)
SELECT office, id, case_id, kind, sha256, manifest, stored_at FROM document ORDER BY office, id;
DROP TABLE document;
ALTER TABLE document_beside RENAME TO document;
CREATE INDEX document_picture ON document (sha256);

CREATE TABLE merchant_beside (
  office TEXT NOT NULL REFERENCES office (code),
  id TEXT NOT NULL,
  merchant_no TEXT NOT NULL,
  version INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (office, id)
) STRICT;
INSERT INTO merchant_beside (office, id, merchant_no, version, record)
SELECT office, id, merchant_no, version, record FROM merchant ORDER BY office, id;
DROP TABLE merchant;
ALTER TABLE merchant_beside RENAME TO merchant;
CREATE INDEX merchant_by_no ON merchant (merchant_no);
