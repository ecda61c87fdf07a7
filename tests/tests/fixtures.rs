//! Every version that ever was is opened by this one: its desk file, its server's database, its words on the wire.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::time::{Clock, Millis};
use desk_protocol::Envelope;
use desk_protocol::documents::{ChunkReply, OfferReply, OfferRequest};
use desk_protocol::error::Problem;
use desk_protocol::people::{
    EnrolReply, EnrolRequest, RefreshRequest, SessionReply, SignInRequest,
};
use desk_protocol::sync::{
    HelloReply, HelloRequest, PullQuery, PullReply, PushReply, PushRequest, SnapshotQuery,
    SnapshotReply,
};
use desk_store::Part;
use desk_tests::desk::{TestDesk, open_fixture};
use desk_tests::ledger::Ledger;
use desk_tests::programs::{files_below, repository};
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stands still at the moment at which the fixture was made: nobody is told that the desk was away for years.
struct Then(Millis);

impl Clock for Then {
    fn now(&self) -> Millis {
        self.0
    }
}

fn versions() -> Vec<PathBuf> {
    let all = std::fs::read_dir(repository().join("tests/fixtures")).unwrap();
    let mut found: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A copy: a frozen file is never written to.
fn copy(from: &Path, to: &Path) {
    for file in files_below(from).unwrap() {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

#[test]
fn a_desk_file_of_every_version_opens_with_every_word_and_every_document() {
    for version in versions() {
        let facts = json_of(&version.join("facts.json"));
        let folder = tempfile::tempdir().unwrap();
        copy(&version.join("desk"), folder.path());
        let store = open_fixture(folder.path(), facts["passphrase"].as_str().unwrap()).unwrap();
        let report = store.verify_chain().unwrap();
        assert_eq!(report.first_bad, None);
        assert!(report.sound > 30, "{}", report.sound);
        let case = CaseId::parse(facts["case"].as_str().unwrap()).unwrap();
        let view = store.case_view(case).unwrap().unwrap();
        let seen = serde_json::to_value(view.case).unwrap();
        assert!(holds(&seen, &facts["seen"]), "{seen}\n{}", facts["seen"]);
        for document in facts["documents"].as_array().unwrap() {
            let id = DocumentId::parse(document["id"].as_str().unwrap()).unwrap();
            let bytes = store.open_document(id, Part::Original).unwrap();
            let sha256 = hex::encode(Sha256::digest(bytes));
            assert_eq!(sha256, document["sha256"].as_str().unwrap());
        }
    }
}

#[test]
fn a_desk_of_every_version_is_unlocked_and_worked_at() {
    for version in versions() {
        let facts = json_of(&version.join("facts.json"));
        let folder = tempfile::tempdir().unwrap();
        copy(&version.join("desk"), &folder.path().join("desk"));
        let clock = Arc::new(Then(facts["opened_at"].as_i64().unwrap()));
        let desk = TestDesk::open_cheap(folder.path(), clock).unwrap();
        desk.ask("unlock", json!({ "passphrase": facts["passphrase"] }))
            .unwrap();
        let open = json!({ "case": facts["case"] });
        let screen = desk.ask("case_open", open.clone()).unwrap();
        for (field, draft) in facts["draft"].as_object().unwrap() {
            assert_eq!(&screen["fields"][field]["draft"], draft, "{field}");
        }
        assert_eq!(screen["conflicts"].as_array().unwrap().len(), 1);
        assert_eq!(screen["sync"]["pending"], facts["pending"]);
        desk.ask("case_open", json!({ "case": facts["second_case"] }))
            .unwrap();
        let status = desk.ask("sync_status", json!({})).unwrap();
        assert_eq!(status["badge"]["unsent"], facts["unsent"]);
        // The next word is kept as well.
        desk.ask(
            "note_add",
            json!({ "case": facts["case"], "text": "新版本里写的" }),
        )
        .unwrap();
        let after = desk.ask("case_open", open).unwrap();
        assert_eq!(
            after["sync"]["pending"].as_u64(),
            facts["pending"].as_u64().map(|pending| pending + 1)
        );
        desk.close();
    }
}

#[test]
fn a_servers_database_of_every_version_opens_and_holds_the_same_case() {
    for version in versions() {
        let facts = json_of(&version.join("facts.json"));
        let folder = tempfile::tempdir().unwrap();
        copy(&version.join("office"), folder.path());
        let ledger = Ledger::open(folder.path()).unwrap();
        let (stored, counted) = ledger.count().unwrap();
        assert!(stored > 30 && counted == stored, "{stored} {counted}");
        let id = CaseId::parse(facts["case"].as_str().unwrap()).unwrap();
        let case = ledger.case(id).unwrap().unwrap();
        assert_eq!(case.conflicts.len(), 1);
        assert_eq!(case.documents.len(), 1);
    }
}

#[test]
fn words_on_the_wire_of_every_version_are_read_and_nothing_of_them_is_dropped() {
    for version in versions() {
        let wire = version.join("wire");
        reads::<EnrolRequest>(&wire, "enrol.request");
        reads::<Envelope<EnrolReply>>(&wire, "enrol.reply");
        reads::<SignInRequest>(&wire, "session.request");
        reads::<Envelope<SessionReply>>(&wire, "session.reply");
        reads::<RefreshRequest>(&wire, "refresh.request");
        reads::<Envelope<SessionReply>>(&wire, "refresh.reply");
        reads::<HelloRequest>(&wire, "hello.request");
        reads::<Envelope<HelloReply>>(&wire, "hello.reply");
        reads::<PushRequest>(&wire, "push.request");
        reads::<Envelope<PushReply>>(&wire, "push.reply");
        reads::<PushRequest>(&wire, "gap.request");
        reads::<Envelope<Problem>>(&wire, "gap.reply");
        reads::<PullQuery>(&wire, "pull.request");
        reads::<Envelope<PullReply>>(&wire, "pull.reply");
        reads::<SnapshotQuery>(&wire, "snapshot.request");
        reads::<Envelope<SnapshotReply>>(&wire, "snapshot.reply");
        reads::<OfferRequest>(&wire, "offer.request");
        reads::<Envelope<OfferReply>>(&wire, "offer.reply");
        reads::<Envelope<ChunkReply>>(&wire, "chunk.reply");
        reads::<Envelope<ChunkReply>>(&wire, "complete.reply");
    }
}

#[test]
fn a_push_of_every_version_still_verifies_byte_for_byte() {
    for version in versions() {
        let wire = version.join("wire");
        let enrol: EnrolRequest = parsed(&wire, "enrol.request");
        let key: [u8; 32] = STANDARD
            .decode(enrol.public_key)
            .unwrap()
            .try_into()
            .unwrap();
        let key = VerifyingKey::from_bytes(&key).unwrap();
        let push: PushRequest = parsed(&wire, "push.request");
        let frames = desk_server::frames::verify(&push, &key);
        assert_eq!(frames.unwrap().frames.len(), push.ops.len());
    }
}

fn parsed<T: DeserializeOwned>(wire: &Path, name: &str) -> T {
    let bytes = std::fs::read(wire.join(format!("{name}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn reads<T: DeserializeOwned + Serialize>(wire: &Path, name: &str) {
    let message: T = parsed(wire, name);
    let again: Value = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
    let frozen = json_of(&wire.join(format!("{name}.json")));
    assert!(
        holds(&again, &frozen),
        "{name} lost something:\n{frozen}\n{again}"
    );
}

/// Everything of the old value stands in the new one; the new one may say more.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => old.iter().all(|(key, value)| {
            value.is_null() || new.get(key).is_some_and(|found| holds(found, value))
        }),
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds(new, old))
        }
        (new, old) => new == old,
    }
}

#[test]
fn a_missing_word_is_noticed() {
    assert!(holds(&json!({ "a": 1, "b": [2] }), &json!({ "b": [2] })));
    assert!(!holds(&json!({ "b": [2] }), &json!({ "a": 1, "b": [2] })));
    assert!(!holds(&json!({ "b": [2, 3] }), &json!({ "b": [2] })));
    assert!(!holds(&json!({ "b": 2 }), &json!({ "b": 3 })));
}
