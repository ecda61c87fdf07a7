-- The schema of the desk's encrypted file, as crates/store/migrations make it. A test keeps this page equal to reality.
-- Identifiers are 16-byte UUIDs; instants are integer milliseconds UTC; refinery's own history table is not shown.

-- ==== journal: what a person did must survive everything else. The journal comes first and depends on nothing.

-- Who this desk is. One row, written at enrolment. `incarnation` names the journal that is being written now.
CREATE TABLE identity (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  device BLOB NOT NULL CHECK (length(device) = 16),
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  office TEXT NOT NULL,
  office_name TEXT NOT NULL,
  device_code TEXT NOT NULL
) STRICT;

-- The end of each chain. `hash` is that of op `seq`; the server has everything up to `acknowledged_seq`.
-- `hlc_ms`, `hlc_n` are the hybrid logical clock of the last op: for display and for spotting skew, never to pick a winner.
CREATE TABLE journal_head (
  incarnation BLOB PRIMARY KEY CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  acknowledged_seq INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged_seq >= 0 AND acknowledged_seq <= seq),
  hlc_ms INTEGER NOT NULL,
  hlc_n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people did. Rows are never changed, and removed only by retention (`journal_hole`). `bytes` is the op verbatim, `hash` = BLAKE3(hash of seq - 1 ‖ bytes).
-- `ord` orders the ops of all incarnations; an op that was hung on a new chain has a row in each, with the same `op_id`.
CREATE TABLE op (
  ord INTEGER PRIMARY KEY,
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  op_id BLOB NOT NULL CHECK (length(op_id) = 16),
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  group_i INTEGER NOT NULL,
  group_len INTEGER NOT NULL CHECK (group_len >= 1 AND group_i < group_len),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  bytes TEXT NOT NULL,
  UNIQUE (incarnation, seq)
) STRICT;

CREATE TRIGGER op_is_never_changed BEFORE UPDATE ON op
BEGIN SELECT RAISE(ABORT, 'an op is immutable'); END;

-- An op goes only when nothing is pending on it, the server has it, a verified backup of the server holds it and its hole is on record.
CREATE TRIGGER op_is_never_removed BEFORE DELETE ON op
WHEN EXISTS (SELECT 1 FROM op_fate WHERE op_id = OLD.op_id)
  OR NOT EXISTS (
    SELECT 1 FROM journal_hole g
    JOIN journal_head h ON h.incarnation = g.incarnation
    JOIN backup_safe b ON b.incarnation = g.incarnation
    WHERE g.incarnation = OLD.incarnation AND g.why = 'pruned' AND OLD.seq BETWEEN g.first_seq AND g.last_seq
      AND h.acknowledged_seq >= OLD.seq AND b.seq >= OLD.seq)
BEGIN SELECT RAISE(ABORT, 'an op is immutable'); END;

-- What became of each op; `ord` points at the row that counts. `replay` = 1: laid over the confirmed snapshot to make the view.
-- `open` = 1: people see it. `preview` is what `decide()` says here, `outcome` what the server said, `reason` why it was parked.
-- `in_doubt` = 1: said by an earlier life of the server; its first word of the present one replaces it.
CREATE TABLE op_fate (
  ord INTEGER PRIMARY KEY REFERENCES op (ord),
  op_id BLOB NOT NULL UNIQUE CHECK (length(op_id) = 16),
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  kind TEXT NOT NULL,
  captured_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'parked', 'stored', 'applied', 'noop', 'conflict', 'refused', 'held')),
  replay INTEGER NOT NULL CHECK (replay IN (0, 1)),
  open INTEGER NOT NULL CHECK (open IN (0, 1)),
  applied_rev INTEGER,
  preview TEXT,
  outcome TEXT,
  reason TEXT, in_doubt INTEGER NOT NULL DEFAULT 0 CHECK (in_doubt IN (0, 1))
) STRICT;

CREATE INDEX op_fate_open_by_case ON op_fate (case_id, ord) WHERE open = 1;
CREATE INDEX op_fate_open_by_state ON op_fate (state, captured_at) WHERE open = 1;

CREATE TRIGGER op_fate_is_kept_while_it_matters BEFORE DELETE ON op_fate
WHEN OLD.open = 1 OR OLD.replay = 1 OR OLD.state IN ('queued', 'parked', 'held')
BEGIN SELECT RAISE(ABORT, 'an op that matters is kept'); END;

-- Places of a chain of which no op is here: let go by retention, or lost to damage. Verification starts anew behind them.
CREATE TABLE journal_hole (
  incarnation BLOB NOT NULL CHECK (length(incarnation) = 16),
  first_seq INTEGER NOT NULL CHECK (first_seq >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= first_seq),
  why TEXT NOT NULL CHECK (why IN ('pruned', 'lost')),
  PRIMARY KEY (incarnation, first_seq)
) STRICT, WITHOUT ROWID;

-- Up to where a verified backup of the server holds each chain, and when the last op in it was done (0: not known).
CREATE TABLE backup_safe (
  incarnation BLOB PRIMARY KEY CHECK (length(incarnation) = 16),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  captured_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Raw text of a field, not a value yet. Written while somebody types, removed in the transaction of the op that replaces it.
CREATE TABLE draft_text (
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  field TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (case_id, field)
) STRICT, WITHOUT ROWID;

-- How many case numbers this desk has given on a day (`yyMMdd`). None is given twice, whatever became of the case.
CREATE TABLE case_sequence (
  day TEXT PRIMARY KEY,
  taken INTEGER NOT NULL CHECK (taken >= 0)
) STRICT, WITHOUT ROWID;

-- Preferences of the interface, and small notes of other rooms, as JSON.
CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ==== alerts: what happened to the desk itself, and what became of an op that nobody could send.

-- Told in the window until somebody has seen it. `code` is a catalogue key, `params` a JSON object of counts and codes, never a value
-- of anybody. The newest 200 are kept.
CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  at INTEGER NOT NULL,
  params TEXT NOT NULL,
  seen INTEGER NOT NULL DEFAULT 0 CHECK (seen IN (0, 1))
) STRICT;

CREATE INDEX alert_unseen ON alert (id) WHERE seen = 0;

-- Parked ops that a person let be: who, when and why. The op itself stays in the journal.
CREATE TABLE dismissal (
  op_id BLOB PRIMARY KEY CHECK (length(op_id) = 16),
  by BLOB NOT NULL CHECK (length(by) = 16),
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ==== cases: what the server decided, and the view of it that people see. All of it can be rebuilt.

-- Where this desk stands in the feed of a scope (an office). No row: the first fill is not complete.
CREATE TABLE feed (
  scope TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL CHECK (cursor >= 0)
) STRICT, WITHOUT ROWID;

-- One row for each case, as the view has it: what lists, look-ups and the duplicate check need.
-- `n` ascends with the creation time in the case id, so descending `n` is newest first. `pending` counts own ops being replayed.
-- `confirmed_rev` is the revision of the snapshot, none if the server never sent one. `stale` = 1: came before a reset, waits for the refill.
-- `gone` = 1: access was lost but own ops are still on their way; no list shows it. Instants are milliseconds UTC.
CREATE TABLE case_row (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  office TEXT NOT NULL,
  case_no TEXT NOT NULL,
  state TEXT NOT NULL,
  created_by BLOB NOT NULL CHECK (length(created_by) = 16),
  reviewer BLOB,
  updated_at INTEGER NOT NULL,
  due_at INTEGER,
  serial TEXT,
  merchant_name TEXT,
  caller_name TEXT,
  request_kind TEXT,
  return_count INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  confirmed_rev INTEGER,
  stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
  gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1))
) STRICT;

CREATE INDEX case_row_newest ON case_row (updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_by_state ON case_row (state, updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_by_creator ON case_row (created_by, state, updated_at, id) WHERE gone = 0;
CREATE INDEX case_row_due ON case_row (due_at, id) WHERE gone = 0 AND due_at IS NOT NULL;
CREATE INDEX case_row_by_serial ON case_row (serial) WHERE serial IS NOT NULL;
CREATE INDEX case_row_stale ON case_row (office) WHERE stale = 1;

-- The case itself as JSON: `confirmed` is the server's snapshot, `view` the same with pending ops on top, none when nothing is pending.
CREATE TABLE case_body (
  n INTEGER PRIMARY KEY REFERENCES case_row (n) ON DELETE CASCADE,
  confirmed TEXT,
  view TEXT,
  CHECK (confirmed IS NOT NULL OR view IS NOT NULL)
) STRICT;

-- The history for people. `line` counts the lines of one op. `confirmed` = 0: this desk's preview, replaced by the server's lines.
-- `params` is a JSON object of codes and keys, never of values.
CREATE TABLE timeline (
  case_id BLOB NOT NULL CHECK (length(case_id) = 16),
  op_id BLOB NOT NULL CHECK (length(op_id) = 16),
  line INTEGER NOT NULL,
  at INTEGER NOT NULL,
  by BLOB NOT NULL CHECK (length(by) = 16),
  kind TEXT NOT NULL,
  params TEXT NOT NULL,
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
  PRIMARY KEY (case_id, op_id, line)
) STRICT, WITHOUT ROWID;

-- People of this desk's scopes, as JSON: names offline, and rights for the preview.
CREATE TABLE user (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  card TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The register as delivered. `record` is JSON and never leaves for the window unmasked; `version` counts up with each import.
CREATE TABLE merchant (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  office TEXT NOT NULL,
  version INTEGER NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keyed look-up of a record: `token` = first 8 bytes of HMAC-SHA256(search key, "merchant" ‖ 0 ‖ number).
CREATE TABLE merchant_key (
  token INTEGER NOT NULL,
  merchant BLOB NOT NULL REFERENCES merchant (id) ON DELETE CASCADE,
  PRIMARY KEY (token, merchant)
) STRICT, WITHOUT ROWID;

CREATE INDEX merchant_key_by_merchant ON merchant_key (merchant);

-- ==== search: two Chinese characters must find a case in milliseconds at a million cases, and nothing readable may lie outside this file.

-- Full text without the text: single characters and pairs of Chinese, ASCII words, windows of pinyin initials (marked U+E000).
-- `rowid` = `case_row.n`. Every hit is checked against the case.
CREATE VIRTUAL TABLE search_text USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii', detail = none);

-- Keyed look-up of numbers: `token` = first 8 bytes of HMAC-SHA256(search key, "whole" or "tail" ‖ 0 ‖ number or its last 4 or 6).
CREATE TABLE search_key (
  token INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (token, n)
) STRICT, WITHOUT ROWID;

-- What the index holds for a case: a digest of what was indexed, and the tokens of `search_key` to remove when it changes.
CREATE TABLE search_row (
  n INTEGER PRIMARY KEY,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  tokens BLOB NOT NULL
) STRICT;

-- Cases whose search rows are behind; a search looks through these one by one.
CREATE TABLE search_pending (
  n INTEGER PRIMARY KEY
) STRICT;

-- ==== documents: the bytes of documents lie in sealed files; their keys and what is known of them lie here.

-- One row for each document known here. `key` opens its sealed files; without it they are noise. Files have random names.
-- `transfer`: tray (attached to nothing), to_send, stored (server has all), absent (only elsewhere), wanted, fetched, erased.
-- `manifest`, `quality` and `chunks_have` (one flag per 1 MiB chunk that the server has) are JSON.
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

-- ==== digest: the desk shows the server digests of its confirmed cases, so that a difference is found and mended.

-- The digest of each confirmed case as it stands in the sum of its bucket (the last byte of its id).
CREATE TABLE case_digest (
  n INTEGER PRIMARY KEY,
  scope TEXT NOT NULL,
  bucket INTEGER NOT NULL CHECK (bucket >= 0 AND bucket <= 255),
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE INDEX case_digest_by_bucket ON case_digest (scope, bucket);

-- XOR of the digests of a scope's cases, by bucket: what the server is asked about.
CREATE TABLE digest_bucket (
  scope TEXT NOT NULL,
  bucket INTEGER NOT NULL CHECK (bucket >= 0 AND bucket <= 255),
  sum BLOB NOT NULL CHECK (length(sum) = 32),
  PRIMARY KEY (scope, bucket)
) STRICT, WITHOUT ROWID;

-- Cases whose digest is behind: any write to a confirmed body lands here, whoever made it.
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
