//! The machine's store calls, done one after another.

use super::Books;
use super::receipt::Receipt;
use crate::cast::Cast;
use crate::disk::Disk;
use crate::mutant::Mutant;
use desk_domain::ids::Incarnation;
use desk_domain::op::ChainHash;
use desk_domain::time::{Chance, Millis};
use desk_protocol::sync::Head;
use desk_sync::machine::port::{JournalHead, StoreCall, StoreReply, StoreTrouble};

/// What a store call needs beside the books.
pub struct Hand<'a> {
    pub cast: &'a Cast,
    pub now: Millis,
    pub chance: &'a dyn Chance,
    pub mutant: Option<Mutant>,
}

impl Hand<'_> {
    /// Does one call on the running store. It counts once the disk is synced.
    pub fn perform(
        &self,
        disk: &mut Disk<Books>,
        call: StoreCall,
    ) -> Result<StoreReply, StoreTrouble> {
        if let Some(reply) = read(&disk.live, &call) {
            return Ok(reply);
        }
        let books = &mut disk.live;
        match call {
            StoreCall::Acknowledge {
                incarnation,
                seq,
                hash,
                outcomes,
            } => {
                let receipt = Receipt {
                    incarnation,
                    seq,
                    hash,
                    outcomes,
                };
                if !books.acknowledge(self.cast, &receipt) {
                    return Err(StoreTrouble {
                        code: "store.fork".to_owned(),
                    });
                }
            }
            StoreCall::Park { ops, .. } => {
                for op in ops {
                    self.park(books, op);
                }
            }
            StoreCall::Rewind { seq } => books.rewind(seq),
            StoreCall::NewIncarnation { .. } => self.new_life(books),
            StoreCall::AdoptEpoch { epoch, scopes } => {
                for scope in scopes {
                    books.reset_scope(&scope);
                }
                books.epoch = Some(epoch);
            }
            StoreCall::ApplyPage(page) => {
                books.apply_page(self.cast, &page);
                if let Some(cursor) = page
                    .cursor
                    .filter(|_| self.mutant == Some(Mutant::CursorBeforeData))
                {
                    disk.synced.cursors.insert(page.scope.clone(), cursor);
                }
            }
            StoreCall::ResetScope { scope } => books.reset_scope(&scope),
            StoreCall::DropScope { scope } => books.drop_scope(&scope),
            StoreCall::LoadUnsent { .. }
            | StoreCall::LoadHead { .. }
            | StoreCall::LoadCursor { .. }
            | StoreCall::LoadDocuments
            | StoreCall::SetChunks { .. }
            | StoreCall::MarkStored { .. }
            | StoreCall::PutDownloaded { .. } => {}
        }
        Ok(StoreReply::Done)
    }

    fn park(&self, books: &mut Books, op: desk_domain::ids::OpId) {
        if self.mutant == Some(Mutant::DropOn4xx) {
            books.drop_op(op);
        } else {
            books.park(op);
        }
    }

    fn new_life(&self, books: &mut Books) {
        if self.mutant == Some(Mutant::WipeOnResync) {
            let tip = books.tip();
            let old = books.incarnation;
            books
                .fates
                .retain(|_, fate| fate.incarnation != old || fate.seq <= tip.acknowledged);
        }
        books.begin(Incarnation::new(self.now, self.chance));
    }
}

/// Calls that only look; none for a write. Documents are not part of these histories yet.
fn read(books: &Books, call: &StoreCall) -> Option<StoreReply> {
    if let StoreCall::LoadUnsent { max_ops, max_bytes } = call {
        let rows = books.unsent(*max_ops, *max_bytes);
        return Some(StoreReply::Unsent {
            incarnation: books.incarnation,
            rows,
        });
    }
    if let StoreCall::LoadHead { server, .. } = call {
        return Some(StoreReply::Head(head(books, server)));
    }
    if let StoreCall::LoadCursor { scope } = call {
        let cursor = books.cursors.get(scope).copied();
        let mark = books.marks.get(scope).filter(|_| cursor.is_none()).cloned();
        return Some(StoreReply::Cursor { cursor, mark });
    }
    matches!(call, StoreCall::LoadDocuments).then(|| StoreReply::Documents {
        to_send: Vec::new(),
        wanted: Vec::new(),
    })
}

fn head(books: &Books, server: &[Head]) -> JournalHead {
    let incarnation = books.incarnation;
    let nothing = Head {
        incarnation,
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let server = server
        .iter()
        .find(|head| head.incarnation == incarnation)
        .copied()
        .unwrap_or(nothing);
    let tip = books.tip();
    JournalHead {
        last_seq: tip.seq,
        acknowledged_seq: tip.acknowledged,
        server,
        hash_there: books
            .rows
            .get(&(incarnation, server.seq))
            .map(|row| row.hash),
    }
}
