-- Why: the desk shows the server digests of its confirmed cases, so that a difference is found and mended. A check with nothing changed must not read the cases.

CREATE TABLE case_digest (
  n INTEGER PRIMARY KEY,
  scope TEXT NOT NULL,
  bucket INTEGER NOT NULL CHECK (bucket >= 0 AND bucket <= 255),
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE INDEX case_digest_by_bucket ON case_digest (scope, bucket);

CREATE TABLE digest_bucket (
  scope TEXT NOT NULL,
  bucket INTEGER NOT NULL CHECK (bucket >= 0 AND bucket <= 255),
  sum BLOB NOT NULL CHECK (length(sum) = 32),
  PRIMARY KEY (scope, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE digest_pending (
  n INTEGER PRIMARY KEY
) STRICT;

CREATE TRIGGER digest_of_a_new_body AFTER INSERT ON case_body WHEN NEW.confirmed IS NOT NULL
BEGIN INSERT INTO digest_pending (n) VALUES (NEW.n) ON CONFLICT (n) DO NOTHING; END;

CREATE TRIGGER digest_of_a_changed_body AFTER UPDATE OF confirmed ON case_body
BEGIN INSERT INTO digest_pending (n) VALUES (NEW.n) ON CONFLICT (n) DO NOTHING; END;

CREATE TRIGGER digest_of_a_removed_body AFTER DELETE ON case_body
BEGIN INSERT INTO digest_pending (n) VALUES (OLD.n) ON CONFLICT (n) DO NOTHING; END;

CREATE TRIGGER digest_of_a_moved_row AFTER UPDATE OF office, gone ON case_row
WHEN NEW.office <> OLD.office OR NEW.gone <> OLD.gone
BEGIN INSERT INTO digest_pending (n) VALUES (NEW.n) ON CONFLICT (n) DO NOTHING; END;

INSERT INTO digest_pending (n) SELECT n FROM case_body WHERE confirmed IS NOT NULL;
