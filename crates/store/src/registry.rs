//! The register of merchants and terminals, and the blind match against it.

use crate::error::StoreError;
use crate::search::{SearchKey, bare_number};
use crate::sql::{Blob, limit, signed, unsigned};
use crate::store::Store;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::MerchantId;
use desk_domain::registry::MerchantRecord;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// Records that one set of facts may point to before it counts as pointing nowhere.
const MOST_CANDIDATES: usize = 20;
/// Facts that must agree before a record counts as found.
const FACTS_TO_LOCATE: usize = 2;

/// What a blind match may say. Never a stored value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlindMatch {
    /// The record, when at least two facts agree and no other record agrees as well.
    pub merchant: Option<MerchantId>,
    pub agreed: BTreeSet<FieldKey>,
    pub differed: BTreeSet<FieldKey>,
}

impl Store {
    /// Adds or replaces a record; an older version than the one here is ignored.
    pub fn put_merchant(&self, record: &MerchantRecord) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            touched.registry = true;
            put_merchant(tx, &self.search_key, record)
        })
    }

    /// One record whole, for the review panel; the app masks it.
    pub fn merchant(&self, id: MerchantId) -> Result<Option<MerchantRecord>, StoreError> {
        self.read(|conn| record(conn, id))
    }

    /// The records that carry exactly this merchant number, serial, TUSN, phone or USCC.
    pub fn find_merchants(&self, number: &str) -> Result<Vec<MerchantId>, StoreError> {
        self.read(|conn| by_number(conn, &self.search_key, number))
    }

    /// The records whose name holds this text. Looks at one record after the other until it has enough: a register is
    /// that of some offices, thousands of records and not millions.
    pub fn merchants_named(&self, part: &str, most: usize) -> Result<Vec<MerchantId>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached(
                "SELECT id FROM merchant WHERE instr(record ->> '$.name', ?1) > 0 LIMIT ?2",
            )?;
            let found = find
                .query_map(params![part, limit(most)], |row| {
                    row.get(0).map(MerchantId::from_blob)
                })?
                .collect::<Result<_, _>>()?;
            Ok(found)
        })
    }

    /// Compares what a caller said with the register. Only the keys of the facts come back, never a value of the record.
    pub fn blind_match(
        &self,
        facts: &BTreeMap<FieldKey, FieldValue>,
    ) -> Result<BlindMatch, StoreError> {
        self.read(|conn| {
            let mut candidates: BTreeSet<MerchantId> = BTreeSet::new();
            for (key, value) in facts {
                for number in lookup_numbers(*key, value) {
                    candidates.extend(by_number(conn, &self.search_key, number)?);
                }
            }
            let mut scored = Vec::new();
            for id in candidates.into_iter().take(MOST_CANDIDATES) {
                if let Some(record) = record(conn, id)? {
                    scored.push(compare(&record, facts));
                }
            }
            Ok(best(scored, facts))
        })
    }
}

fn best(mut scored: Vec<BlindMatch>, facts: &BTreeMap<FieldKey, FieldValue>) -> BlindMatch {
    scored.sort_by_key(|found| std::cmp::Reverse(found.agreed.len()));
    let rival = scored.get(1).map_or(0, |second| second.agreed.len());
    let Some(mut first) = scored.into_iter().next() else {
        let differed = facts
            .keys()
            .copied()
            .filter(|key| is_comparable(*key))
            .collect();
        return BlindMatch {
            merchant: None,
            agreed: BTreeSet::new(),
            differed,
        };
    };
    if first.agreed.len() < FACTS_TO_LOCATE || rival == first.agreed.len() {
        first.merchant = None;
    }
    first
}

fn compare(record: &MerchantRecord, facts: &BTreeMap<FieldKey, FieldValue>) -> BlindMatch {
    let mut found = BlindMatch {
        merchant: Some(record.id),
        ..BlindMatch::default()
    };
    for (key, value) in facts {
        match agrees(record, *key, value) {
            Some(true) => found.agreed.insert(*key),
            Some(false) => found.differed.insert(*key),
            None => false,
        };
    }
    found
}

/// Whether a fact is the record's; none when the register has nothing to say about it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a field that the register does not hold has no answer, a new one either"
)]
fn agrees(record: &MerchantRecord, key: FieldKey, value: &FieldValue) -> Option<bool> {
    if let (FieldKey::TerminalNumbers, FieldValue::Set(typed)) = (key, value) {
        let known: BTreeSet<&String> = record
            .terminals
            .iter()
            .flat_map(|terminal| &terminal.terminal_numbers)
            .collect();
        return Some(!typed.is_empty() && typed.iter().all(|number| known.contains(number)));
    }
    let FieldValue::Text(typed) = value else {
        return None;
    };
    let same_number = |stored: &str| bare_number(stored) == bare_number(typed);
    let same_text = |stored: &str| stored.split_whitespace().eq(typed.split_whitespace());
    match key {
        FieldKey::MerchantNo => Some(same_number(&record.merchant_no)),
        FieldKey::MerchantInnerNo => record.merchant_inner_no.as_deref().map(same_number),
        FieldKey::MerchantUscc => record.uscc.as_deref().map(same_number),
        FieldKey::MerchantName => Some(same_text(&record.name)),
        FieldKey::MerchantClass => Some(record.class == *typed),
        FieldKey::MerchantPhone => Some(same_number(&record.phone)),
        FieldKey::LegalName => Some(same_text(&record.legal_name)),
        FieldKey::LegalIdNo => Some(same_number(&record.legal_id_no)),
        FieldKey::SettleBank => Some(same_text(&record.settle_bank)),
        FieldKey::SettleTail => Some(record.settle_tail == *typed),
        FieldKey::TerminalSerial => Some(
            record
                .terminals
                .iter()
                .any(|terminal| same_number(&terminal.serial)),
        ),
        FieldKey::TerminalTusn => Some(
            record
                .terminals
                .iter()
                .filter_map(|terminal| terminal.tusn.as_deref())
                .any(same_number),
        ),
        _ => None,
    }
}

fn is_comparable(key: FieldKey) -> bool {
    use FieldKey as F;
    matches!(
        key,
        F::MerchantNo
            | F::MerchantInnerNo
            | F::MerchantUscc
            | F::MerchantName
            | F::MerchantClass
            | F::MerchantPhone
            | F::LegalName
            | F::LegalIdNo
            | F::SettleBank
            | F::SettleTail
            | F::TerminalSerial
            | F::TerminalTusn
            | F::TerminalNumbers
    )
}

/// The facts that lead to a record; names and tails only confirm one.
fn lookup_numbers(key: FieldKey, value: &FieldValue) -> Vec<&str> {
    use FieldKey as F;
    match value {
        FieldValue::Text(text)
            if matches!(
                key,
                F::MerchantNo
                    | F::MerchantInnerNo
                    | F::MerchantUscc
                    | F::MerchantPhone
                    | F::TerminalSerial
                    | F::TerminalTusn
            ) =>
        {
            vec![text.as_str()]
        }
        FieldValue::Set(set) if key == F::TerminalNumbers => {
            set.iter().map(String::as_str).collect()
        }
        FieldValue::Text(_) | FieldValue::Set(_) | FieldValue::Flag(_) => Vec::new(),
    }
}

fn record(conn: &Connection, id: MerchantId) -> Result<Option<MerchantRecord>, StoreError> {
    let json: Option<String> = conn
        .prepare_cached("SELECT record FROM merchant WHERE id = ?1")?
        .query_row(params![id.blob()], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

fn by_number(
    conn: &Connection,
    key: &SearchKey,
    number: &str,
) -> Result<Vec<MerchantId>, StoreError> {
    let bare = bare_number(number);
    let mut find =
        conn.prepare_cached("SELECT merchant FROM merchant_key WHERE token = ?1 LIMIT 21")?;
    let found = find
        .query_map(params![key.token("merchant", &bare)], |row| {
            row.get(0).map(MerchantId::from_blob)
        })?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

pub(crate) fn put_merchant(
    conn: &Connection,
    key: &SearchKey,
    record: &MerchantRecord,
) -> Result<(), StoreError> {
    let known: Option<i64> = conn
        .prepare_cached("SELECT version FROM merchant WHERE id = ?1")?
        .query_row(params![record.id.blob()], |row| row.get(0))
        .optional()?;
    if known
        .map(unsigned)
        .transpose()?
        .is_some_and(|known| known > record.version)
    {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO merchant (id, office, version, record) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET office = ?2, version = ?3, record = ?4",
    )?
    .execute(params![
        record.id.blob(),
        record.office.as_str(),
        signed(record.version)?,
        serde_json::to_string(record)?
    ])?;
    conn.prepare_cached("DELETE FROM merchant_key WHERE merchant = ?1")?
        .execute(params![record.id.blob()])?;
    let mut add = conn.prepare_cached(
        "INSERT INTO merchant_key (token, merchant) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for number in numbers_of(record) {
        add.execute(params![
            key.token("merchant", &bare_number(number)),
            record.id.blob()
        ])?;
    }
    Ok(())
}

fn numbers_of(record: &MerchantRecord) -> Vec<&str> {
    let mut numbers = vec![record.merchant_no.as_str(), record.phone.as_str()];
    numbers.extend(record.merchant_inner_no.as_deref());
    numbers.extend(record.uscc.as_deref());
    for terminal in &record.terminals {
        numbers.push(&terminal.serial);
        numbers.extend(terminal.tusn.as_deref());
        numbers.extend(terminal.terminal_numbers.iter().map(String::as_str));
    }
    numbers
}
