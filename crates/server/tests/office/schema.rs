use crate::support::{office, office_on_file};
use desk_server::repo::sql::Connection;
use desk_server::run::House;
use desk_server::{ServerConfig, repo::RepoError};
use refinery::Target;
use std::collections::BTreeSet;

refinery::embed_migrations!("migrations");

/// `table.column` of everything that is kept.
fn columns(house: &House, sql: &'static str) -> BTreeSet<String> {
    let read = |conn: &Connection| {
        let mut select = conn.prepare_cached(sql)?;
        let found = select.query_map((), |row| {
            Ok(format!(
                "{}.{}",
                row.get::<String>(0)?,
                row.get::<String>(1)?
            ))
        })?;
        Ok(found.collect::<Result<BTreeSet<_>, _>>()?)
    };
    house.repo.read_blocking(read).unwrap()
}

const IN_A_FILE: &str = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c \
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'refinery_schema_history'";
const IN_POSTGRESQL: &str = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
    WHERE table_schema = current_schema() AND table_name <> 'refinery_schema_history'";

/// Without a PostgreSQL beside it this compares the file with itself, which only shows that the question works.
#[test]
fn both_databases_keep_the_same_things() {
    let (file, other) = (office_on_file(), office());
    let of_file = columns(&file.house(), IN_A_FILE);
    assert!(of_file.len() > 100, "{of_file:?}");
    let question = if other.config.database.is_some() {
        IN_POSTGRESQL
    } else {
        IN_A_FILE
    };
    let mut of_other = columns(&other.house(), question);
    // SQLite has the order of its rows as its own.
    of_other.remove("journal.rowid");
    assert_eq!(of_other, of_file);
}

/// The last migration before rows stood beside their keys.
const BEFORE: i32 = 20;
const OLD_ROWS: &str = "INSERT INTO office (code, name, created_at) VALUES ('HZ001', '网点示例', 1), ('SH002', '另一网点', 1);
    INSERT INTO case_file (office, id, case_no, state, rev, serial, merchant_no, is_open, submitted_at, snapshot, updated_at)
    VALUES ('HZ001', 'b', 'N2', 'draft', 1, NULL, NULL, 0, NULL, '{\"long\":\"' || hex(zeroblob(6000)) || '\"}', 5),
           ('SH002', 'a', 'N1', 'approved', 9, 'DEMO1', '822', 1, 7, '{}', 6);
    INSERT INTO document (office, id, case_id, kind, sha256, manifest, stored_at)
    VALUES ('HZ001', 'd1', 'b', 'receipt', '00', '{}', NULL), ('HZ001', 'd2', 'b', 'receipt', '01', '{}', 8);
    INSERT INTO merchant (office, id, merchant_no, version, record) VALUES ('HZ001', 'm', '822', 3, '{}');";
const ALL_OF_THEM: &str = "SELECT 'case ' || quote(office) || quote(id) || quote(case_no) || quote(state) || rev || \
    quote(serial) || quote(merchant_no) || is_open || quote(submitted_at) || quote(snapshot) || updated_at FROM case_file \
    UNION ALL SELECT 'document ' || quote(office) || quote(id) || quote(case_id) || quote(kind) || quote(sha256) || \
    quote(manifest) || quote(stored_at) FROM document \
    UNION ALL SELECT 'merchant ' || quote(office) || quote(id) || quote(merchant_no) || version || quote(record) FROM merchant";

fn texts(conn: &Connection, sql: &str) -> Result<BTreeSet<String>, RepoError> {
    let found = conn
        .prepare_cached(sql)?
        .query_map((), |row| row.get::<String>(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the file of an older server, made as that one made it"
)]
fn an_older_file_keeps_its_rows_when_they_move_beside_their_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = rusqlite::Connection::open(dir.path().join("office.db")).unwrap();
    migrations::runner()
        .set_target(Target::Version(BEFORE))
        .run(&mut file)
        .unwrap();
    file.execute_batch(OLD_ROWS).unwrap();
    let file = Connection::sqlite(file);
    let indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
    let before = [
        texts(&file, ALL_OF_THEM).unwrap(),
        texts(&file, indexes).unwrap(),
    ];
    assert_eq!(before[0].len(), 5);
    drop(file);
    let house = House::open(&ServerConfig::new(dir.path())).unwrap();
    let read = move |conn: &Connection| Ok([texts(conn, ALL_OF_THEM)?, texts(conn, indexes)?]);
    assert_eq!(house.repo.read_blocking(read).unwrap(), before);
    let beside = "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%' \
        AND name IN ('case_file', 'document', 'merchant')";
    let read = move |conn: &Connection| texts(conn, beside);
    assert!(house.repo.read_blocking(read).unwrap().is_empty());
}

/// `.cargo/config.toml` says why. A build that does not heed it is as slow as a build without it.
#[test]
fn each_connection_has_page_memory_of_its_own() {
    let read = |conn: &Connection| {
        let sql = "SELECT sqlite_compileoption_used('ENABLE_MEMORY_MANAGEMENT')";
        Ok(conn.query_row(sql, (), |row| row.get::<bool>(0))?)
    };
    let office = office_on_file();
    assert!(!office.house().repo.read_blocking(read).unwrap());
}
