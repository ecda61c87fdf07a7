-- Why: the bytes of documents lie in sealed files; their keys and what is known of them lie here.

CREATE TABLE document (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  case_id BLOB CHECK (length(case_id) = 16),
  kind TEXT,
  manifest TEXT NOT NULL,
  quality TEXT,
  key BLOB CHECK (length(key) = 32),
  original_file TEXT,
  rendition_file TEXT,
  thumbnail_file TEXT,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  added_at INTEGER NOT NULL,
  transfer TEXT NOT NULL CHECK (transfer IN ('tray', 'to_send', 'stored', 'absent', 'wanted', 'fetched', 'erased')),
  chunks_have TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

CREATE INDEX document_by_transfer ON document (transfer, size_bytes);
CREATE INDEX document_by_case ON document (case_id) WHERE case_id IS NOT NULL;
