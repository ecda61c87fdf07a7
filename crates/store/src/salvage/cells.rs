//! Records on a page, in the format of the database file (sqlite.org/fileformat2.html), without trust in any number on it.

use super::pages::{Page, USABLE_BYTES};

/// One value of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Null,
    Int(i64),
    Blob(Vec<u8>),
    Text(String),
    /// A kind that no table of ours holds.
    Other,
}

/// One row as it lies on a page.
#[derive(Debug)]
pub(super) struct Record {
    /// None in tables and indexes without row numbers.
    pub rowid: Option<i64>,
    pub values: Vec<Value>,
}

/// Kind of page: only these hold rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    TableLeaf,
    IndexLeaf,
    IndexInterior,
}

/// Longest chain of overflow pages that is followed: our longest row is far below a megabyte.
const MOST_OVERFLOW: usize = 512;

/// The rows on a page. `other` gives pages on which long rows go on.
pub(super) fn records(
    number: u32,
    page: &Page,
    other: &mut dyn FnMut(u32) -> Option<Page>,
) -> Vec<Record> {
    let header = if number == 1 { 100 } else { 0 };
    let Some((kind, header_len)) = kind_of(page, header) else {
        return Vec::new();
    };
    let cells = be16(page, header + 3).unwrap_or(0);
    let mut found = Vec::new();
    for i in 0..cells {
        let pointer = header + header_len + 2 * usize::from(i);
        let at = be16(page, pointer).map(usize::from);
        found.extend(at.and_then(|at| record(kind, page, at, other)));
    }
    found
}

fn kind_of(page: &Page, header: usize) -> Option<(Kind, usize)> {
    match page.get(header)? {
        0x0d => Some((Kind::TableLeaf, 8)),
        0x0a => Some((Kind::IndexLeaf, 8)),
        0x02 => Some((Kind::IndexInterior, 12)),
        _ => None,
    }
}

fn record(
    kind: Kind,
    page: &Page,
    mut at: usize,
    other: &mut dyn FnMut(u32) -> Option<Page>,
) -> Option<Record> {
    if kind == Kind::IndexInterior {
        at += 4;
    }
    let (payload_len, used) = varint(page.get(at..)?)?;
    at += used;
    let rowid = if kind == Kind::TableLeaf {
        let (rowid, used) = varint(page.get(at..)?)?;
        at += used;
        Some(rowid)
    } else {
        None
    };
    let len = usize::try_from(payload_len).ok()?;
    let payload = payload(kind, page, at, len, other)?;
    Some(Record {
        rowid,
        values: values(&payload)?,
    })
}

/// The bytes of a row, gathered from its page and the pages on which it goes on.
fn payload(
    kind: Kind,
    page: &Page,
    at: usize,
    len: usize,
    other: &mut dyn FnMut(u32) -> Option<Page>,
) -> Option<Vec<u8>> {
    let local = local_len(kind, len);
    let mut bytes = page.get(at..at.checked_add(local)?)?.to_vec();
    if local == len {
        return Some(bytes);
    }
    let mut next = be32(page, at + local)?;
    for _ in 0..MOST_OVERFLOW {
        let more = other(next)?;
        next = be32(&more, 0)?;
        let part = (len - bytes.len()).min(USABLE_BYTES - 4);
        bytes.extend(more.get(4..4 + part)?);
        if bytes.len() == len {
            return Some(bytes);
        }
    }
    None
}

const fn local_len(kind: Kind, len: usize) -> usize {
    let most = match kind {
        Kind::TableLeaf => USABLE_BYTES - 35,
        Kind::IndexLeaf | Kind::IndexInterior => (USABLE_BYTES - 12) * 64 / 255 - 23,
    };
    if len <= most {
        return len;
    }
    let least = (USABLE_BYTES - 12) * 32 / 255 - 23;
    let fitting = least + (len - least) % (USABLE_BYTES - 4);
    if fitting <= most { fitting } else { least }
}

fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let (header_len, used) = varint(payload)?;
    let (header, mut body) = payload.split_at_checked(usize::try_from(header_len).ok()?)?;
    let mut types = header.get(used..)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        let (serial, used) = varint(types)?;
        types = types.get(used..)?;
        let (value, taken) = value(serial, body)?;
        body = body.get(taken..)?;
        values.push(value);
    }
    Some(values)
}

fn value(serial: i64, body: &[u8]) -> Option<(Value, usize)> {
    let int = |len: usize| {
        let bytes = body.get(..len)?;
        let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        let start = if negative { -1_i64 } else { 0 };
        let value = bytes
            .iter()
            .fold(start, |value, byte| (value << 8) | i64::from(*byte));
        Some((Value::Int(value), len))
    };
    match serial {
        0 => Some((Value::Null, 0)),
        1 => int(1),
        2 => int(2),
        3 => int(3),
        4 => int(4),
        5 => int(6),
        6 => int(8),
        7 => Some((Value::Other, 8)),
        8 => Some((Value::Int(0), 0)),
        9 => Some((Value::Int(1), 0)),
        n if n >= 12 => {
            let len = usize::try_from((n - 12) / 2).ok()?;
            let bytes = body.get(..len)?.to_vec();
            let value = if n % 2 == 0 {
                Value::Blob(bytes)
            } else {
                String::from_utf8(bytes).map_or(Value::Other, Value::Text)
            };
            Some((value, len))
        }
        _ => None,
    }
}

/// A variable-length number and how many bytes it took.
fn varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0_i64;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        if i == 8 {
            return Some(((value << 8) | i64::from(*byte), 9));
        }
        value = (value << 7) | i64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

fn be16(page: &[u8], at: usize) -> Option<u16> {
    let bytes = page.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

pub(super) fn be32(page: &[u8], at: usize) -> Option<u32> {
    let bytes = page.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
