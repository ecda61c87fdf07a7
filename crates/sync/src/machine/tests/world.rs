//! A whole world around one machine: a store, a server, and faults that a list of bytes decides.

use super::*;
use desk_domain::case::CHUNK_BYTES;
use desk_protocol::documents::{ChunkReply, OfferReply};
use desk_protocol::error as code;
use desk_protocol::people::SessionReply;
use desk_protocol::sync::{Change, PullReply, SnapshotReply};
use std::collections::VecDeque;

pub(super) struct World {
    pub machine: Machine,
    now: Millis,
    queue: VecDeque<Input>,
    timers: BTreeMap<Lane, u64>,
    faults: VecDeque<u8>,
    sign_ins: u64,
    // The desk's store.
    pub rows: Vec<OutboxRow>,
    pub acknowledged: usize,
    life: u64,
    known_epoch: Option<Epoch>,
    pub cursor: Option<u64>,
    pub to_send: Vec<DocumentToSend>,
    pub wanted: Vec<WantedDocument>,
    // The server.
    heads: BTreeMap<Incarnation, Vec<ChainHash>>,
    pub position: u64,
    has: BTreeMap<DocumentId, Vec<bool>>,
    whole: BTreeSet<DocumentId>,
    bytes: BTreeMap<DocumentId, Vec<u8>>,
    // What was seen.
    pub split_groups: u32,
    pub out_of_order: u32,
}

impl World {
    pub fn new(groups: &[u16], uploads: usize, faults: Vec<u8>) -> Self {
        let mut rig = Rig::new();
        let mut world = Self {
            machine: std::mem::replace(&mut rig.machine, Rig::new().machine),
            now: 1_000_000,
            queue: VecDeque::new(),
            timers: BTreeMap::new(),
            faults: faults.into(),
            sign_ins: 1,
            rows: journal(incarnation(2), groups),
            acknowledged: 0,
            life: 2,
            known_epoch: None,
            cursor: None,
            to_send: Vec::new(),
            wanted: Vec::new(),
            heads: BTreeMap::new(),
            position: 4,
            has: BTreeMap::new(),
            whole: BTreeSet::new(),
            bytes: BTreeMap::new(),
            split_groups: 0,
            out_of_order: 0,
        };
        for n in 0..uploads {
            world
                .to_send
                .push(document(100 + n as u64, 10 + n * CHUNK_BYTES).0);
        }
        let (down, bytes) = document(200, CHUNK_BYTES + 3);
        world.wanted.push(WantedDocument {
            id: down.id,
            manifest: down.manifest,
        });
        world.bytes.insert(down.id, bytes);
        world
    }

    /// Runs until everything is through; the number of steps, or none if it never came to that.
    pub fn run(&mut self, most: usize) -> Option<usize> {
        self.queue.push_back(Input::Started {
            epoch: self.known_epoch,
            session: Some(tokens(1)),
        });
        for step in 0..most {
            if self.faults.is_empty() && self.is_drained() {
                return Some(step);
            }
            let input = match self.queue.pop_front() {
                Some(input) => input,
                None => self.next_timer()?,
            };
            self.now += 1;
            for action in self.machine.handle(input, self.now) {
                self.perform(action);
            }
        }
        None
    }

    pub fn is_drained(&self) -> bool {
        let up = self.acknowledged == self.rows.len() && self.to_send.is_empty();
        up && self.wanted.is_empty() && self.cursor == Some(self.position)
    }

    /// Nothing is under way: the earliest timer rings. Without one the machine is wedged.
    fn next_timer(&mut self) -> Option<Input> {
        let lane = self
            .timers
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(lane, _)| lane.clone())?;
        let at = self.timers.remove(&lane)?;
        self.now = self.now.max(Millis::try_from(at).unwrap());
        Some(Input::Timer(lane))
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send {
                lane,
                flight,
                request,
                ..
            } => {
                let result = self.serve(&request);
                self.queue.push_back(Input::Reply {
                    lane,
                    flight,
                    result,
                });
            }
            Action::Store { lane, call } => {
                let result = self.store(call);
                self.queue.push_back(Input::Stored { lane, result });
            }
            Action::Arm { lane, after_ms } => {
                self.timers
                    .insert(lane, u64::try_from(self.now).unwrap() + after_ms);
            }
            Action::Tell(Notice::SessionLost) => {
                self.sign_ins += 1;
                self.queue
                    .push_back(Input::SessionSet(Some(tokens(self.sign_ins))));
            }
            Action::Cancel(_) | Action::Tell(_) => {}
        }
    }

    fn store(&mut self, call: StoreCall) -> Result<StoreReply, StoreTrouble> {
        if self.faults.front().is_some_and(|fault| *fault >= 240) {
            self.faults.pop_front();
            return Err(StoreTrouble {
                code: "store.disk_full".to_owned(),
            });
        }
        match call {
            StoreCall::LoadUnsent { max_ops, .. } => {
                let incarnation = incarnation(self.life);
                let rows = self
                    .rows
                    .iter()
                    .skip(self.acknowledged)
                    .take(max_ops.max(40))
                    .cloned()
                    .collect();
                return Ok(StoreReply::Unsent { incarnation, rows });
            }
            StoreCall::Acknowledge { seq, hash, .. } => {
                let at = usize::try_from(seq).unwrap();
                assert_eq!(self.rows[at - 1].hash, hash, "a receipt for what was sent");
                self.acknowledged = self.acknowledged.max(at);
            }
            StoreCall::Park { ops, .. } => {
                for row in self.rows.iter_mut().filter(|row| ops.contains(&row.op_id)) {
                    row.parked = true;
                }
            }
            StoreCall::Rewind { seq } => {
                self.acknowledged = self.acknowledged.min(usize::try_from(seq).unwrap());
            }
            StoreCall::NewIncarnation { .. } => self.new_life(),
            StoreCall::LoadHead { server, .. } => return Ok(self.head(&server)),
            StoreCall::AdoptEpoch { epoch, .. } => self.known_epoch = Some(epoch),
            StoreCall::LoadCursor { .. } => {
                return Ok(StoreReply::Cursor {
                    cursor: self.cursor,
                    mark: None,
                });
            }
            StoreCall::ApplyPage(page) => self.cursor = page.cursor.or(self.cursor),
            StoreCall::ResetScope { .. } | StoreCall::DropScope { .. } => self.cursor = None,
            StoreCall::LoadDocuments => {
                return Ok(StoreReply::Documents {
                    to_send: self.to_send.clone(),
                    wanted: self.wanted.clone(),
                });
            }
            StoreCall::SetChunks { .. }
            | StoreCall::KeepScopes { .. }
            | StoreCall::LoadDigest { .. }
            | StoreCall::ApplyRepair(_) => {}
            StoreCall::MarkStored { document } => self.to_send.retain(|one| one.id != document),
            StoreCall::PutDownloaded { document, bytes } => {
                assert_eq!(self.bytes[&document], *bytes);
                self.wanted.retain(|one| one.id != document);
            }
        }
        Ok(StoreReply::Done)
    }

    fn new_life(&mut self) {
        self.life += 1;
        let old: Vec<Op> = self
            .rows
            .iter()
            .skip(self.acknowledged)
            .map(|row| Op::parse(&row.bytes).unwrap())
            .collect();
        let (mut rows, mut prev) = (Vec::new(), ChainHash::GENESIS);
        for (seq, op) in (1..).zip(old) {
            rows.push(row(incarnation(self.life), seq, prev, op.group, op.op_id));
            prev = rows.last().unwrap().hash;
        }
        self.rows = rows;
        self.acknowledged = 0;
    }

    fn head(&self, server: &[Head]) -> StoreReply {
        let incarnation = incarnation(self.life);
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
        let there = usize::try_from(server.seq)
            .unwrap()
            .checked_sub(1)
            .and_then(|at| self.rows.get(at));
        StoreReply::Head(JournalHead {
            last_seq: self.rows.len() as u64,
            acknowledged_seq: self.acknowledged as u64,
            server,
            hash_there: there.map(|row| row.hash),
        })
    }

    fn serve(&mut self, request: &Request) -> Result<Reply, LinkError> {
        self.inspect(request);
        let Some(fault) = self.faults.pop_front() else {
            return Ok(self.do_it(request));
        };
        match fault % 20 {
            0 => Err(LinkError::Timeout),
            1 => Err(LinkError::Refused),
            2 => Err(LinkError::Cut),
            3 => Err(LinkError::Dns),
            4 => Ok(html(200)),
            5 => Ok(html(502)),
            6 => Ok(reply(401, problem(code::TOKEN_EXPIRED))),
            7 => Ok(reply(413, problem(code::TOO_LARGE))),
            8 => Ok(reply(422, problem(code::BAD_OP))),
            9 => Ok(reply(429, problem(code::RATE_LIMITED))),
            10 => Ok(reply(500, problem(code::INTERNAL))),
            11 => Ok(reply(404, problem(code::NOT_FOUND))),
            12 => Ok(reply(200, ReplyBody::Unreadable)),
            13 => Ok(reply(409, problem(code::FORK))),
            14 => Ok(reply(426, problem(code::UPGRADE_REQUIRED))),
            15 => Ok(reply(
                409,
                ReplyBody::Problem(problem_with(code::GAP, &[("expected", "1")])),
            )),
            16 => {
                // Done, but the receipt is lost.
                self.do_it(request);
                Err(LinkError::Cut)
            }
            17 => Ok(Reply {
                retry_after_ms: Some(9_000),
                ..self.do_it(request)
            }),
            18 => Ok(reply(409, problem(code::CURSOR_INVALID))),
            _ => Ok(self.do_it(request)),
        }
    }

    /// What no fault may bring about.
    fn inspect(&mut self, request: &Request) {
        let Request::Push(batch) = request else {
            return;
        };
        let groups: Vec<Group> = batch
            .rows
            .iter()
            .map(|row| Op::parse(&row.bytes).unwrap().group)
            .collect();
        let whole = groups.first().is_some_and(|first| first.i == 0);
        if !whole || groups.last().is_none_or(|last| last.i + 1 != last.len) {
            self.split_groups += 1;
        }
        if batch
            .rows
            .windows(2)
            .any(|pair| pair[1].seq != pair[0].seq + 1)
        {
            self.out_of_order += 1;
        }
    }

    fn do_it(&mut self, request: &Request) -> Reply {
        match request {
            Request::Refresh { .. } => {
                self.sign_ins += 1;
                let new = tokens(self.sign_ins);
                let body = SessionReply {
                    access_token: new.access_token,
                    access_expires_at: 0,
                    refresh_token: new.refresh_token,
                    user: new.user,
                };
                reply(200, ReplyBody::Session(Box::new(body)))
            }
            Request::Hello => {
                let heads = self.heads.iter().map(|(incarnation, chain)| Head {
                    incarnation: *incarnation,
                    seq: chain.len() as u64,
                    hash: chain.last().copied().unwrap_or(ChainHash::GENESIS),
                });
                reply(
                    200,
                    ReplyBody::Hello(Box::new(hello_reply(heads.collect(), vec![scope()]))),
                )
            }
            Request::Push(batch) => self.take_push(batch),
            Request::Pull { cursor, .. } => {
                let changes = if *cursor < self.position {
                    vec![gone()]
                } else {
                    Vec::new()
                };
                let body = PullReply {
                    scope: scope(),
                    cursor: self.position,
                    more: false,
                    changes,
                };
                reply(200, ReplyBody::Pull(body))
            }
            Request::Snapshot { after, .. } => {
                let next = after.is_none().then(|| "second".to_owned());
                let body = SnapshotReply {
                    scope: scope(),
                    position: self.position - 1,
                    next,
                    changes: vec![gone()],
                };
                reply(200, ReplyBody::Snapshot(body))
            }
            Request::Offer(_)
            | Request::PutChunk { .. }
            | Request::Complete { .. }
            | Request::Fetch { .. }
            | Request::Digest { .. }
            | Request::Calls { .. }
            | Request::Ask(_) => self.move_document(request),
        }
    }

    fn move_document(&mut self, request: &Request) -> Reply {
        match request {
            Request::Offer(one) => {
                if self.heads.values().all(Vec::is_empty) {
                    return reply(404, problem(code::DOCUMENT_UNKNOWN)); // its op has not arrived
                }
                let have = self
                    .has
                    .entry(one.id)
                    .or_insert_with(|| vec![false; one.manifest.chunks.len()])
                    .clone();
                reply(
                    200,
                    ReplyBody::Offer(OfferReply {
                        stored: self.whole.contains(&one.id),
                        have,
                    }),
                )
            }
            Request::PutChunk { document, index } => {
                let chunk = usize::try_from(*index).unwrap();
                self.has.get_mut(document).unwrap()[chunk] = true;
                reply(200, ReplyBody::Chunk(ChunkReply { stored: true }))
            }
            Request::Complete { document } => {
                if self.has[document].contains(&false) {
                    return reply(409, problem(code::DOCUMENT_INCOMPLETE));
                }
                self.whole.insert(*document);
                reply(200, ReplyBody::Chunk(ChunkReply { stored: true }))
            }
            Request::Fetch { document, from, to } => {
                let range = usize::try_from(*from).unwrap()..usize::try_from(*to).unwrap();
                let bytes = self.bytes[document][range].to_vec();
                Reply {
                    stamp: None,
                    ..reply(206, ReplyBody::Bytes { from: *from, bytes })
                }
            }
            _ => html(404),
        }
    }

    fn take_push(&mut self, batch: &Batch) -> Reply {
        let chain = self.heads.entry(batch.incarnation).or_default();
        let before = usize::try_from(batch.rows[0].seq).unwrap() - 1;
        if before > chain.len() {
            let expected = (chain.len() + 1).to_string();
            return reply(
                409,
                ReplyBody::Problem(problem_with(code::GAP, &[("expected", &expected)])),
            );
        }
        for (at, row) in (before..).zip(&batch.rows) {
            match chain.get(at) {
                Some(known) if *known != row.hash => return reply(409, problem(code::FORK)),
                Some(_) => {}
                None => chain.push(row.hash),
            }
        }
        let head = Head {
            incarnation: batch.incarnation,
            seq: chain.len() as u64,
            hash: *chain.last().unwrap(),
        };
        reply(
            200,
            ReplyBody::Push(PushReply {
                head,
                outcomes: Vec::new(),
            }),
        )
    }
}

fn gone() -> Change {
    Change::CaseGone {
        case: CaseId::parse(&text_id(8)).unwrap(),
    }
}
