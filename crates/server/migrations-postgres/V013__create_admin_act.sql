-- What admins did with people, desks, offices and the policy: kept for ever, no secret in it. An act that concerns several
-- offices has a row for each of them, all under the same id.

CREATE TABLE admin_act (
  office TEXT COLLATE "C" NOT NULL REFERENCES office (code),
  at BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  -- The admin; none when nobody was named at the console.
  by_user TEXT COLLATE "C",
  what TEXT COLLATE "C" NOT NULL,
  -- A login, a desk, an office or a version of the policy.
  subject TEXT COLLATE "C" NOT NULL,
  -- What changed, as key=value words.
  detail TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (office, at, id)
);
CREATE INDEX admin_act_by ON admin_act (by_user, at);
CREATE FUNCTION admin_act_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'acts of admins are immutable and kept' USING ERRCODE = '23514'; END $$;
CREATE TRIGGER admin_act_immutable BEFORE UPDATE ON admin_act FOR EACH ROW EXECUTE FUNCTION admin_act_stands();
CREATE TRIGGER admin_act_kept BEFORE DELETE ON admin_act FOR EACH ROW EXECUTE FUNCTION admin_act_stands();
