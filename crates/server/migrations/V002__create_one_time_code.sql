-- One-time codes to the registered number: bound to case and serial, kept as hashes, counted so that a restart forgives
-- nothing.
CREATE TABLE one_time_code (
  office TEXT NOT NULL REFERENCES office (code),
  case_id TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  merchant_id TEXT NOT NULL,
  serial TEXT NOT NULL,
  code_hash BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  used_at INTEGER,
  PRIMARY KEY (office, case_id, sent_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_code_of_merchant ON one_time_code (office, merchant_id, sent_at);
