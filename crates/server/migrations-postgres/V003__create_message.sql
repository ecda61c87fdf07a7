-- Messages to merchants are written in the same transaction as what they tell of, and sent afterwards by whichever node
-- claims them: a crash between both loses none, and two nodes never send the same one at the same time.
CREATE TABLE message (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  id TEXT COLLATE "C" NOT NULL,
  case_id TEXT COLLATE "C",
  template TEXT COLLATE "C" NOT NULL,
  template_version BIGINT NOT NULL,
  phone TEXT COLLATE "C" NOT NULL,
  -- JSON; none once a secret in it was sent, or is worthless.
  params TEXT COLLATE "C",
  -- waiting, sending, sent, delivered, failed, expired.
  status TEXT COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL,
  -- While it waits: not before this. While it is being sent: the end of the lease, after which another node goes on.
  due_at BIGINT NOT NULL,
  -- Worthless afterwards; none when it keeps.
  expires_at BIGINT,
  provider TEXT COLLATE "C",
  provider_id TEXT COLLATE "C",
  error TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  sent_at BIGINT,
  ended_at BIGINT,
  PRIMARY KEY (office, id)
);
CREATE INDEX message_due ON message (due_at) WHERE status IN ('waiting', 'sending');
CREATE INDEX message_of_case ON message (office, case_id);
-- Receipts name a message by our id, or by the provider's.
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_of_provider ON message (provider_id) WHERE provider_id IS NOT NULL;
