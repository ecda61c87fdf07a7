//! `docs/SCHEMA.sql` is the schema, a fresh file equals a migrated one, and the house rules of SQL hold.

use crate::open::{migrate, migrate_up_to};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;

type Schema = BTreeMap<(String, String), String>;

fn schema_of(conn: &Connection) -> Schema {
    let mut find = conn
        .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'refinery%'")
        .unwrap();
    let rows = find
        .query_map([], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?))
        })
        .unwrap();
    rows.map(Result::unwrap)
        .map(|(name, sql)| (name, plain(&sql)))
        .collect()
}

/// Without comments and line breaks.
fn plain(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap());
    lines
        .collect::<Vec<_>>()
        .join(" ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(" ,", ",") // as ALTER TABLE writes it
}

fn migrated() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn).unwrap();
    conn
}

fn documented() -> String {
    fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/SCHEMA.sql"
    ))
    .unwrap()
}

#[test]
fn the_documented_schema_is_the_real_one() {
    let written = Connection::open_in_memory().unwrap();
    written.execute_batch(&documented()).unwrap();
    let (written, real) = (schema_of(&written), schema_of(&migrated()));
    assert_eq!(
        written.keys().collect::<Vec<_>>(),
        real.keys().collect::<Vec<_>>()
    );
    for (name, sql) in real {
        assert_eq!(written[&name], sql, "{name:?}");
    }
}

#[test]
fn every_table_is_explained_in_prose() {
    let text = documented();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("CREATE TABLE") || line.starts_with("CREATE VIRTUAL"))
    {
        assert!(lines[at - 1].starts_with("-- "), "no word about {line}");
    }
}

#[test]
fn a_file_migrated_step_by_step_equals_a_fresh_one() {
    let mut stepwise = Connection::open_in_memory().unwrap();
    let count = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .count();
    for version in 1..=i32::try_from(count).unwrap() {
        migrate_up_to(&mut stepwise, version);
    }
    migrate(&mut stepwise).unwrap();
    assert_eq!(schema_of(&stepwise), schema_of(&migrated()));
    assert!(count >= 4);
}

#[test]
fn every_table_is_strict() {
    for ((kind, name), sql) in schema_of(&migrated()) {
        let ours = kind == "table" && !name.starts_with("search_text");
        assert!(!ours || sql.contains("STRICT"), "{name}");
    }
}

#[test]
fn a_migration_says_why_before_it_says_what() {
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with('V')
                && name.contains("__")
                && path.extension().is_some_and(|end| end == "sql"),
            "{name}"
        );
        assert!(
            fs::read_to_string(&path).unwrap().starts_with("-- Why: "),
            "{name}"
        );
    }
}

#[test]
fn a_page_of_a_queue_is_read_from_an_index_and_never_sorted() {
    let conn = migrated();
    for sql in [
        "SELECT updated_at, id, n FROM case_row WHERE gone = 0 AND (updated_at, id) < (1, x'00') ORDER BY updated_at DESC, id DESC LIMIT 50",
        "SELECT updated_at, id, n FROM case_row WHERE gone = 0 AND state = 'draft' AND (updated_at, id) < (1, x'00')
         ORDER BY updated_at DESC, id DESC LIMIT 50",
        "SELECT updated_at, id, n FROM case_row WHERE gone = 0 AND created_by = x'00' AND state = 'draft'
         AND (updated_at, id) < (1, x'00') ORDER BY updated_at DESC, id DESC LIMIT 50",
        "SELECT due_at, id, n FROM case_row WHERE gone = 0 AND due_at IS NOT NULL AND (due_at, id) > (1, x'00')
         AND (NULL IS NULL OR created_by = NULL) ORDER BY due_at, id LIMIT 50",
        "SELECT n FROM search_key WHERE token = 1 AND n < 2 ORDER BY n DESC LIMIT 50",
        "SELECT ord FROM op_fate WHERE case_id = x'00' AND open = 1 ORDER BY ord",
    ] {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> = explain.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let plan = plan.join("; ");
        assert!(plan.contains("SEARCH") && !plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}

#[test]
fn a_wake_with_nothing_to_do_looks_at_nothing_that_is_done() {
    let conn = migrated();
    for (sql, index) in [
        (
            "SELECT state, count(*), min(captured_at) FROM op_fate WHERE open = 1 GROUP BY state",
            "op_fate_open_by_state",
        ),
        (
            "SELECT o.seq FROM op o JOIN op_fate f ON f.op_id = o.op_id WHERE o.incarnation = x'00' AND o.seq > 1 ORDER BY o.seq LIMIT 900",
            "autoindex_op_1",
        ),
        (
            "SELECT id FROM document WHERE transfer = 'to_send' ORDER BY size_bytes LIMIT 200",
            "document_by_transfer",
        ),
        (
            "SELECT id FROM document WHERE transfer = 'wanted' ORDER BY size_bytes LIMIT 200",
            "document_by_transfer",
        ),
        (
            "SELECT id, code, at, params FROM alert WHERE seen = 0 ORDER BY id DESC",
            "alert_unseen",
        ),
        ("SELECT n FROM search_pending LIMIT 1", "search_pending"),
    ] {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> = explain
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let plan = plan.join("; ");
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE"),
            "{sql}: {plan}"
        );
    }
}
