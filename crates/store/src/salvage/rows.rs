//! Which row of which table a record is: told by its shape, believed only when what it says fits together.

use super::cells::{Record, Value};
use crate::sql::Blob;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Op};
use desk_domain::people::UserCard;
use desk_domain::registry::MerchantRecord;

/// An op whose bytes, place and hash vouch for each other.
#[derive(Debug)]
pub(super) struct FoundOp {
    pub ord: i64,
    pub op: Op,
    pub bytes: String,
    pub hash: ChainHash,
}

/// What had become of an op.
#[derive(Clone, Debug)]
pub(super) struct FoundFate {
    pub op: OpId,
    pub state: String,
    pub open: bool,
    pub applied_rev: Option<i64>,
    pub preview: Option<String>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
}

/// The end of one chain as the file had it.
#[derive(Clone, Debug)]
pub(super) struct FoundHead {
    pub incarnation: Incarnation,
    pub seq: i64,
    pub hash: [u8; 32],
    pub acknowledged_seq: i64,
    pub hlc_ms: i64,
    pub hlc_n: i64,
}

/// Column by column, as it stood.
#[derive(Clone, Debug)]
pub(super) struct FoundDocument {
    pub id: [u8; 16],
    pub values: Vec<Value>,
}

pub(super) struct FoundIdentity {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub office: OfficeCode,
    pub office_name: String,
    pub device_code: String,
}

/// A row that was read.
pub(super) enum Row {
    Op(Box<FoundOp>),
    Fate(FoundFate),
    Head(FoundHead),
    Document(FoundDocument),
    Identity(FoundIdentity),
    Draft {
        case: CaseId,
        field: String,
        raw: String,
    },
    Setting {
        name: String,
        json: String,
    },
    Sequence {
        day: String,
        taken: i64,
    },
    Dismissal {
        op: OpId,
        by: UserId,
        at: i64,
        reason: String,
    },
    User(Box<UserCard>),
    Rebuilt(Rebuilt),
}

/// What the server could send again; carried over so that it can be read until it does.
pub(super) enum Rebuilt {
    Merchant(Box<MerchantRecord>),
    Case(Box<Case>),
}

/// None for rows that can be rebuilt, and for what is no row of ours.
pub(super) fn recognise(record: Record) -> Option<Row> {
    let Record { rowid, values } = record;
    match rowid {
        Some(rowid) => with_number(rowid, values),
        None => without_number(&values),
    }
}

fn with_number(rowid: i64, values: Vec<Value>) -> Option<Row> {
    use Value::{Blob, Int, Null, Text};
    match values.as_slice() {
        [
            Null,
            Blob(_),
            Int(_),
            Blob(_),
            Blob(_),
            Int(_),
            Int(_),
            Blob(_),
            Text(_),
        ] => op(rowid, &values),
        [
            Null,
            Blob(op),
            Blob(_),
            Text(_),
            Int(_),
            Text(state),
            Int(_),
            Int(open),
            rev,
            preview,
            outcome,
            reason,
        ] => Some(Row::Fate(FoundFate {
            op: OpId::from_blob(sixteen(op)?),
            state: state.clone(),
            open: *open == 1,
            applied_rev: maybe_int(rev),
            preview: maybe_text(preview),
            outcome: maybe_text(outcome),
            reason: maybe_text(reason),
        })),
        [
            Null,
            Blob(device),
            Blob(incarnation),
            Text(office),
            Text(office_name),
            Text(device_code),
        ] => Some(Row::Identity(FoundIdentity {
            device: DeviceId::from_blob(sixteen(device)?),
            incarnation: Incarnation::from_blob(sixteen(incarnation)?),
            office: OfficeCode::parse(office)?,
            office_name: office_name.clone(),
            device_code: device_code.clone(),
        })),
        [Null, Text(confirmed), Null | Text(_)] => {
            let case = serde_json::from_str(confirmed).ok()?;
            Some(Row::Rebuilt(Rebuilt::Case(Box::new(case))))
        }
        _ => None,
    }
}

/// Believed only if the hash covers the bytes and the bytes name the same place.
fn op(rowid: i64, values: &[Value]) -> Option<Row> {
    use Value::{Blob, Int, Text};
    let [
        _,
        Blob(incarnation),
        Int(seq),
        Blob(op_id),
        _,
        _,
        _,
        Blob(hash),
        Text(bytes),
    ] = values
    else {
        return None;
    };
    let op = Op::parse(bytes).ok()?;
    let hash = ChainHash::from_bytes(hash.as_slice().try_into().ok()?);
    let fits = ChainHash::after(op.prev_hash, bytes.as_bytes()) == hash
        && op.incarnation == Incarnation::from_blob(sixteen(incarnation)?)
        && op.op_id == OpId::from_blob(sixteen(op_id)?)
        && i64::try_from(op.seq).ok()? == *seq;
    fits.then(|| {
        Row::Op(Box::new(FoundOp {
            ord: rowid,
            op,
            bytes: bytes.clone(),
            hash,
        }))
    })
}

fn without_number(values: &[Value]) -> Option<Row> {
    use Value::{Blob, Int, Text};
    match values {
        [
            Blob(incarnation),
            Int(seq),
            Blob(hash),
            Int(acknowledged),
            Int(hlc_ms),
            Int(hlc_n),
        ] => Some(Row::Head(FoundHead {
            incarnation: Incarnation::from_blob(sixteen(incarnation)?),
            seq: *seq,
            hash: hash.as_slice().try_into().ok()?,
            acknowledged_seq: *acknowledged,
            hlc_ms: *hlc_ms,
            hlc_n: *hlc_n,
        })),
        [
            Blob(id),
            _,
            _,
            Text(_),
            _,
            _,
            _,
            _,
            _,
            Int(_),
            Int(_),
            Text(_),
            Text(_),
        ] => Some(Row::Document(FoundDocument {
            id: sixteen(id)?,
            values: values.to_vec(),
        })),
        [Blob(case), Text(field), Text(raw)] => Some(Row::Draft {
            case: CaseId::from_blob(sixteen(case)?),
            field: field.clone(),
            raw: raw.clone(),
        }),
        [Blob(op), Blob(by), Int(at), Text(reason)] => Some(Row::Dismissal {
            op: OpId::from_blob(sixteen(op)?),
            by: UserId::from_blob(sixteen(by)?),
            at: *at,
            reason: reason.clone(),
        }),
        [Blob(id), Text(card)] => {
            let card: UserCard = serde_json::from_str(card).ok()?;
            (card.user.blob() == sixteen(id)?).then(|| Row::User(Box::new(card)))
        }
        [Blob(_), Text(_), Int(_), Text(record)] => {
            let record = serde_json::from_str(record).ok()?;
            Some(Row::Rebuilt(Rebuilt::Merchant(Box::new(record))))
        }
        [Text(day), Int(taken)] if day.len() == 6 && day.bytes().all(|b| b.is_ascii_digit()) => {
            Some(Row::Sequence {
                day: day.clone(),
                taken: *taken,
            })
        }
        [Text(name), Text(json)] => Some(Row::Setting {
            name: name.clone(),
            json: json.clone(),
        }),
        _ => None,
    }
}

fn sixteen(blob: &[u8]) -> Option<[u8; 16]> {
    blob.try_into().ok()
}

fn maybe_int(value: &Value) -> Option<i64> {
    if let Value::Int(value) = value {
        Some(*value)
    } else {
        None
    }
}

fn maybe_text(value: &Value) -> Option<String> {
    if let Value::Text(text) = value {
        Some(text.clone())
    } else {
        None
    }
}
