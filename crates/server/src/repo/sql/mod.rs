//! One way to speak SQL to two databases: an embedded SQLite file, or PostgreSQL and what speaks like it.
//!
//! Statements are written once, in the subset that both read: placeholders `?1 ?2 …` (sent to PostgreSQL as `$1 $2 …`),
//! no functions that only one has, keys that lead with their scope. What differs (schema files, the kinds of
//! transaction, what an error means) stands in this folder. Calls block: they run on the writer's thread and on
//! those for blocking work, never on a thread that drives the server's tasks.

mod address;
mod line;
mod link;
mod rows;
mod scope;
mod value;

pub use address::Address;
pub use link::Link;
pub use rows::{Insert, Kind, Shelf};
pub use scope::{ROLE, Scope};
pub(crate) use value::params;
pub use value::{FromSql, Params, Row, ToSql, Value};

use rusqlite::ErrorCode;
use std::cell::{Cell, RefCell};
use value::Inner;

/// What a database answers when it cannot.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{}", told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no row")]
    NoRow,
    #[error("column {0} holds something else")]
    Column(usize),
    #[error("the database cannot be reached")]
    Gone,
    #[error("runtime: {0}")]
    Runtime(#[source] std::io::Error),
    /// A statement that nobody waited for has failed: not the one that was to be answered.
    #[error("{0}")]
    Late(Box<SqlError>),
    #[error("a statement of this transaction failed before")]
    Spoilt,
}

/// What an error means for the work that met it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// What one statement says cannot be kept; the same again will fail again.
    Refused,
    /// Another transaction was in the way; the same again may pass.
    Again,
    /// The connection is gone, or its server is.
    Gone,
    /// Something failed while the work ran ahead of its answers: done stepwise, it will show what and whose.
    Unclear,
    /// Disk, memory, or a defect.
    Failed,
}

impl SqlError {
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                None
                | Some(
                    ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig,
                ) => Meaning::Refused,
                Some(_) => Meaning::Failed,
            },
            Self::Postgres(error) => meaning_of(error),
            Self::NoRow | Self::Column(_) => Meaning::Refused,
            Self::Gone => Meaning::Gone,
            Self::Late(error) => match error.meaning() {
                meaning @ (Meaning::Again | Meaning::Gone) => meaning,
                Meaning::Refused | Meaning::Failed | Meaning::Unclear => Meaning::Unclear,
            },
            Self::Spoilt => Meaning::Unclear,
            Self::Runtime(_) => Meaning::Failed,
        }
    }
}

/// By the classes of the SQL standard and PostgreSQL's appendix A.
fn meaning_of(error: &tokio_postgres::Error) -> Meaning {
    let Some(state) = error.code() else {
        // Not the server's word: the connection's, or a value that does not fit its column.
        return if error.is_closed() || std::error::Error::source(error).is_some_and(is_io) {
            Meaning::Gone
        } else {
            Meaning::Refused
        };
    };
    match state.code() {
        "40001" | "40P01" | "55P03" => Meaning::Again,
        // A standby, or a primary that has become one.
        "25006" | "57P01" | "57P02" | "57P03" | "57P05" => Meaning::Gone,
        code if code.starts_with("08") => Meaning::Gone,
        // A row of another office than the transaction's.
        "42501" => Meaning::Refused,
        code if code.starts_with("22") || code.starts_with("23") => Meaning::Refused,
        _ => Meaning::Failed,
    }
}

fn is_io(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<std::io::Error>()
}

/// PostgreSQL's own words without its detail, which quotes the values that offended it.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} {}", said.code().code(), said.message()),
        // The connection's words (refused, timed out, certificate), or a parameter's number; never a value.
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// A row that may be missing.
pub trait OptionalExtension<T> {
    fn optional(self) -> Result<Option<T>, SqlError>;
}

impl<T> OptionalExtension<T> for Result<T, SqlError> {
    fn optional(self) -> Result<Option<T>, SqlError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(SqlError::NoRow) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An open connection to either database.
pub struct Connection {
    backend: Backend,
    pace: Cell<Pace>,
}

enum Backend {
    Sqlite(rusqlite::Connection),
    /// One statement at a time; answers are taken whole, so that rows may be read while others are asked for.
    Postgres(Box<RefCell<Link>>),
}

/// How work goes on after a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// When it has been answered.
    Stepwise,
    /// At once where nothing depends on the answer. What fails then is not known to be whose: the transaction is done once
    /// more, stepwise.
    Ahead,
}

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// One unchanging state.
    Read,
    Write,
}

impl Connection {
    pub fn sqlite(connection: rusqlite::Connection) -> Self {
        Self::over(Backend::Sqlite(connection))
    }
    pub fn postgres(link: Link) -> Self {
        Self::over(Backend::Postgres(Box::new(RefCell::new(link))))
    }
    fn over(backend: Backend) -> Self {
        let pace = Cell::new(Pace::Stepwise);
        Self { backend, pace }
    }
    /// How work goes on from here.
    pub fn set_pace(&self, pace: Pace) {
        self.pace.set(pace);
        if let Backend::Postgres(link) = &self.backend {
            link.borrow_mut().set_pace(pace);
        }
    }
    pub fn pace(&self) -> Pace {
        self.pace.get()
    }
    /// True where [`Connection::ahead`] does anything.
    pub fn asks_ahead(&self) -> bool {
        self.as_sqlite().is_none() && self.pace() == Pace::Ahead
    }
    /// The SQLite connection itself, for what only a file has: its copy, its checks.
    pub fn as_sqlite(&self) -> Option<&rusqlite::Connection> {
        match &self.backend {
            Backend::Sqlite(connection) => Some(connection),
            Backend::Postgres(_) => None,
        }
    }
    /// Begins a transaction; to a PostgreSQL that was gone, over a new connection.
    pub fn begin(&self, purpose: Purpose, scope: &Scope) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(connection) => Ok(connection.execute_batch(match purpose {
                Purpose::Read => "BEGIN",
                Purpose::Write => "BEGIN IMMEDIATE",
            })?),
            Backend::Postgres(link) => link.borrow_mut().begin(purpose, scope),
        }
    }
    /// From here to the end of the transaction, or until it is said anew, it reaches as far as `scope`.
    pub fn reach(&self, scope: &Scope) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(link) => link.borrow_mut().reach(scope),
        }
    }
    /// From here only rows of `scope` are written; what is seen stays as it was.
    pub fn write_only(&self, scope: &Scope) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(link) => link.borrow_mut().write_only(scope),
        }
    }
    pub fn commit(&self) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(connection) => Ok(connection.execute_batch("COMMIT")?),
            Backend::Postgres(link) => link.borrow_mut().commit(),
        }
    }
    pub fn roll_back(&self) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(connection) => Ok(connection.execute_batch("ROLLBACK")?),
            Backend::Postgres(link) => link.borrow_mut().roll_back(),
        }
    }
    /// Statements without parameters and without answers.
    pub fn execute_batch(&self, sql: &str) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Backend::Postgres(link) => link.borrow_mut().batch(sql),
        }
    }
    /// Makes a statement ready; it is kept for the next time.
    pub fn prepare_cached(&self, sql: &str) -> Result<Statement<'_>, SqlError> {
        Ok(Statement(match &self.backend {
            Backend::Sqlite(connection) => Ready::Sqlite(connection.prepare_cached(sql)?),
            Backend::Postgres(link) => {
                let statement = link.borrow_mut().prepare(sql)?;
                Ready::Postgres(link, statement)
            }
        }))
    }
    /// Runs a statement; the number of rows it changed.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize, SqlError> {
        self.prepare_cached(sql)?.execute(params)
    }
    /// Runs a statement of which only a failure is news. At the pace [`Pace::Ahead`] that may come with a later answer, at
    /// the latest with that of the COMMIT.
    pub fn put(&self, sql: &str, params: impl Params) -> Result<(), SqlError> {
        self.prepare_cached(sql)?.put(params)
    }
    /// Asks what will be asked soon in the same words: then the answer is there already. Any change of a row in between
    /// makes it be asked anew. An embedded file is never far away, and nothing is asked.
    pub fn ahead(&self, sql: &str, params: impl Params) -> Result<(), SqlError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(link) => {
                let mut link = link.borrow_mut();
                let prepared = link.prepare(sql)?;
                link.ahead(&prepared, &params.values())
            }
        }
    }
    /// The first row of an answer.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.prepare_cached(sql)?.query_row(params, read)
    }
}

/// A connection for one question about the house: one statement is one state of itself and needs no transaction around it.
pub struct Glance<'a>(&'a Connection);

impl<'a> Glance<'a> {
    pub(super) fn over(conn: &'a Connection) -> Result<Self, SqlError> {
        if let Backend::Postgres(link) = &conn.backend {
            link.borrow_mut().glance()?;
        }
        Ok(Self(conn))
    }
    /// The first row of the answer; [`SqlError::NoRow`] when it has none.
    pub fn query_row<T>(
        self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.0.query_row(sql, params, read)
    }
}

/// A statement that is ready to run.
pub struct Statement<'a>(Ready<'a>);

enum Ready<'a> {
    Sqlite(rusqlite::CachedStatement<'a>),
    Postgres(&'a RefCell<Link>, link::Prepared),
}

impl Statement<'_> {
    /// The number of rows that it changed.
    pub fn execute(&mut self, params: impl Params) -> Result<usize, SqlError> {
        let values = params.values();
        match &mut self.0 {
            Ready::Sqlite(statement) => Ok(statement.execute(rusqlite::params_from_iter(values))?),
            Ready::Postgres(link, statement) => link.borrow_mut().execute(statement, &values),
        }
    }
    /// As [`Connection::put`].
    pub fn put(&mut self, params: impl Params) -> Result<(), SqlError> {
        let values = params.values();
        match &mut self.0 {
            Ready::Sqlite(statement) => {
                statement.execute(rusqlite::params_from_iter(values))?;
                Ok(())
            }
            Ready::Postgres(link, statement) => link.borrow_mut().put(statement, &values),
        }
    }
    /// The first row of the answer; [`SqlError::NoRow`] when it has none.
    pub fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut rows = self.query(params)?;
        match rows.next()? {
            Some(row) => read(&row),
            None => Err(SqlError::NoRow),
        }
    }
    /// What `read` makes of every row.
    pub fn query_map<T>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, SqlError>,
    ) -> Result<std::vec::IntoIter<Result<T, SqlError>>, SqlError> {
        let mut rows = self.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(&row));
        }
        Ok(found.into_iter())
    }
    /// The answer, row by row.
    pub fn query(&mut self, params: impl Params) -> Result<Rows<'_>, SqlError> {
        let values = params.values();
        Ok(match &mut self.0 {
            Ready::Sqlite(statement) => {
                Rows::Sqlite(statement.query(rusqlite::params_from_iter(values))?)
            }
            Ready::Postgres(link, statement) => Rows::Postgres {
                rows: link.borrow_mut().query(statement, &values)?,
                next: 0,
            },
        })
    }
    /// True when the answer has a row.
    pub fn exists(&mut self, params: impl Params) -> Result<bool, SqlError> {
        Ok(self.query(params)?.next()?.is_some())
    }
}

/// The rows of an answer.
pub enum Rows<'a> {
    Sqlite(rusqlite::Rows<'a>),
    Postgres {
        rows: Vec<tokio_postgres::Row>,
        next: usize,
    },
}

impl Rows<'_> {
    /// The next row, none at the end.
    #[expect(clippy::should_implement_trait, reason = "a row borrows from its rows")]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, SqlError> {
        Ok(match self {
            Self::Sqlite(rows) => rows.next()?.map(|row| Row(Inner::Sqlite(row))),
            Self::Postgres { rows, next } => {
                let row = rows.get(*next);
                *next = next.saturating_add(1);
                row.map(Row::of_postgres)
            }
        })
    }
}
