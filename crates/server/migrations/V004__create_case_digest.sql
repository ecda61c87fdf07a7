-- A desk asks now and then whether it holds the cases that stand here. The answer must not read all of them: each case
-- has its digest, each of 256 buckets of an office (the last two characters of the case id) the XOR of its cases'.
-- A changed case is only marked; its digest is taken when somebody asks.
CREATE TABLE case_digest (
  office TEXT NOT NULL REFERENCES office (code),
  bucket TEXT NOT NULL,
  id TEXT NOT NULL,
  -- What the bucket's sum holds of this case; none when nothing yet.
  digest BLOB,
  is_stale INTEGER NOT NULL,
  PRIMARY KEY (office, bucket, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_digest_stale ON case_digest (office) WHERE is_stale = 1;

CREATE TABLE digest_bucket (
  office TEXT NOT NULL REFERENCES office (code),
  bucket TEXT NOT NULL,
  sum BLOB NOT NULL,
  PRIMARY KEY (office, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO case_digest (office, bucket, id, digest, is_stale)
SELECT office, substr(id, 35, 2), id, NULL, 1 FROM case_file;

-- A newer server looks at its start for what an older one could not judge.
CREATE INDEX journal_unjudged ON journal (outcome)
  WHERE counted = 1 AND outcome IN ('{"is":"held","why":"unknown_kind"}', '{"is":"held","why":"internal"}');
