//! The checker: what was promised is in the journal, what was acknowledged is at the server, nothing is there twice, the
//! chains hold, and when everything has drained both sides say the same.

use crate::house::{House, Place, Written};
use crate::tally::Tally;
use desk_app::door::OsChance;
use desk_domain::case::Case;
use desk_domain::ids::DocumentId;
use desk_domain::op::{Op, OpBody};
use desk_store::{Part, Store, StorePaths, Transfer};
use desk_tests::Failure;
use desk_tests::ledger::{Ledger, StoredOp};
use desk_tests::office::BRANCH;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// Looks at copies of the files, so that the next process finds them as the dead one left them.
pub fn at_rest(house: &mut House, seed: u64, tally: &mut Tally) -> Result<(), Failure> {
    let scratch = house.scratch();
    let server = scratch.join("server");
    copy(house.office.data(), &server, "office.db")?;
    let ledger = Ledger::open(&server)?;
    for op in ledger.doubled()? {
        tally
            .doubled
            .push(format!("seed {seed}: op {op} counts twice"));
    }
    for (place, desk) in house.desks.iter_mut().enumerate() {
        let copied = scratch.join(place.to_string());
        without_ballast(&copied)?;
        copy(&desk.profile.join("desk"), &copied, "desk.db")?;
        let store = match open(&copied, desk) {
            Ok(store) => store,
            Err(code) => {
                tally
                    .lost
                    .push(format!("seed {seed}: desk {place} does not open: {code}"));
                continue;
            }
        };
        let mut find = Findings {
            where_: format!("seed {seed}, desk {place}"),
            tally: &mut *tally,
        };
        find.journal(&store, desk)?;
        find.promises(desk);
        let acknowledged = store.heads().map_err(read)?;
        let acknowledged = acknowledged.first().map_or(0, |head| head.acknowledged_seq);
        find.served(ledger.ops_of(desk.device, desk.served)?, acknowledged, desk);
    }
    std::fs::remove_dir_all(&scratch).map_err(Failure::at("remove the copies"))
}

/// Compares both sides after everybody has closed properly. False when a desk has not heard the end of the feed yet.
pub fn agreement(house: &mut House, seed: u64, tally: &mut Tally) -> Result<bool, Failure> {
    let ledger = Ledger::open(house.office.data())?;
    let position = ledger.position(&house.scope)?;
    let objects = house
        .office
        .data()
        .join("objects")
        .join(house.scope.as_str());
    for (place, desk) in house.desks.iter_mut().enumerate() {
        let store = match open(&desk.profile.join("desk"), desk) {
            Ok(store) => store,
            Err(code) => {
                tally
                    .lost
                    .push(format!("seed {seed}: desk {place} does not open: {code}"));
                continue;
            }
        };
        let cursor = store.cursor(&house.scope).map_err(read)?;
        if cursor != Some(position) {
            return Ok(false);
        }
        let mut find = Findings {
            where_: format!("seed {seed}, desk {place}"),
            tally: &mut *tally,
        };
        find.cases(&store, &ledger, desk)?;
        find.documents(&store, &objects, desk)?;
    }
    Ok(true)
}

struct Findings<'a> {
    where_: String,
    tally: &'a mut Tally,
}

impl Findings<'_> {
    fn lost(&mut self, what: &str) {
        self.tally.lost.push(format!("{}: {what}", self.where_));
    }
    fn diverged(&mut self, what: &str) {
        self.tally.diverged.push(format!("{}: {what}", self.where_));
    }

    /// One life, one chain, and everything that was there before.
    fn journal(&mut self, store: &Store, desk: &mut Place) -> Result<(), Failure> {
        if store.heads().map_err(read)?.len() != 1 {
            self.diverged("a kill began a new life of the journal");
        }
        if let Some((_, seq)) = store.verify_chain().map_err(read)?.first_bad {
            self.diverged(&format!("the chain breaks at {seq}"));
        }
        let rows = store.unsent(0, usize::MAX, usize::MAX).map_err(read)?;
        if rows.len() < desk.journal.len() {
            self.lost("the journal is shorter than it was");
        }
        for (known, row) in desk.journal.iter().zip(&rows) {
            if known.hash != row.hash {
                self.diverged(&format!("op {} was rewritten", known.seq));
            }
        }
        desk.journal.extend(
            rows.into_iter()
                .skip(desk.journal.len())
                .map(|row| Written {
                    seq: row.seq,
                    op_id: row.op_id.to_string(),
                    bytes: row.bytes,
                    hash: row.hash,
                }),
        );
        Ok(())
    }

    fn promises(&mut self, desk: &mut Place) {
        for promise in std::mem::take(&mut desk.promises) {
            let kept = desk.journal.iter().rev().any(|op| {
                promise
                    .iter()
                    .all(|piece| op.bytes.contains(piece.as_str()))
            });
            if !kept {
                self.lost(&format!("confirmed and not in the journal: {promise:?}"));
            }
        }
    }

    /// What the server has is the journal's beginning, byte for byte; what was acknowledged is part of it.
    fn served(&mut self, stored: Vec<StoredOp>, acknowledged: u64, desk: &mut Place) {
        for op in stored {
            let at = usize::try_from(desk.served).unwrap_or(usize::MAX);
            desk.served += 1;
            self.tally.stored += 1;
            let Some(ours) = desk.journal.get(at) else {
                self.lost(&format!(
                    "the server has op {} and the desk has not",
                    op.op_id
                ));
                continue;
            };
            let same = op.seq == ours.seq
                && op.op_id == ours.op_id
                && op.hash == ours.hash
                && op.counted
                && op.bytes.as_deref() == Some(ours.bytes.as_str());
            if !same {
                self.diverged(&format!("op {} is another one at the server", ours.seq));
            }
        }
        if acknowledged > desk.served {
            self.lost(&format!(
                "acknowledged up to {acknowledged}, stored up to {}",
                desk.served
            ));
        }
    }

    fn cases(&mut self, store: &Store, ledger: &Ledger, desk: &Place) -> Result<(), Failure> {
        if desk.served != u64::try_from(desk.journal.len()).unwrap_or(0) {
            self.lost("drained, and an op is not at the server");
        }
        if store.outbox().map_err(read)?.unsent > 0 {
            self.diverged("drained, and an op is unsent");
        }
        let of_this_office = |case: &Case| case.office.as_str() == BRANCH;
        for theirs in ledger.cases()?.into_iter().filter(of_this_office) {
            let ours = store
                .case_view(theirs.id)
                .map_err(read)?
                .map(|view| view.case);
            self.tally.conflicts = self
                .tally
                .conflicts
                .max(u64::try_from(theirs.conflicts.len()).unwrap_or(0));
            if ours.as_ref() != Some(&theirs) {
                self.diverged(&format!("case {} is seen differently", theirs.id));
            }
        }
        Ok(())
    }

    /// Own documents: sealed here, whole there, and both are what the op said.
    fn documents(
        &mut self,
        store: &Store,
        objects: &Path,
        desk: &mut Place,
    ) -> Result<(), Failure> {
        let attached: Vec<OpBody> = desk
            .journal
            .iter()
            .filter_map(|op| Op::parse(&op.bytes).ok()?.body().ok())
            .filter(|body| matches!(body, OpBody::DocumentAttach { .. }))
            .collect();
        for body in attached.iter().skip(desk.whole_documents) {
            let OpBody::DocumentAttach {
                document, manifest, ..
            } = body
            else {
                continue;
            };
            self.tally.documents += 1;
            if !is_stored(store, *document)? {
                self.lost(&format!("document {document} is not marked as stored"));
            }
            let here = store
                .open_document(*document, Part::Original)
                .map_err(read)?;
            let name = &manifest.sha256;
            let shelf = name.get(..2).unwrap_or_default();
            let there = std::fs::read(objects.join(shelf).join(name)).unwrap_or_default();
            for (side, bytes) in [("desk", here), ("server", there)] {
                if hex::encode(Sha256::digest(&bytes)) != *name {
                    self.diverged(&format!("document {document} is not itself at the {side}"));
                }
            }
        }
        desk.whole_documents = attached.len();
        Ok(())
    }
}

fn is_stored(store: &Store, id: DocumentId) -> Result<bool, Failure> {
    let known = store.document(id).map_err(read)?;
    Ok(known.is_some_and(|known| known.transfer == Transfer::Stored))
}

fn open(dir: &Path, desk: &Place) -> Result<Store, &'static str> {
    let paths = StorePaths {
        db: dir.join("desk.db"),
        documents_dir: dir.join("documents"),
    };
    Store::open(&paths, &desk.key, Arc::new(OsChance)).map_err(|error| error.code())
}

/// The database and what its writer left beside it; not the documents.
fn copy(from: &Path, to: &Path, db: &str) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(Failure::at("make a folder for copies"))?;
    for name in [
        db.to_owned(),
        format!("{db}-wal"),
        db.replace(".db", ".lock"),
    ] {
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).map_err(Failure::at("copy"))?;
        }
    }
    Ok(())
}

/// A copy is never written to for long: it needs no reserve of eight megabytes.
fn without_ballast(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(dir.join("desk.ballast"), b""))
        .map_err(Failure::at("make a folder for copies"))
}

fn read(error: desk_store::StoreError) -> Failure {
    Failure::new(format!("read the desk's file: {} {error}", error.code()))
}

/// The checker must be able to find what it looks for.
#[cfg(test)]
mod tests {
    use super::{Findings, Place, StoredOp, Written};
    use crate::tally::Tally;
    use desk_app::door::OsChance;
    use desk_domain::ids::DeviceId;
    use desk_domain::op::ChainHash;
    use desk_domain::outcome::Outcome;
    use desk_store::DbKey;

    fn hash(n: u64) -> ChainHash {
        ChainHash::after(ChainHash::GENESIS, &n.to_be_bytes())
    }

    fn place(ops: u64) -> Place {
        let journal = (1..=ops).map(|seq| Written {
            seq,
            op_id: format!("op-{seq}"),
            bytes: format!("case-a note.add text-{seq}"),
            hash: hash(seq),
        });
        Place {
            profile: std::path::PathBuf::new(),
            order: std::path::PathBuf::new(),
            key: DbKey::from_bytes([0; 32]),
            device: DeviceId::new(0, &OsChance),
            journal: journal.collect(),
            served: 0,
            promises: Vec::new(),
            whole_documents: 0,
        }
    }

    fn stored(ops: u64) -> Vec<StoredOp> {
        let one = |seq| StoredOp {
            incarnation: String::new(),
            seq,
            op_id: format!("op-{seq}"),
            counted: true,
            bytes: Some(format!("case-a note.add text-{seq}")),
            hash: hash(seq),
            outcome: Outcome::Applied { rev: seq },
        };
        (1..=ops).map(one).collect()
    }

    /// (lost, diverged) of what a server has of a desk with three ops.
    fn served(stored: Vec<StoredOp>, acknowledged: u64) -> (usize, usize) {
        let mut tally = Tally::new(1, 1);
        let mut find = Findings {
            where_: String::new(),
            tally: &mut tally,
        };
        find.served(stored, acknowledged, &mut place(3));
        (tally.lost.len(), tally.diverged.len())
    }

    #[test]
    fn a_promise_that_is_not_in_the_journal_is_lost() {
        let mut tally = Tally::new(1, 1);
        let mut desk = place(3);
        let said = |text: &str| vec!["case-a".to_owned(), "note.add".to_owned(), text.to_owned()];
        desk.promises = vec![said("text-2"), said("text-4")];
        let mut find = Findings {
            where_: String::new(),
            tally: &mut tally,
        };
        find.promises(&mut desk);
        assert_eq!(tally.lost.len(), 1);
        assert!(tally.lost[0].contains("text-4"));
    }

    #[test]
    fn what_the_server_has_otherwise_or_has_not_is_found() {
        assert_eq!(served(stored(2), 2), (0, 0));
        assert_eq!(
            served(stored(2), 3),
            (1, 0),
            "acknowledged before it was stored"
        );
        assert_eq!(
            served(stored(4), 3),
            (1, 0),
            "gone from the journal after it was sent"
        );
        let mut other = stored(3);
        other[1].hash = hash(9);
        assert_eq!(served(other, 3), (0, 1), "another history");
        let mut twice = stored(3);
        twice[2].counted = false;
        assert_eq!(served(twice, 3), (0, 1), "judged before under the same id");
        let mut parked = stored(3);
        parked[0].bytes = None;
        assert_eq!(served(parked, 3), (0, 1), "its words never came");
    }
}
