-- Why: verdicts that changed no case travel with none; a first fill tells them by themselves.

CREATE INDEX journal_untold ON journal (device, op_id) WHERE counted = 1 AND position = 0;
