//! What goes into a statement and what comes out of a row, the same for both databases: integers of 64 bits, text, bytes
//! and nothing. A truth is the integer 0 or 1, as SQLite has it.

use super::SqlError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::error::Error;
use tokio_postgres::types::{IsNull, Type, to_sql_checked};

/// One value on its way in.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Null,
    Int(i64),
    /// An unsigned integer that neither database can hold.
    TooBig,
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Value<'_> {
    /// The same, kept for itself.
    pub(super) fn owned(&self) -> Owned {
        match self {
            Self::Null => Owned::Null,
            Self::Int(number) => Owned::Int(*number),
            Self::TooBig => Owned::TooBig,
            Self::Text(text) => Owned::Text((*text).to_owned()),
            Self::Blob(bytes) => Owned::Blob(bytes.to_vec()),
        }
    }
}

/// A [`Value`] that outlives what it came from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Owned {
    Null,
    Int(i64),
    TooBig,
    Text(String),
    Blob(Vec<u8>),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::TooBig => Value::TooBig,
            Self::Text(text) => Value::Text(text),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

/// What may stand as a parameter.
pub trait ToSql {
    fn value(&self) -> Value<'_>;
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl ToSql for $kind {
            fn value(&self) -> Value<'_> {
                i64::try_from(*self).map_or(Value::TooBig, Value::Int)
            }
        }
        impl FromSql for $kind {
            fn from_cell(cell: Cell<'_>) -> Option<Self> {
                match cell {
                    Cell::Int(number) => Self::try_from(number).ok(),
                    Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
                }
            }
        }
    )*};
}
integers!(i64, u64, i32, u32, usize);

impl ToSql for bool {
    fn value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
}
impl ToSql for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl ToSql for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
impl ToSql for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl ToSql for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}
impl<T: ToSql + ?Sized> ToSql for &T {
    fn value(&self) -> Value<'_> {
        (*self).value()
    }
}
impl<T: ToSql> ToSql for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToSql::value)
    }
}

/// The parameters of one statement, `?1` first.
pub trait Params {
    fn values(&self) -> Vec<Value<'_>>;
}
impl Params for () {
    fn values(&self) -> Vec<Value<'_>> {
        Vec::new()
    }
}
impl<T: ToSql, const N: usize> Params for [T; N] {
    fn values(&self) -> Vec<Value<'_>> {
        self.iter().map(ToSql::value).collect()
    }
}
impl Params for &[&dyn ToSql] {
    fn values(&self) -> Vec<Value<'_>> {
        self.iter().map(|value| value.value()).collect()
    }
}

/// Parameters of different kinds.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::repo::sql::ToSql),*] as &[&dyn $crate::repo::sql::ToSql]
    };
}
pub(crate) use params;

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::TooBig => {
                let why = "a number is too large to be kept";
                return Err(rusqlite::Error::ToSqlConversionFailure(why.into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl tokio_postgres::types::ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let narrow =
            |why: std::num::TryFromIntError| -> Box<dyn Error + Sync + Send> { why.into() };
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => match *kind {
                Type::INT2 => i16::try_from(*number).map_err(narrow)?.to_sql(kind, out),
                Type::INT4 => i32::try_from(*number).map_err(narrow)?.to_sql(kind, out),
                _ => number.to_sql(kind, out),
            },
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
            Self::TooBig => Err("a number is too large to be kept".into()),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl tokio_postgres::types::ToSql for Owned {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.value().to_sql(kind, out)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

/// One value on its way out.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// What may be read from a row; none when the cell holds something else.
pub trait FromSql: Sized {
    fn from_cell(cell: Cell<'_>) -> Option<Self>;
}

impl FromSql for bool {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Int(number) => Some(number != 0),
            Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
        }
    }
}
impl FromSql for String {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.to_owned()),
            Cell::Null | Cell::Int(_) | Cell::Blob(_) => None,
        }
    }
}
impl FromSql for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => Some(bytes.to_vec()),
            Cell::Null | Cell::Int(_) | Cell::Text(_) => None,
        }
    }
}
impl<const N: usize> FromSql for [u8; N] {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => bytes.try_into().ok(),
            Cell::Null | Cell::Int(_) | Cell::Text(_) => None,
        }
    }
}
impl<T: FromSql> FromSql for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            Cell::Int(_) | Cell::Text(_) | Cell::Blob(_) => T::from_cell(cell).map(Some),
        }
    }
}

/// One row of an answer.
pub struct Row<'a>(pub(super) Inner<'a>);

pub(super) enum Inner<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Row<'a> {
    pub(super) const fn of_postgres(row: &'a tokio_postgres::Row) -> Self {
        Self(Inner::Postgres(row))
    }
}

impl Row<'_> {
    /// The value in a column, numbered from 0.
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T, SqlError> {
        let cell = match self.0 {
            Inner::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Text(text) => {
                    Cell::Text(std::str::from_utf8(text).map_err(|_| SqlError::Column(column))?)
                }
                ValueRef::Blob(bytes) => Cell::Blob(bytes),
                ValueRef::Real(_) => return Err(SqlError::Column(column)),
            },
            Inner::Postgres(row) => of_postgres(row, column)?,
        };
        T::from_cell(cell).ok_or(SqlError::Column(column))
    }
}

fn of_postgres(row: &tokio_postgres::Row, column: usize) -> Result<Cell<'_>, SqlError> {
    let kind = row.columns().get(column).map(tokio_postgres::Column::type_);
    let cell = match kind {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(column)?.map(Cell::Int),
        Some(&Type::INT4) => {
            let number = row.try_get::<_, Option<i32>>(column)?;
            number.map(|number| Cell::Int(i64::from(number)))
        }
        Some(&Type::BOOL) => {
            let truth = row.try_get::<_, Option<bool>>(column)?;
            truth.map(|truth| Cell::Int(i64::from(truth)))
        }
        Some(&(Type::TEXT | Type::VARCHAR)) => {
            row.try_get::<_, Option<&str>>(column)?.map(Cell::Text)
        }
        Some(&Type::BYTEA) => row.try_get::<_, Option<&[u8]>>(column)?.map(Cell::Blob),
        Some(_) | None => return Err(SqlError::Column(column)),
    };
    Ok(cell.unwrap_or(Cell::Null))
}
