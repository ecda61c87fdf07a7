-- Messages to merchants are written in the same transaction as what they tell of, and sent afterwards by whichever node
-- claims them: a crash between both loses none, and two nodes never send the same one at the same time.
CREATE TABLE message (
  office TEXT NOT NULL REFERENCES office (code),
  id TEXT NOT NULL,
  case_id TEXT,
  template TEXT NOT NULL,
  template_version INTEGER NOT NULL,
  phone TEXT NOT NULL,
  -- JSON; none once a secret in it was sent, or is worthless.
  params TEXT,
  -- waiting, sending, sent, delivered, failed, expired.
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  -- While it waits: not before this. While it is being sent: the end of the lease, after which another node goes on.
  due_at INTEGER NOT NULL,
  -- Worthless afterwards; none when it keeps.
  expires_at INTEGER,
  provider TEXT,
  provider_id TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  ended_at INTEGER,
  PRIMARY KEY (office, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_due ON message (due_at) WHERE status IN ('waiting', 'sending');
CREATE INDEX message_of_case ON message (office, case_id);
-- Receipts name a message by our id, or by the provider's.
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_of_provider ON message (provider_id) WHERE provider_id IS NOT NULL;
