-- Systems outside hear of cases by webhook: an office's endpoints, and what each of them is told, written in the same
-- transaction as what it tells of and sent afterwards by whichever node claims it.
CREATE TABLE webhook (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  id TEXT COLLATE "C" NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  -- A JSON list of the events that are wanted.
  events TEXT COLLATE "C" NOT NULL,
  -- active or disabled.
  status TEXT COLLATE "C" NOT NULL,
  -- Of a disabled one: admin, gone (it answered 410) or failing (for days).
  why TEXT COLLATE "C",
  -- The first attempt that failed since the last one that did not.
  failing_since BIGINT,
  -- The admin who added it; none when nobody was named.
  made_by TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  PRIMARY KEY (office, id)
);

-- What an endpoint and this office share; several while one follows another.
CREATE TABLE webhook_secret (
  office TEXT COLLATE "C" NOT NULL,
  endpoint TEXT COLLATE "C" NOT NULL,
  n BIGINT NOT NULL,
  -- Sealed with a key of the data directory.
  sealed BYTEA NOT NULL,
  made_at BIGINT NOT NULL,
  -- Signs no more from then on; none for the newest.
  ends_at BIGINT,
  PRIMARY KEY (office, endpoint, n),
  FOREIGN KEY (office, endpoint) REFERENCES webhook (office, id)
);

CREATE TABLE webhook_delivery (
  office TEXT COLLATE "C" NOT NULL,
  endpoint TEXT COLLATE "C" NOT NULL,
  -- The webhook-id, the same in every attempt: the op that moved the case.
  id TEXT COLLATE "C" NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  -- waiting, sending, delivered, failed.
  status TEXT COLLATE "C" NOT NULL,
  -- All that were ever made.
  attempts BIGINT NOT NULL,
  -- Until it is given up.
  tries_left BIGINT NOT NULL,
  -- While it waits: not before this. While it is being sent: the end of the lease, after which another node goes on.
  due_at BIGINT NOT NULL,
  -- The class of the last failure.
  error TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (office, endpoint, id),
  FOREIGN KEY (office, endpoint) REFERENCES webhook (office, id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE status IN ('waiting', 'sending');
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL;

-- Each attempt: when, how long it took, and the status of the answer or the class of the failure. Of answers nothing
-- else is kept.
CREATE TABLE webhook_attempt (
  office TEXT COLLATE "C" NOT NULL,
  endpoint TEXT COLLATE "C" NOT NULL,
  delivery TEXT COLLATE "C" NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  took_ms BIGINT NOT NULL,
  status BIGINT,
  error TEXT COLLATE "C",
  PRIMARY KEY (office, endpoint, delivery, n),
  FOREIGN KEY (office, endpoint, delivery) REFERENCES webhook_delivery (office, endpoint, id)
);
