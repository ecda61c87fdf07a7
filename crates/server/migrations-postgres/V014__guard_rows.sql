-- Rows that belong to an office are guarded by the database itself (ADR 26). Transactions run under the role
-- unbind_desk_rows, which owns nothing; they say which offices they read and write. Who says nothing sees nothing.
-- The server makes the role before this runs, or an administrator has.

-- For this migration, every later one that makes a table with an office, and whoever mends one.
CREATE FUNCTION guard_rows(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Asked once a statement, not once a row.
  allows CONSTANT text := '((SELECT current_setting(''desk.%1$s'', true)) = ''*'' '
    'OR office = ANY ((SELECT string_to_array(current_setting(''desk.%1$s'', true), '',''))::text[]))';
  reads CONSTANT text := format(allows, 'reads');
  writes CONSTANT text := format(allows, 'writes');
  one text;
BEGIN
  FOREACH one IN ARRAY ARRAY['seen', 'added', 'changed', 'removed'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %I ON %s', one, guarded);
  END LOOP;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
  EXECUTE format('CREATE POLICY seen ON %s FOR SELECT USING (%s)', guarded, reads);
  EXECUTE format('CREATE POLICY added ON %s FOR INSERT WITH CHECK (%s)', guarded, writes);
  EXECUTE format('CREATE POLICY changed ON %s FOR UPDATE USING (%s) WITH CHECK (%s)', guarded, writes, writes);
  EXECUTE format('CREATE POLICY removed ON %s FOR DELETE USING (%s)', guarded, writes);
END $$;

DO $$
DECLARE
  one record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO unbind_desk_rows', current_schema());
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO unbind_desk_rows', current_schema());
  -- Tables of later migrations.
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO unbind_desk_rows',
    current_schema());
  FOR one IN
    SELECT c.oid::regclass AS guarded FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attname = 'office' AND NOT a.attisdropped
  LOOP
    PERFORM guard_rows(one.guarded);
  END LOOP;
END $$;
