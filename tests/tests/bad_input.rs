//! What must never hurt: broken, forged, foreign and malicious batches over real HTTP, and what a desk makes of a refusal.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::{ChainHash, Group, Op, OpBody};
use desk_store::OpState;
use desk_tests::bare_desk::BareDesk;
use desk_tests::gatekeeper::Gatekeeper;
use desk_tests::hand_desk::{Batch, HandDesk, Reply};
use desk_tests::ledger::Ledger;
use desk_tests::office::{BRANCH, Office};
use serde_json::value::RawValue;

const OTHER_BRANCH: &str = "SZ009";

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(1).unwrap();
        Self { folder, office }
    }
    fn hand(&self, login: &str, key: u8) -> HandDesk {
        HandDesk::enrol(&self.office, BRANCH, login, key).unwrap()
    }
    fn bare(&self, login: &str) -> BareDesk {
        BareDesk::enrol(&self.folder.path().join(login), &self.office, BRANCH, login).unwrap()
    }
    fn stored(&self) -> u64 {
        Ledger::open(self.office.data()).unwrap().count().unwrap().0
    }
}

/// Sends a body that is wrong on purpose.
fn raw(desk: &HandDesk, body: &[u8]) -> Reply {
    let kind = [("content-type", "application/json")];
    desk.send("POST", "/v1/sync/push", &kind, body).unwrap()
}

fn body_of(desk: &HandDesk, batch: &Batch) -> String {
    serde_json::to_string(&desk.push_request(batch).unwrap()).unwrap()
}

/// Two good ops that nobody has sent yet, from a desk that has sent nothing.
fn fresh(desk: &mut HandDesk) -> Batch {
    let (case, create) = desk.create_here().unwrap();
    let name = desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    desk.chain(vec![create, name]).unwrap()
}

type Wrong = (
    &'static str,
    &'static [&'static str],
    fn(&mut HandDesk) -> Reply,
);

/// Each is refused as a whole with one of these codes, and leaves nothing behind.
const REFUSED: &[Wrong] = &[
    (
        "JSON that ends in the middle",
        &["request.bad_json"],
        |desk| {
            let batch = fresh(desk);
            let body = body_of(desk, &batch);
            raw(desk, &body.as_bytes()[..body.len() - 20])
        },
    ),
    ("an op that is no JSON", &["request.bad_json"], |desk| {
        let batch = fresh(desk);
        let body = body_of(desk, &batch).replacen("\"op_id\"", "op_id", 1);
        raw(desk, body.as_bytes())
    }),
    (
        "an op of 70 KB",
        &["sync.bad_op", "request.too_large"],
        |desk| {
            let (case, create) = desk.create_here().unwrap();
            let long = desk.note(case, &"长".repeat(70_000 / 3)).unwrap();
            let batch = desk.chain(vec![create, long]).unwrap();
            desk.push(&batch).unwrap()
        },
    ),
    ("a batch of two megabytes", &["request.too_large"], |desk| {
        raw(desk, &vec![b' '; 2 * 1024 * 1024])
    }),
    (
        "a first number that is too high",
        &["sync.gap", "sync.bad_op"],
        |desk| {
            let mut batch = fresh(desk);
            batch.first_seq = 5;
            desk.push(&batch).unwrap()
        },
    ),
    ("a first number of zero", &["sync.bad_op"], |desk| {
        let mut batch = fresh(desk);
        batch.first_seq = 0;
        desk.push(&batch).unwrap()
    }),
    (
        "ops out of order",
        &["sync.bad_op", "sync.bad_chain"],
        |desk| {
            let mut batch = fresh(desk);
            batch.ops.swap(0, 1);
            desk.push(&batch).unwrap()
        },
    ),
    (
        "the same op twice in one batch",
        &["sync.bad_op", "sync.bad_chain"],
        |desk| {
            let mut batch = fresh(desk);
            batch.ops.push(batch.ops[1].clone());
            desk.push(&batch).unwrap()
        },
    ),
    (
        "a hash that is not of what stands before",
        &["sync.bad_chain"],
        |desk| {
            desk.prev = ChainHash::from_bytes([9; 32]);
            let batch = fresh(desk);
            desk.push(&batch).unwrap()
        },
    ),
    (
        "a byte changed under the signature",
        &["sync.bad_signature"],
        |desk| {
            let mut batch = fresh(desk);
            batch.ops[1] = batch.ops[1].replace("示例商行", "示例商號");
            desk.push(&batch).unwrap()
        },
    ),
    ("a forged signature", &["sync.bad_signature"], |desk| {
        let batch = fresh(desk);
        let mut request = desk.push_request(&batch).unwrap();
        request.signature = desk.sign(b"something else");
        desk.post("/v1/sync/push", &request).unwrap()
    }),
    ("no signature at all", &["sync.bad_signature"], |desk| {
        let batch = fresh(desk);
        let mut request = desk.push_request(&batch).unwrap();
        request.signature.clear();
        desk.post("/v1/sync/push", &request).unwrap()
    }),
    ("another device's name", &["request.not_found"], |desk| {
        let batch = fresh(desk);
        let mut request = desk.push_request(&batch).unwrap();
        request.device = HandDesk::stranger_id();
        desk.post("/v1/sync/push", &request).unwrap()
    }),
    (
        "zstd that unpacks to gigabytes",
        &["request.too_large"],
        |desk| {
            let packed = [
                ("content-type", "application/json"),
                ("content-encoding", "zstd"),
            ];
            let bomb = bomb();
            assert!(bomb.len() < 300_000, "{} bytes on the wire", bomb.len());
            desk.send("POST", "/v1/sync/push", &packed, &bomb).unwrap()
        },
    ),
    ("zstd that is none", &["request.bad_json"], |desk| {
        let packed = [
            ("content-type", "application/json"),
            ("content-encoding", "zstd"),
        ];
        desk.send("POST", "/v1/sync/push", &packed, b"not packed")
            .unwrap()
    }),
];

/// Two gigabytes of blanks: one frame repeated, since frames may follow each other.
fn bomb() -> Vec<u8> {
    let frame = zstd::encode_all(vec![b' '; 64 * 1024 * 1024].as_slice(), 19).unwrap();
    frame.repeat(32)
}

#[test]
fn a_wrong_batch_is_refused_by_name_and_neither_it_nor_its_neighbours_are_harmed() {
    let house = House::open();
    let mut neighbour = house.hand("agent2", 200);
    for (n, (what, codes, send)) in (1_u8..).zip(REFUSED) {
        let mut desk = house.hand("agent1", n);
        let untouched = desk.clone();
        let before = house.stored();
        let reply = send(&mut desk);
        assert!(
            codes.contains(&reply.code().as_str()) && (400..500).contains(&reply.status),
            "{what}: {} {}",
            reply.status,
            String::from_utf8_lossy(&reply.body)
        );
        assert_eq!(house.stored(), before, "{what}: something was stored");
        // The same desk goes on as if it had never sent it, and so does everybody else.
        let mut desk = untouched;
        let batch = fresh(&mut desk);
        let good = desk.push(&batch).unwrap();
        assert_eq!(good.outcomes(), ["applied", "applied"], "{what}");
        let again = desk.push(&batch).unwrap();
        assert_eq!(
            again.outcomes(),
            ["applied", "applied"],
            "{what}: sent twice"
        );
        let batch = fresh(&mut neighbour);
        assert_eq!(
            neighbour.push(&batch).unwrap().outcomes(),
            ["applied", "applied"],
            "{what}"
        );
        assert_eq!(house.stored(), before + 4, "{what}");
    }
}

#[test]
fn lying_lengths_unknown_kinds_and_other_offices_are_kept_as_data_and_their_neighbours_apply() {
    let house = House::open();
    let reader = house.bare("agent2");
    let courier = reader.courier(house.office.url()).unwrap();
    let office = &house.office;
    office
        .add_agent_elsewhere("stranger", OTHER_BRANCH)
        .unwrap();
    let mut stranger = HandDesk::enrol(office, OTHER_BRANCH, "stranger", 99).unwrap();
    let (theirs, create) = stranger.create(OTHER_BRANCH).unwrap();
    assert_eq!(
        stranger.write(vec![create]).unwrap().outcomes(),
        ["applied"]
    );

    let mut desk = house.hand("agent1", 1);
    let (case, create) = desk.create_here().unwrap();
    let strange = Op {
        kind: "moon.phase".to_owned(),
        body: RawValue::from_string(r#"{"of":7}"#.to_owned()).unwrap(),
        ..desk.note(case, "").unwrap()
    };
    let crossing = desk.note(theirs, "越界").unwrap();
    let name = desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let reply = desk.write(vec![create, strange, crossing, name]).unwrap();
    assert_eq!(reply.outcomes(), ["applied", "held", "held", "applied"]);
    a_lying_length_is_answered_and_the_desk_goes_on(&mut desk, case);

    // Another desk sees the neighbours, and nothing of the other office.
    reader
        .until("the page has come", |store| {
            store.case_view(case).is_ok_and(|view| {
                view.is_some_and(|view| view.case.text(FieldKey::MerchantName) == "示例商行")
            })
        })
        .unwrap();
    assert!(reader.store.case_view(theirs).unwrap().is_none());
    courier.stop();
    let ledger = Ledger::open(house.office.data()).unwrap();
    let there = ledger.case(theirs).unwrap().unwrap();
    assert!(there.notes.is_empty(), "a note crossed the border");
    assert_eq!(ledger.doubled().unwrap(), Vec::<String>::new());
}

/// A group that says it has nine ops and has one: stored and judged, or refused by name; never a crash, never a hole.
fn a_lying_length_is_answered_and_the_desk_goes_on(desk: &mut HandDesk, case: CaseId) {
    let before = desk.clone();
    let lying = desk.note(case, "说有九条，其实一条").unwrap();
    let lying = Op {
        group: Group {
            len: 9,
            ..lying.group
        },
        ..lying
    };
    let batch = desk.chain(vec![lying]).unwrap();
    let reply = desk.push(&batch).unwrap();
    if reply.status != 200 {
        assert!(reply.code().starts_with("sync."), "{}", reply.code());
        *desk = before;
    }
    let after = desk.note(case, "之后").unwrap();
    assert_eq!(desk.write(vec![after]).unwrap().outcomes(), ["applied"]);
}

#[test]
fn a_desk_that_is_refused_one_op_parks_it_in_sight_and_its_neighbours_arrive() {
    let house = House::open();
    let gate = Gatekeeper::before_url(house.office.url(), "不让过").unwrap();
    let desk = house.bare("agent1");
    let case = desk.new_case().unwrap();
    for text in ["第一条", "第二条 不让过", "第三条", "第四条"] {
        desk.act(
            case,
            vec![(
                OpBody::NoteAdd {
                    text: text.to_owned(),
                },
                None,
            )],
        )
        .unwrap();
    }
    let courier = desk.courier(&gate.url()).unwrap();
    desk.until("all but one have arrived", |store| {
        store.outbox().is_ok_and(|outbox| outbox.unsent == 0)
    })
    .unwrap();
    assert!(gate.refused() > 0, "the gate never had anything to refuse");
    courier.stop();
    let ledger = Ledger::open(house.office.data()).unwrap();
    let stored = ledger.ops_of(desk.device, 0).unwrap();
    assert_eq!(stored.len(), 5, "the chain has no hole");
    let bodies: Vec<bool> = stored.iter().map(|op| op.bytes.is_some()).collect();
    assert_eq!(bodies, [true, true, false, true, true]);
    let notes: Vec<String> = ledger
        .case(case)
        .unwrap()
        .unwrap()
        .notes
        .iter()
        .map(|note| note.text.clone())
        .collect();
    assert_eq!(notes, ["第一条", "第三条", "第四条"]);
    // Nothing is forgotten: the op stands in the journal with its words, and a person sees why it waits.
    let rows = desk.store.outbox_rows(10).unwrap();
    let parked: Vec<_> = rows
        .iter()
        .filter(|row| row.state == OpState::Parked)
        .map(|row| row.reason.as_deref())
        .collect();
    assert_eq!(parked, [Some("sync.bad_op")], "{rows:?}");
    let journal = desk.store.unsent(0, 100, usize::MAX).unwrap();
    assert!(journal[2].bytes.contains("第二条"));
    assert_eq!(desk.store.verify_chain().unwrap().sound, 5);
}

#[test]
fn an_op_that_is_too_large_is_refused_at_the_desk_before_it_is_written() {
    let house = House::open();
    let desk = house.bare("agent1");
    let case = desk.new_case().unwrap();
    let text = "长".repeat(70_000 / 3);
    let refused = desk.act(case, vec![(OpBody::NoteAdd { text }, None)]);
    assert!(refused.is_err());
    assert_eq!(desk.store.verify_chain().unwrap().sound, 1);
}
