//! Bundles that came by hand: bad ones first, then the way in and the way back.

use crate::support::desk::Batch;
use crate::support::{Desk, HERE, TestOffice, call, office, office_on_file};
use desk_bundle::{
    Ask, BundleError, Contents, Counts, Frame, Header, Limits, Opener, Place, Way, Writer, check,
};
use desk_domain::case::DocumentKind;
use desk_domain::ids::{BundleId, CaseId, DocumentId, OfficeCode, UserId};
use desk_domain::time::Clock;
use desk_protocol::documents::OfferRequest;
use desk_server::ServerConfig;
use desk_server::backup::{self, Secret};
use desk_server::door::SystemChance;
use desk_server::run::{House, rules};
use ed25519_dalek::Signer;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A desk's side of bundles.
struct Carrier {
    opener: Opener,
    recipients: Vec<String>,
    signer: [u8; 32],
}

impl Carrier {
    fn new(office: &TestOffice) -> Self {
        let keys = office.house().bundles.keys;
        Self {
            opener: Opener::generate(),
            recipients: keys.recipients(),
            signer: keys.signer_bytes(),
        }
    }

    fn header(&self, desk: &Desk, acknowledged_seq: u64, cursor: Option<u64>) -> Header {
        let here = OfficeCode::parse(HERE).unwrap();
        let place = Place { cursor, fill: None };
        Header {
            bundle: BundleId::new(desk.clock.now(), &SystemChance),
            office: here.clone(),
            device: desk.id,
            created_at: desk.clock.now(),
            part: 1,
            parts: 1,
            made_by: "test".into(),
            way: Way::Office(Box::new(Ask {
                incarnation: desk.incarnation,
                acknowledged_seq,
                last_seq: desk.seq,
                user: desk.user,
                epoch: None,
                places: [(here, place)].into(),
                wants: Vec::new(),
                recipient: self.opener.recipient(),
                counts: Counts::default(),
            })),
        }
    }

    fn pack(&self, desk: &Desk, header: &Header, frames: &[Frame]) -> Vec<u8> {
        let file = Cursor::new(Vec::new());
        let mut out = Writer::begin(file, header, &self.recipients).unwrap();
        for frame in frames {
            out.put(frame).unwrap();
        }
        let sign = |message: &[u8]| desk.key.sign(message).to_bytes();
        out.finish(&sign).unwrap().1.into_inner()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<(Header, Vec<Frame>), BundleError> {
        let limits = Limits::default();
        let checked = check(bytes, &self.opener, limits, |_| Ok(self.signer), |_| Ok(()))?;
        let mut contents = Contents::open(bytes, &self.opener, limits, &checked)?;
        let mut frames = Vec::new();
        while let Some(frame) = contents.next_frame()? {
            frames.push(frame);
        }
        Ok((checked.header, frames))
    }
}

fn ops(desk: &Desk, batch: &Batch) -> Frame {
    Frame::Ops(serde_json::from_str(&desk.push_body(batch)).unwrap())
}

fn paper(case: CaseId, document: DocumentId, bytes: &[u8]) -> [Frame; 2] {
    let manifest = crate::support::manifest(bytes);
    let offer = OfferRequest {
        document,
        case,
        kind: DocumentKind::DeviceLabel,
        manifest,
    };
    let chunk = Frame::Chunk {
        document,
        index: 0,
        bytes: bytes.to_vec(),
    };
    [Frame::Document(offer), chunk]
}

fn upload(desk: &Desk, bundle: &[u8]) -> crate::support::Reply {
    desk.send("POST", "/v1/bundles", bundle)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn count(office: &TestOffice) -> (u64, u64) {
    let house = office.house();
    house
        .repo
        .read_blocking(desk_server::repo::journal::count)
        .unwrap()
}

#[test]
fn bad_bundles_are_named_and_nothing_of_them_is_applied() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let header = carrier.header(&desk, 0, None);
    let frames = [ops(&desk, &batch)];
    let good = carrier.pack(&desk, &header, &frames);
    let stranger = Desk::new(&office);
    let unknown = carrier.pack(&stranger, &carrier.header(&stranger, 0, None), &[]);
    let forged = carrier.pack(&stranger, &header, &frames);
    let elsewhere = Carrier {
        recipients: vec![Opener::generate().recipient()],
        ..Carrier::new(&office)
    };
    let mut bent = good.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    let mut newer = good.clone();
    newer[4] = 9;
    let cases: [(&str, Vec<u8>); 7] = [
        ("bundle.not_a_bundle", b"no bundle at all".to_vec()),
        ("bundle.truncated", good[..good.len() - 1].to_vec()),
        ("bundle.damaged", bent),
        ("bundle.wrong_version", newer),
        ("bundle.not_for_us", elsewhere.pack(&desk, &header, &frames)),
        ("bundle.unknown_sender", unknown),
        ("bundle.bad_signature", forged),
    ];
    for (code, bytes) in cases {
        let reply = upload(&desk, &bytes);
        assert_eq!((reply.status, reply.code().as_str()), (422, code));
    }
    let anonymous = call(office.addr(), "POST", "/v1/bundles", &[], &good);
    assert_eq!(anonymous.status, 401);
    assert_eq!(count(&office), (0, 0));
    assert_eq!(upload(&desk, &good).status, 200);
    assert_eq!(count(&office), (1, 1));
    let spool = office.config.data_dir.join("spool");
    assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0);
}

#[test]
fn a_later_bundle_waits_for_the_earlier_one_and_a_revoked_desk_is_not_let_in() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let (case, create) = desk.new_case();
    let first = desk.chain(vec![create]);
    let second = desk.chain(vec![desk.note(case, "later")]);
    let header = carrier.header(&desk, 0, None);
    let earlier = carrier.pack(&desk, &header, &[ops(&desk, &first)]);
    let later = carrier.pack(&desk, &header, &[ops(&desk, &second)]);
    let reply = upload(&desk, &later);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (409, "bundle.out_of_order")
    );
    assert_eq!(reply.json()["params"]["expected"], "1");
    for bundle in [&earlier, &later] {
        assert_eq!(upload(&desk, bundle).status, 200);
    }
    assert_eq!(count(&office), (2, 2));
    let house = office.house();
    let id = desk.id;
    let revoked = desk_protocol::people::DeviceStatus::Revoked;
    house
        .repo
        .write_blocking(move |conn| {
            desk_server::repo::devices::set_status(conn, id, revoked, 1).map(|_| ())
        })
        .unwrap();
    let file = put(office.dir.path(), "later.jbx", &later);
    let refused = house.bundles.take_in(&file).unwrap_err();
    assert_eq!(refused.code(), "device.revoked");
}

#[test]
fn ops_and_papers_go_in_once_and_the_way_back_brings_receipts_and_pages() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let (case, create) = desk.new_case();
    let (document, _, attach) = desk.attach(case, b"paper");
    let batch = desk.chain(vec![create, attach, desk.note(case, "by hand")]);
    let mut frames = vec![ops(&desk, &batch)];
    frames.extend(paper(case, document, b"paper"));
    frames.extend(paper(
        case,
        DocumentId::new(1, &SystemChance),
        b"never announced",
    ));
    let bundle = carrier.pack(&desk, &carrier.header(&desk, 0, None), &frames);
    let reply = upload(&desk, &bundle);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let figure = |reply: &crate::support::Reply, name: &str| reply.headers[name].clone();
    assert_eq!(figure(&reply, "x-desk-ops-new"), "3");
    assert_eq!(figure(&reply, "x-desk-documents-stored"), "1");
    assert_eq!(figure(&reply, "x-desk-documents-waiting"), "1");
    let (header, back) = carrier.unpack(&reply.body).unwrap();
    let Way::Desk(answer) = &header.way else {
        panic!("the way back goes to the desk");
    };
    assert_eq!(answer.heads[0].seq, 3);
    assert_eq!(answer.heads[0].hash, batch.last);
    let mut receipts = Vec::new();
    let mut fill = None;
    for frame in &back {
        if let Frame::Receipt(receipt) = frame {
            receipts.push(receipt.clone());
        } else if let Frame::Fill(page) = frame {
            fill = Some(page.page.position);
        }
    }
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].outcomes.len(), 3);
    let again = upload(&desk, &bundle);
    assert_eq!(figure(&again, "x-desk-ops-new"), "0");
    assert_eq!(figure(&again, "x-desk-ops-repeated"), "3");
    assert_eq!(
        count(&office).1,
        4,
        "three ops, and the office's own about the paper"
    );
    // From a place in the feed only what came after it travels.
    let known = carrier.header(&desk, 3, fill);
    let epoch = office.house().repo.epoch();
    let known = with_epoch(known, epoch);
    let reply = upload(&desk, &carrier.pack(&desk, &known, &[]));
    let (_, back) = carrier.unpack(&reply.body).unwrap();
    let only_policy = back.iter().all(|frame| matches!(frame, Frame::Policy(_)));
    assert!(only_policy && back.len() == 1, "{back:?}");
}

fn with_epoch(mut header: Header, epoch: desk_domain::ids::Epoch) -> Header {
    if let Way::Office(ask) = &mut header.way {
        ask.epoch = Some(epoch);
    }
    header
}

#[test]
fn a_person_who_never_worked_at_the_desk_opens_no_feed() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let reviewer = office.desk(HERE, "reviewer").user;
    for user in [reviewer, UserId::new(1, &SystemChance)] {
        let mut header = carrier.header(&desk, 0, None);
        if let Way::Office(ask) = &mut header.way {
            ask.user = user;
        }
        let reply = upload(&desk, &carrier.pack(&desk, &header, &[ops(&desk, &batch)]));
        let (_, back) = carrier.unpack(&reply.body).unwrap();
        let pages = |frame: &Frame| matches!(frame, Frame::Fill(_) | Frame::Page(_));
        assert!(!back.iter().any(pages), "{user}");
    }
    assert_eq!(
        count(&office),
        (1, 1),
        "what was done is stored all the same"
    );
}

#[test]
fn another_desk_of_the_office_cannot_open_the_way_back() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let reply = upload(
        &desk,
        &carrier.pack(&desk, &carrier.header(&desk, 0, None), &[]),
    );
    let error = Carrier::new(&office).unpack(&reply.body).unwrap_err();
    assert_eq!(error.code(), "bundle.not_for_us");
}

#[test]
fn a_restored_office_opens_what_was_sealed_before_and_is_known_by_its_signature() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let carrier = Carrier::new(&office);
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (folder.path().join("key"), folder.path().join("backup"));
    backup::new_key_file(&key, &SystemChance).unwrap();
    let secret = Secret::from_key_file(&key).unwrap();
    backup::create(&office.house(), &file, &secret).unwrap();
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let header = carrier.header(&desk, 0, None);
    let bundle = carrier.pack(&desk, &header, &[ops(&desk, &batch)]);
    let restored = ServerConfig {
        data_dir: folder.path().join("restored"),
        ..office.config.clone()
    };
    backup::restore(&file, &restored, &secret, &rules(&restored).unwrap()).unwrap();
    let bundles = House::open(&restored).unwrap().bundles;
    let bundle = put(folder.path(), "late.jbx", &bundle);
    let taken = bundles.take_in(&bundle).unwrap();
    assert_eq!(taken.new_ops(), 1);
    let back = bundles.answer(&[taken.header], folder.path()).unwrap();
    assert!(carrier.unpack(&std::fs::read(back).unwrap()).is_ok());
}
