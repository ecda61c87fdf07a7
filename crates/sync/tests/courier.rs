//! The courier with a real store and a scripted server: what was typed arrives once, whatever the line does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod support;

use desk_domain::calendar::Calendar;
use desk_domain::case_no::CaseNo;
use desk_domain::ids::{CaseId, DeviceId, Epoch, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::Envelope;
use desk_protocol::sync::{Head, HelloReply, Limits, PushReply, PushRequest, SnapshotReply};
use desk_store::{DbKey, Identity, Judge, NewOp, Store, StorePaths};
use desk_sync::machine::{Config, Pace};
use desk_sync::{
    Courier, CourierConfig, Link, NetConfig, OfflineWhy, SessionTokens, SyncEvent, SyncStatus,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use support::{Heard, PATIENCE, Say, Server, ours};

const START: Millis = 1_793_584_800_000;

struct Ticking(AtomicI64);
impl Clock for Ticking {
    fn now(&self) -> Millis {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
struct Counted(AtomicU64);
impl Chance for Counted {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            let n = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            part.copy_from_slice(&n.to_le_bytes()[..part.len()]);
        }
    }
}

fn office() -> OfficeCode {
    OfficeCode::parse("BJ001").unwrap()
}
fn epoch() -> Epoch {
    Epoch::parse("00000000-0000-7000-8000-0000000000ee").unwrap()
}

struct Desk {
    store: Arc<Store>,
    agent: UserCard,
    device: DeviceId,
    chance: Arc<Counted>,
    _dir: tempfile::TempDir,
}

fn desk() -> Desk {
    let dir = tempfile::tempdir().unwrap();
    let chance = Arc::new(Counted(AtomicU64::new(1)));
    let paths = StorePaths {
        db: dir.path().join("desk.db"),
        documents_dir: dir.path().join("documents"),
    };
    let store = Store::create(&paths, &DbKey::from_bytes([7; 32]), chance.clone()).unwrap();
    let user = UserId::new(START, &*chance);
    let agent = UserCard {
        user,
        person: user,
        login: "agent1".to_owned(),
        name: "试用坐席".to_owned(),
        roles: BTreeSet::from([Role::Agent]),
        employer: Employer::Acquirer,
        offices: BTreeSet::from([office()]),
        active: true,
    };
    let device = DeviceId::new(START, &*chance);
    let incarnation = Incarnation::new(START, &*chance);
    let identity = Identity {
        device,
        incarnation,
        office: office(),
        office_name: "示例网点".to_owned(),
        device_code: "0A".to_owned(),
    };
    store.set_identity(&identity).unwrap();
    store.put_user(&agent).unwrap();
    let (policy, calendar) = (
        Arc::new(Policy::shipped()),
        Arc::new(Calendar::shipped().unwrap()),
    );
    store.set_judge(Judge { policy, calendar });
    Desk {
        store: Arc::new(store),
        agent,
        device,
        chance,
        _dir: dir,
    }
}

impl Desk {
    /// A new case with one note: one action, two ops.
    fn type_something(&self) {
        let case = CaseId::new(START, &*self.chance);
        let day = desk_domain::calendar::shanghai_day(START);
        let sequence = self.store.next_case_sequence("261102").unwrap();
        let case_no = CaseNo::compose(day, "BJ001", "0A", sequence).unwrap();
        let create = OpBody::CaseCreate {
            case_no,
            office: office(),
            parent: None,
        };
        let note = OpBody::NoteAdd {
            text: "客户来电".to_owned(),
        };
        let op = |body| NewOp {
            op_id: OpId::new(START, &*self.chance),
            actor: self.agent.user,
            case,
            body,
            base_rev: None,
            captured_at: START,
        };
        self.store.append(&[op(create), op(note)], &[]).unwrap();
    }

    fn start(&self, url: &str) -> (Courier, Receiver<SyncEvent>) {
        let session = SessionTokens {
            access_token: "access-1".to_owned(),
            access_expires_at: START,
            refresh_token: "refresh-1".to_owned(),
            user: self.agent.clone(),
        };
        let config = CourierConfig {
            net: NetConfig {
                base_url: url.to_owned(),
                ..NetConfig::default()
            },
            app_version: "0.0.0-test".to_owned(),
            device: self.device,
            signer: Arc::new(|_| [7; 64]),
            session: Some(session),
            clock: Arc::new(Ticking(AtomicI64::new(START))),
            chance: self.chance.clone(),
            tuning: Config {
                pace: Pace {
                    base_ms: 5,
                    cap_ms: 40,
                },
                ..Config::default()
            },
        };
        let courier = Courier::start(config, Arc::clone(&self.store)).unwrap();
        let events = courier.subscribe();
        (courier, events)
    }
}

fn sealed<T: Serialize>(body: T) -> Say {
    let envelope = Envelope {
        epoch: epoch(),
        server_time: START,
        request_id: "r".to_owned(),
        body,
    };
    ours(200, &serde_json::to_string(&envelope).unwrap())
}

/// A server that keeps the chain it was given.
#[derive(Default)]
struct Shelf(Mutex<Vec<(OpId, ChainHash)>>);

impl Shelf {
    fn answer(&self, heard: &Heard) -> Say {
        let path = heard.target.split('?').next().unwrap_or_default();
        match path {
            "/v1/sync/hello" => sealed(hello()),
            "/v1/sync/push" => self.push(heard),
            "/v1/sync/snapshot" => sealed(SnapshotReply {
                scope: office(),
                position: 4,
                next: None,
                changes: Vec::new(),
            }),
            "/v1/sync/pull" => Say::Nothing,
            _ => Say::Whole {
                status: 404,
                headers: Vec::new(),
                body: Vec::new(),
            },
        }
    }

    fn push(&self, heard: &Heard) -> Say {
        assert_eq!(heard.method, "POST");
        let packed = heard.header("content-encoding") == Some("zstd");
        let body = if packed {
            zstd::decode_all(heard.body.as_slice()).unwrap()
        } else {
            heard.body.clone()
        };
        let request: PushRequest = serde_json::from_slice(&body).unwrap();
        let mut kept = self.0.lock().unwrap();
        kept.truncate(usize::try_from(request.first_seq - 1).unwrap());
        for raw in &request.ops {
            let op = Op::parse(raw.get()).unwrap();
            assert_eq!(
                op.prev_hash,
                kept.last().map_or(ChainHash::GENESIS, |(_, hash)| *hash)
            );
            kept.push((
                op.op_id,
                ChainHash::after(op.prev_hash, raw.get().as_bytes()),
            ));
        }
        let head = Head {
            incarnation: request.incarnation,
            seq: kept.len() as u64,
            hash: kept.last().map_or(ChainHash::GENESIS, |(_, hash)| *hash),
        };
        sealed(PushReply {
            head,
            outcomes: Vec::new(),
        })
    }
}

fn hello() -> HelloReply {
    HelloReply {
        server_version: "9.9.9".to_owned(),
        protocol: 1,
        oldest_protocol: 1,
        limits: Limits {
            push_ops: 500,
            push_bytes: 1 << 20,
            page: 200,
            wait_ms: 50_000,
            document_bytes: 20 << 20,
        },
        heads: Vec::new(),
        backup_safe_seq: BTreeMap::new(),
        scopes: vec![office()],
        policy: "policy text".to_owned(),
        policy_version: 3,
        policy_signature: Some("signature".to_owned()),
        bundle_recipients: vec!["age1test".to_owned()],
        bundle_signer: Some("key".to_owned()),
        wipe: None,
        hears_calls: false,
    }
}

/// Waits until a status says so; every status on the way is seen.
fn until(events: &Receiver<SyncEvent>, holds: impl Fn(&SyncStatus) -> bool) -> SyncStatus {
    loop {
        let event = events
            .recv_timeout(PATIENCE)
            .expect("the status never came");
        if let SyncEvent::Status(status) = event
            && holds(&status)
        {
            return status;
        }
    }
}

#[test]
fn what_was_typed_arrives_once_and_in_order_and_the_feed_is_filled() {
    let desk = desk();
    desk.type_something();
    let shelf = Arc::new(Shelf::default());
    let script = Arc::clone(&shelf);
    let server = Server::start(move |heard| script.answer(heard));
    let (courier, events) = desk.start(&server.url);
    let status = until(&events, |status| {
        status.unsent == 0
            && status.last_success_at.is_some()
            && matches!(status.link, Link::Online { .. })
    });
    assert_eq!(status.oldest_unsent_at, None);
    let pull = server.wait_for("/v1/sync/pull");
    assert!(pull.target.contains("cursor=4"), "{}", pull.target);
    assert_eq!(desk.store.cursor(&office()).unwrap(), Some(4));
    assert_eq!(desk.store.server_epoch().unwrap(), Some(epoch()));
    desk.type_something();
    until(&events, |status| {
        status.unsent == 0 && shelf.0.lock().unwrap().len() == 4
    });
    let distinct: BTreeSet<OpId> = shelf.0.lock().unwrap().iter().map(|(id, _)| *id).collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(courier.status().server_version.as_deref(), Some("9.9.9"));
    courier.stop();
}

#[test]
fn without_a_server_the_desk_is_offline_with_a_reason_and_keeps_everything_until_it_is_back() {
    let desk = desk();
    desk.type_something();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (courier, events) = desk.start(&format!("http://{address}"));
    let status = until(&events, |status| {
        matches!(
            status.link,
            Link::Offline {
                why: OfflineWhy::Refused,
                ..
            }
        ) && status.unsent == 2
    });
    assert_eq!(status.oldest_unsent_at, Some(START));
    let shelf = Arc::new(Shelf::default());
    let script = Arc::clone(&shelf);
    let server = Server::on(TcpListener::bind(address).unwrap(), move |heard| {
        script.answer(heard)
    });
    courier.sync_now();
    server.wait_for("/v1/sync/push");
    until(&events, |status| status.unsent == 0);
    assert_eq!(shelf.0.lock().unwrap().len(), 2);
}

#[test]
fn a_captive_portal_and_a_torn_receipt_are_no_receipts() {
    let desk = desk();
    desk.type_something();
    let shelf = Arc::new(Shelf::default());
    let (script, tries) = (Arc::clone(&shelf), AtomicU64::new(0));
    let server = Server::start(move |heard| {
        if !heard.target.starts_with("/v1/sync/push") {
            return script.answer(heard);
        }
        match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Say::Whole {
                status: 200,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html>please accept the terms".to_vec(),
            },
            1 => Say::Torn {
                promised: 500,
                body: b"{\"epoch\":".to_vec(),
            },
            _ => script.answer(heard),
        }
    });
    let (courier, events) = desk.start(&server.url);
    for _ in 0..2 {
        server.wait_for("/v1/sync/push");
    }
    assert_eq!(
        shelf.0.lock().unwrap().len(),
        0,
        "the server never had them"
    );
    server.wait_for("/v1/sync/push");
    until(&events, |status| status.unsent == 0);
    assert_eq!(shelf.0.lock().unwrap().len(), 2);
    drop(courier);
}

#[test]
fn the_policy_is_told_also_to_those_who_listen_late() {
    let desk = desk();
    let shelf = Shelf::default();
    let server = Server::start(move |heard| shelf.answer(heard));
    let (courier, events) = desk.start(&server.url);
    let policy = SyncEvent::Policy {
        version: 3,
        toml: "policy text".to_owned(),
        signature: Some("signature".to_owned()),
    };
    while events
        .recv_timeout(PATIENCE)
        .expect("the policy never came")
        != policy
    {}
    let late = courier.subscribe();
    let heard: Vec<SyncEvent> = late.try_iter().collect();
    assert!(heard.contains(&policy));
}
