//! What could be read of a damaged file, gathered in one walk over its pages.

use super::cells::{be32, records};
use super::pages::Images;
use super::rows::{
    FoundDocument, FoundFate, FoundHead, FoundIdentity, FoundOp, Rebuilt, Row, recognise,
};
use crate::error::StoreError;
use crate::open::DbKey;
use desk_domain::ids::{CaseId, Incarnation, OpId, UserId};
use desk_domain::people::UserCard;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Everything that is not rebuilt from the server.
#[derive(Default)]
pub(super) struct Haul {
    pub pages_read: u32,
    pub pages_lost: u32,
    pub ops: BTreeMap<(Incarnation, u64), FoundOp>,
    pub fates: BTreeMap<OpId, FoundFate>,
    pub heads: BTreeMap<Incarnation, FoundHead>,
    pub documents: BTreeMap<[u8; 16], FoundDocument>,
    pub identity: Option<FoundIdentity>,
    pub drafts: BTreeMap<(CaseId, String), String>,
    pub settings: BTreeMap<String, String>,
    pub sequences: BTreeMap<String, i64>,
    pub dismissals: BTreeMap<OpId, (UserId, i64, String)>,
    pub users: BTreeMap<UserId, UserCard>,
}

/// Longest list of free pages that is followed.
const MOST_TRUNKS: usize = 1 << 20;

impl Haul {
    /// Reads every page once; `rebuilt` is handed the cases and records that the server could send again.
    pub(super) fn of(
        db: &Path,
        key: &DbKey,
        rebuilt: &mut dyn FnMut(Rebuilt) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut images = Images::of(db, key)?;
        let free = free_pages(&mut images);
        let mut haul = Self::default();
        for number in 1..=images.last_page() {
            haul.look(&mut images, number, !free.contains(&number), rebuilt)?;
        }
        Ok(haul)
    }

    fn look(
        &mut self,
        images: &mut Images,
        number: u32,
        in_use: bool,
        rebuilt: &mut dyn FnMut(Rebuilt) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let versions = images.every(number);
        if versions.is_empty() {
            self.pages_lost += 1;
        } else {
            self.pages_read += 1;
        }
        for (age, page) in versions.iter().enumerate() {
            let rows = records(number, page, &mut |other| images.newest(other));
            for row in rows.into_iter().filter_map(recognise) {
                self.take(row, age == 0 && in_use, rebuilt)?;
            }
        }
        Ok(())
    }

    /// What cannot change is taken from wherever it still stands, all else from the newest image only.
    fn take(
        &mut self,
        row: Row,
        newest: bool,
        rebuilt: &mut dyn FnMut(Rebuilt) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if newest {
            return self.keep(row, rebuilt);
        }
        match row {
            Row::Op(op) => self.keep_op(*op),
            Row::Document(document) => {
                self.documents.entry(document.id).or_insert(document);
            }
            Row::Rebuilt(_)
            | Row::Fate(_)
            | Row::Head(_)
            | Row::Identity(_)
            | Row::Draft { .. }
            | Row::Setting { .. }
            | Row::Sequence { .. }
            | Row::Dismissal { .. }
            | Row::User(_) => {}
        }
        Ok(())
    }

    fn keep_op(&mut self, op: FoundOp) {
        self.ops.entry((op.op.incarnation, op.op.seq)).or_insert(op);
    }

    fn keep(
        &mut self,
        row: Row,
        rebuilt: &mut dyn FnMut(Rebuilt) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match row {
            Row::Op(op) => self.keep_op(*op),
            Row::Document(document) => {
                self.documents.insert(document.id, document);
            }
            Row::Rebuilt(row) => rebuilt(row)?,
            Row::Fate(fate) => {
                self.fates.insert(fate.op, fate);
            }
            Row::Head(head) => {
                self.heads.insert(head.incarnation, head);
            }
            Row::Identity(identity) => self.identity = Some(identity),
            Row::Draft { case, field, raw } => {
                self.drafts.insert((case, field), raw);
            }
            Row::Setting { name, json } => {
                self.settings.insert(name, json);
            }
            Row::Sequence { day, taken } => {
                self.sequences.insert(day, taken);
            }
            Row::Dismissal { op, by, at, reason } => {
                self.dismissals.insert(op, (by, at, reason));
            }
            Row::User(card) => {
                self.users.insert(card.user, *card);
            }
        }
        Ok(())
    }
}

/// Pages that the file itself says are not in use; what stands there is old. Empty when that cannot be read.
fn free_pages(images: &mut Images) -> BTreeSet<u32> {
    let mut free = BTreeSet::new();
    let first = images.newest(1).and_then(|page| be32(&page, 32));
    let mut trunk = first.unwrap_or(0);
    for _ in 0..MOST_TRUNKS {
        if trunk == 0 || !free.insert(trunk) {
            break;
        }
        let Some(page) = images.newest(trunk) else {
            break;
        };
        let count = be32(&page, 4).unwrap_or(0).min(1024);
        for i in 0..usize::try_from(count).unwrap_or(0) {
            free.extend(be32(&page, 8 + 4 * i));
        }
        trunk = be32(&page, 0).unwrap_or(0);
    }
    free
}
