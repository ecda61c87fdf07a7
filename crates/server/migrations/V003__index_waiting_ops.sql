-- Ops that came before what they refer to (another desk sent it later, or a restored server is being filled again)
-- are judged again whenever their case changes; this finds them without looking at the rest of the log.
CREATE INDEX journal_waiting ON journal (case_id)
  WHERE counted = 1 AND outcome = '{"is":"held","why":"missing_dependency"}';
