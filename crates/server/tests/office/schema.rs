use crate::support::{office, office_on_file};
use desk_server::repo::sql::Connection;
use desk_server::run::House;
use std::collections::BTreeSet;

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
