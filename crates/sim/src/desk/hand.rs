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
        if let Some(reply) = self.read(&disk.live, &call) {
            return Ok(reply);
        }
        let books = &mut disk.live;
        match call {
            StoreCall::Acknowledge {
                incarnation,
                first_seq,
                seq,
                hash,
                outcomes,
            } => {
                let receipt = Receipt {
                    incarnation,
                    first_seq,
                    seq,
                    hash,
                    outcomes,
                };
                if self.mutant == Some(Mutant::FlagClearedDuringUpload) {
                    books.clear_flags(&receipt);
                }
                if !books.acknowledge(self.cast, &receipt) {
                    return Err(trouble("store.fork"));
                }
            }
            StoreCall::Park { ops, .. } => {
                for op in ops {
                    self.park(books, op);
                }
            }
            StoreCall::Rewind { seq } => {
                books.rewind(seq);
                books.offer_again();
            }
            StoreCall::NewIncarnation { .. } => self.new_life(books),
            StoreCall::ApplyPage(page) => {
                books.apply_page(self.cast, &page);
                if let Some(cursor) = page
                    .cursor
                    .filter(|_| self.mutant == Some(Mutant::CursorBeforeData))
                {
                    disk.synced.cursors.insert(page.scope.clone(), cursor);
                }
            }
            StoreCall::AdoptEpoch { .. }
            | StoreCall::ResetScope { .. }
            | StoreCall::DropScope { .. }
            | StoreCall::KeepScopes { .. } => self.scopes(books, call),
            StoreCall::ApplyRepair(page) => {
                return Ok(books.repair(self.cast, &page, self.mutant));
            }
            StoreCall::MarkStored { document } => books.mark_stored(document),
            StoreCall::PutDownloaded { document, bytes } => {
                if !books.put_downloaded(document, &bytes) {
                    return Err(trouble("store.manifest_mismatch"));
                }
            }
            // What the server has of a document is only for the screen here: the machine asks the server.
            StoreCall::SetChunks { .. }
            | StoreCall::LoadUnsent { .. }
            | StoreCall::LoadHead { .. }
            | StoreCall::LoadCursor { .. }
            | StoreCall::LoadDocuments
            | StoreCall::LoadDigest { .. } => {}
        }
        Ok(StoreReply::Done)
    }

    /// Calls about which feeds are read here, and of which life of the server.
    fn scopes(&self, books: &mut Books, call: StoreCall) {
        if let StoreCall::AdoptEpoch {
            epoch,
            scopes,
            server,
        } = call
        {
            if self.mutant != Some(Mutant::OneSidedCheckpoint) {
                books.reconcile(&server);
            }
            for scope in scopes.into_iter().chain(books.known_scopes()) {
                books.reset_scope(&scope);
            }
            books.offer_again();
            books.epoch = Some(epoch);
        } else if let StoreCall::KeepScopes { scopes } = call {
            let known = books.known_scopes().into_iter();
            for scope in known.filter(|scope| !scopes.contains(scope)) {
                books.drop_scope(&scope);
            }
        } else if let StoreCall::ResetScope { scope } = call {
            books.reset_scope(&scope);
        } else if let StoreCall::DropScope { scope } = call {
            books.drop_scope(&scope);
        }
    }

    fn park(&self, books: &mut Books, op: desk_domain::ids::OpId) {
        if self.mutant == Some(Mutant::DropOn4xx) {
            books.drop_op(op);
        } else {
            books.park(op);
        }
    }

    fn new_life(&self, books: &mut Books) {
        if self.mutant == Some(Mutant::CloneKeepsNumbers) {
            return;
        }
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

impl Hand<'_> {
    /// Calls that only look; none for a write.
    fn read(&self, books: &Books, call: &StoreCall) -> Option<StoreReply> {
        if let StoreCall::LoadUnsent { max_ops, max_bytes } = call {
            let mut rows = books.unsent(*max_ops, *max_bytes);
            if self.mutant == Some(Mutant::FlagClearedDuringUpload) {
                rows.retain(|row| books.is_flagged(row.op_id));
            }
            return Some(StoreReply::Unsent {
                incarnation: books.incarnation,
                rows,
            });
        }
        if let StoreCall::LoadHead { server, .. } = call {
            return Some(StoreReply::Head(self.head(books, server)));
        }
        if let StoreCall::LoadCursor { scope } = call {
            let cursor = books.cursors.get(scope).copied();
            let mark = books.marks.get(scope).filter(|_| cursor.is_none()).cloned();
            return Some(StoreReply::Cursor { cursor, mark });
        }
        if let StoreCall::LoadDigest { scope } = call {
            return Some(books.digest(scope));
        }
        if !matches!(call, StoreCall::LoadDocuments) {
            return None;
        }
        let (to_send, wanted) = books.to_move();
        Some(StoreReply::Documents { to_send, wanted })
    }

    fn head(&self, books: &Books, server: &[Head]) -> JournalHead {
        let head = head(books, server);
        if self.mutant != Some(Mutant::OneSidedCheckpoint) {
            return head;
        }
        let own = (books.incarnation, head.acknowledged_seq);
        let hash_there = books.rows.get(&own).map(|row| row.hash);
        let server = Head {
            incarnation: own.0,
            seq: own.1,
            hash: hash_there.unwrap_or(ChainHash::GENESIS),
        };
        JournalHead {
            server,
            hash_there,
            ..head
        }
    }
}

fn trouble(code: &str) -> StoreTrouble {
    StoreTrouble {
        code: code.to_owned(),
    }
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
