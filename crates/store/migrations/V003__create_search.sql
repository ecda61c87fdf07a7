-- Why: two Chinese characters must find a case in milliseconds at a million cases, and nothing readable may lie outside this file.

CREATE VIRTUAL TABLE search_text USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii', detail = none);

CREATE TABLE search_key (
  token INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (token, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE search_row (
  n INTEGER PRIMARY KEY,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  tokens BLOB NOT NULL
) STRICT;

CREATE TABLE search_pending (
  n INTEGER PRIMARY KEY
) STRICT;
