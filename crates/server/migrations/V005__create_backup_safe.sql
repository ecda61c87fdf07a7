-- Up to where each chain of each desk is in a verified backup: desks may let go of older ops.
CREATE TABLE backup_safe (
  device TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  seq INTEGER NOT NULL,
  verified_at INTEGER NOT NULL,
  PRIMARY KEY (device, incarnation)
) STRICT, WITHOUT ROWID;

-- What headquarters should know of a desk: it was cloned or restored (fork, another life), it lost or gained ops, its
-- cases differed. One row for each kind and life, counted; no personal data in `params`.
CREATE TABLE device_event (
  device TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  what TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  times INTEGER NOT NULL,
  params TEXT NOT NULL,
  PRIMARY KEY (device, incarnation, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_event_newest ON device_event (last_at);
