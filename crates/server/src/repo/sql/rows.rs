//! Many at once: rows that go into one table together, and one question about many keys. PostgreSQL is told once, however many
//! they are; an embedded file has no way to save, and takes them one by one.

use super::link::Link;
use super::value::Owned;
use super::{Backend, Connection, Params, Row, SqlError, Value};
use std::collections::BTreeSet;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Int,
    Text,
    Blob,
}

impl Kind {
    const fn array(self) -> &'static str {
        match self {
            Self::Int => "bigint[]",
            Self::Text => "text[]",
            Self::Blob => "bytea[]",
        }
    }
}

/// A statement that puts rows into a table, in the words for one and in those for many.
pub struct Insert {
    one: String,
    many: String,
}

impl Insert {
    /// `then` follows the values, such as an `ON CONFLICT`; then no two rows of one [`Connection::put_rows`] may be in conflict
    /// with each other.
    pub fn into(table: &str, columns: &[(&str, Kind)], then: &str) -> Self {
        let joined = |words: Vec<String>| words.join(", ");
        let names = joined(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
        let places = joined((1..=columns.len()).map(|at| format!("?{at}")).collect());
        let arrays = (1..).zip(columns);
        let arrays = joined(
            arrays
                .map(|(at, (_, kind))| format!("CAST(?{at} AS {})", kind.array()))
                .collect(),
        );
        Self {
            one: format!("INSERT INTO {table} ({names}) VALUES ({places}) {then}"),
            many: format!("INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) {then}"),
        }
    }
}

/// Takes the rows of one [`Connection::put_rows`].
pub struct Shelf<'a>(Rows<'a>);

enum Rows<'a> {
    /// Each goes where it belongs at once.
    Sqlite(rusqlite::CachedStatement<'a>),
    /// They wait for the last one.
    Postgres(Vec<Vec<Owned>>),
}

impl Shelf<'_> {
    /// One row, its values in the order of the columns.
    pub fn put(&mut self, params: impl Params) -> Result<(), SqlError> {
        let values = params.values();
        match &mut self.0 {
            Rows::Sqlite(statement) => {
                statement.execute(rusqlite::params_from_iter(values))?;
            }
            Rows::Postgres(rows) => rows.push(values.iter().map(Value::owned).collect()),
        }
        Ok(())
    }
}

impl Connection {
    /// Puts all rows that `fill` gives. Of the statement only a failure is news, as with [`Connection::put`]: one row that
    /// cannot be kept keeps them all out.
    pub fn put_rows<E: From<SqlError>>(
        &self,
        insert: &Insert,
        fill: impl FnOnce(&mut Shelf<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.backend {
            Backend::Sqlite(connection) => {
                let ready = connection.prepare_cached(&insert.one);
                fill(&mut Shelf(Rows::Sqlite(ready.map_err(SqlError::from)?)))
            }
            Backend::Postgres(link) => {
                let mut shelf = Shelf(Rows::Postgres(Vec::new()));
                fill(&mut shelf)?;
                let Rows::Postgres(rows) = shelf.0 else {
                    return Ok(());
                };
                Ok(put(&mut link.borrow_mut(), insert, rows)?)
            }
        }
    }

    /// Asks `sql`, which compares `= ?1`, for each of the keys; the answers in no order.
    pub fn query_each<T>(
        &self,
        sql: &str,
        keys: &BTreeSet<String>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut found = Vec::new();
        match &self.backend {
            // For an array PostgreSQL would make a plan anew whenever it is short.
            Backend::Postgres(link) if keys.len() > 1 => {
                let mut link = link.borrow_mut();
                let prepared = link.prepare(&of_any(sql))?;
                let rows = link.query_each(&prepared, owned(keys))?;
                drop(link);
                for row in &rows {
                    found.push(read(&Row::of_postgres(row))?);
                }
            }
            Backend::Sqlite(_) | Backend::Postgres(_) => {
                let mut select = self.prepare_cached(sql)?;
                for key in keys {
                    let mut rows = select.query([key])?;
                    while let Some(row) = rows.next()? {
                        found.push(read(&row)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// [`Connection::ahead`] for what [`Connection::query_each`] will ask.
    pub fn ahead_each(&self, sql: &str, keys: &BTreeSet<String>) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Postgres(link) if keys.len() > 1 => {
                let mut link = link.borrow_mut();
                let prepared = link.prepare(&of_any(sql))?;
                link.ahead_each(&prepared, owned(keys))
            }
            Backend::Sqlite(_) | Backend::Postgres(_) => {
                keys.iter().try_for_each(|key| self.ahead(sql, [key]))
            }
        }
    }
}

fn put(link: &mut Link, insert: &Insert, mut rows: Vec<Vec<Owned>>) -> Result<(), SqlError> {
    match rows.len() {
        0 => Ok(()),
        1 => {
            let prepared = link.prepare(&insert.one)?;
            link.put_owned(&prepared, rows.pop().unwrap_or_default())
        }
        many => {
            let prepared = link.prepare(&insert.many)?;
            let width = rows.first().map_or(0, Vec::len);
            let mut columns: Vec<Vec<Owned>> =
                (0..width).map(|_| Vec::with_capacity(many)).collect();
            for row in rows {
                for (column, value) in columns.iter_mut().zip(row) {
                    column.push(value);
                }
            }
            link.put_owned(&prepared, columns)?;
            // It is long: let it be worked on while the next one is made.
            link.drive()
        }
    }
}

fn of_any(sql: &str) -> String {
    sql.replacen("= ?1", "= ANY (?1)", 1)
}

fn owned(keys: &BTreeSet<String>) -> Vec<Owned> {
    keys.iter().cloned().map(Owned::Text).collect()
}
