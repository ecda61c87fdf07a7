//! Out and in on one desk, with headquarters played by its keys.

use super::export::export_in_parts;
use super::import::{exported, import};
use super::{Running, in_turn};
use crate::desk::Desk;
use crate::dto::{UsbTaken, UsbWritten};
use crate::error::AppError;
use crate::session::Session;
use crate::tests::Bench;
use crate::vault::bundle;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_bundle::{
    Answer, Checked, Contents, FillPage, Frame, Header, Limits, Opener, Page, Way, Writer, check,
};
use desk_domain::ids::{BundleId, DeviceId, Epoch, OfficeCode};
use desk_domain::outcome::Outcome;
use desk_protocol::sync::{Head, OpOutcome, PullReply, PushReply, SnapshotReply};
use desk_store::JournalRow;
use desk_sync::BundleKeys;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

const ROOMY: u64 = 1 << 30;

struct Scene {
    bench: Bench,
    session: Arc<Session>,
    headquarters: Opener,
    signing: SigningKey,
    stick: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::standalone();
        let session = bench.desk.session().unwrap();
        let headquarters = Opener::generate();
        let signing = SigningKey::from_bytes(&[5; 32]);
        let keys = BundleKeys {
            recipients: vec![headquarters.recipient()],
            signer: STANDARD.encode(signing.verifying_key().to_bytes()),
        };
        bundle::learn(&session.store, &keys).unwrap();
        Self {
            bench,
            session,
            headquarters,
            signing,
            stick: tempfile::tempdir().unwrap(),
        }
    }

    fn desk(&self) -> &Desk {
        &self.bench.desk
    }

    fn export(&self, part_bytes: u64) -> Result<UsbWritten, AppError> {
        in_turn(self.desk(), "export", |running| {
            self.write(running, part_bytes)
        })
    }

    fn write(&self, running: &Running, part_bytes: u64) -> Result<UsbWritten, AppError> {
        export_in_parts(
            self.desk(),
            &self.session,
            self.stick.path(),
            running,
            part_bytes,
        )
    }

    fn import(&self, file: &Path) -> Result<UsbTaken, AppError> {
        in_turn(self.desk(), "import", |running| {
            import(self.desk(), &self.session, file, running)
        })
    }

    fn open(&self, file: &Path) -> (Checked, Vec<Frame>) {
        let key = crate::line::stored_signing_key(&self.session.store).unwrap();
        let key = key.verifying_key().to_bytes();
        let limits = Limits::default();
        let source = || File::open(file).unwrap();
        let checked = check(
            source(),
            &self.headquarters,
            limits,
            |_| Ok(key),
            |_| Ok(()),
        )
        .unwrap();
        let mut contents = Contents::open(source(), &self.headquarters, limits, &checked).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = contents.next_frame().unwrap() {
            frames.push(frame);
        }
        (checked, frames)
    }

    fn head(&self) -> Head {
        let head = self.session.store.heads().unwrap().pop().unwrap();
        Head {
            incarnation: head.incarnation,
            seq: head.seq,
            hash: head.hash,
        }
    }

    fn answer(&self, n: u128, epoch: u128) -> Header {
        Header {
            bundle: BundleId::from_uuid(Uuid::from_u128(n)),
            office: self.session.identity.office.clone(),
            device: self.session.identity.device,
            created_at: 1,
            part: 1,
            parts: 1,
            made_by: "test".to_owned(),
            way: Way::Desk(Box::new(Answer {
                answers: Vec::new(),
                epoch: Epoch::from_uuid(Uuid::from_u128(epoch)),
                heads: vec![self.head()],
                policy_version: 1,
                recipients: vec![self.headquarters.recipient()],
                signer: STANDARD.encode(self.signing.verifying_key().to_bytes()),
            })),
        }
    }

    fn pack(&self, header: &Header, frames: &[Frame]) -> PathBuf {
        let path = self.stick.path().join(format!("{}.jbx", header.bundle));
        let to = bundle::opener(&self.session.store).unwrap().recipient();
        let file = File::create(&path).unwrap();
        let mut out = Writer::begin(file, header, &[to]).unwrap();
        for frame in frames {
            out.put(frame).unwrap();
        }
        let sign = |message: &[u8]| self.signing.sign(message).to_bytes();
        out.finish(&sign).unwrap();
        path
    }

    /// One verdict for each op that waits, as headquarters writes it.
    fn receipt(&self) -> Frame {
        let told = |row: JournalRow| OpOutcome {
            op_id: row.op_id,
            outcome: Outcome::Applied { rev: 1 },
        };
        let rows = self.session.store.unsent(0, 100, usize::MAX).unwrap();
        Frame::Receipt(PushReply {
            head: self.head(),
            outcomes: rows.into_iter().map(told).collect(),
        })
    }

    fn scope(&self) -> OfficeCode {
        self.session.identity.office.clone()
    }

    fn page(&self, from: u64, cursor: u64) -> Frame {
        Frame::Page(Page {
            from,
            page: PullReply {
                scope: self.scope(),
                cursor,
                more: false,
                changes: Vec::new(),
            },
        })
    }

    fn fill(&self, position: u64) -> Frame {
        Frame::Fill(FillPage {
            after: None,
            page: SnapshotReply {
                scope: self.scope(),
                position,
                next: None,
                changes: Vec::new(),
            },
        })
    }

    fn unsent(&self) -> u64 {
        self.session.store.outbox().unwrap().unsent
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_desk_that_never_heard_headquarters_keys_writes_nothing() {
    let bench = Bench::standalone();
    let session = bench.desk.session().unwrap();
    let stick = tempfile::tempdir().unwrap();
    let error = in_turn(&bench.desk, "export", |running| {
        export_in_parts(&bench.desk, &session, stick.path(), running, ROOMY)
    });
    assert_eq!(error.unwrap_err().code(), "bundle.keys_unknown");
    assert!(files(stick.path()).is_empty());
}

#[test]
fn a_stopped_export_leaves_nothing_behind_and_one_runs_at_a_time() {
    let scene = Scene::new();
    scene.bench.new_case();
    let stopped = in_turn(scene.desk(), "export", |running| {
        assert_eq!(scene.export(ROOMY).unwrap_err().code(), "bundle.busy");
        scene.desk().usb().stop();
        scene.write(running, ROOMY)
    });
    assert_eq!(stopped.unwrap_err().code(), "bundle.cancelled");
    assert!(files(scene.stick.path()).is_empty());
    assert!(exported(&scene.session).unwrap().is_none());
    assert!(scene.export(ROOMY).is_ok(), "the next one may run");
}

#[test]
fn an_export_in_parts_holds_every_op_once_and_parked_ones_as_stubs() {
    let scene = Scene::new();
    for _ in 0..4 {
        let case = scene.bench.new_case();
        for _ in 0..50 {
            let note = "说明".repeat(900);
            scene
                .bench
                .ask("note_add", json!({ "case": case, "text": note }));
        }
    }
    let first = scene.session.store.unsent(0, 1, 1).unwrap();
    scene
        .session
        .store
        .park(first[0].op_id, "sync.bad_op")
        .unwrap();
    let written = scene.export(600_000).unwrap();
    assert!(written.files.len() > 1, "{written:?}");
    assert_eq!(u64::from(written.ops), scene.head().seq);
    let (mut next, mut stubs) = (1, 0);
    for (k, file) in (1..).zip(&written.files) {
        assert!(fs::metadata(file).unwrap().len() < 600_000);
        let (checked, frames) = scene.open(Path::new(file));
        let parts = u32::try_from(written.files.len()).unwrap();
        assert_eq!((checked.header.part, checked.header.parts), (k, parts));
        for frame in frames {
            let Frame::Ops(push) = frame else {
                panic!("only ops were written")
            };
            assert_eq!(push.first_seq, next);
            next += u64::try_from(push.ops.len()).unwrap();
            stubs += push
                .ops
                .iter()
                .filter(|op| op.get().starts_with("{\"parked\""))
                .count();
        }
    }
    assert_eq!((next - 1, stubs), (scene.head().seq, 1));
    let (marked, waiting) = exported(&scene.session).unwrap().unwrap();
    assert_eq!(marked.through_seq, scene.head().seq);
    assert_eq!(waiting, scene.unsent());
}

#[test]
fn a_way_back_for_another_desk_or_from_another_headquarters_is_refused() {
    let scene = Scene::new();
    let mut header = scene.answer(1, 1);
    header.device = DeviceId::from_uuid(Uuid::from_u128(9));
    let error = scene.import(&scene.pack(&header, &[scene.receipt()]));
    assert_eq!(error.unwrap_err().code(), "bundle.for_another");
    let mut other = Scene::new();
    other.signing = SigningKey::from_bytes(&[6; 32]);
    let unknown = other.pack(&other.answer(2, 1), &[]);
    assert_eq!(
        other.import(&unknown).unwrap_err().code(),
        "bundle.unknown_sender"
    );
    let mut forged = other.answer(3, 1);
    if let Way::Desk(answer) = &mut forged.way {
        let known = SigningKey::from_bytes(&[5; 32]).verifying_key();
        answer.signer = STANDARD.encode(known.to_bytes());
    }
    let forged = other.pack(&forged, &[]);
    assert_eq!(
        other.import(&forged).unwrap_err().code(),
        "bundle.bad_signature"
    );
}

#[test]
fn a_way_back_settles_ops_once_and_says_so_the_second_time() {
    let scene = Scene::new();
    scene.bench.new_case();
    scene.export(ROOMY).unwrap();
    let unsent = scene.unsent();
    assert!(unsent > 0);
    let back = scene.pack(&scene.answer(1, 1), &[scene.receipt(), scene.fill(7)]);
    let taken = scene.import(&back).unwrap();
    assert_eq!((u64::from(taken.receipts), taken.already), (unsent, false));
    assert_eq!(scene.unsent(), 0);
    assert!(exported(&scene.session).unwrap().is_none());
    assert_eq!(scene.session.store.cursor(&scene.scope()).unwrap(), Some(7));
    let again = scene.import(&back).unwrap();
    assert_eq!((again.receipts, again.already), (0, true));
}

#[test]
fn pages_out_of_order_are_held_back_and_fit_later() {
    let scene = Scene::new();
    let cursor = || scene.session.store.cursor(&scene.scope()).unwrap();
    scene
        .import(&scene.pack(&scene.answer(1, 1), &[scene.fill(7)]))
        .unwrap();
    let later = scene.pack(&scene.answer(3, 1), &[scene.page(9, 12), scene.receipt()]);
    let held = scene.import(&later).unwrap();
    assert_eq!(held.held_back, [scene.scope().to_string()]);
    assert_eq!(cursor(), Some(7));
    scene
        .import(&scene.pack(&scene.answer(2, 1), &[scene.page(7, 9)]))
        .unwrap();
    assert_eq!(cursor(), Some(9));
    let fits = scene.import(&later).unwrap();
    assert!(fits.held_back.is_empty() && !fits.already);
    assert_eq!(cursor(), Some(12));
    scene
        .import(&scene.pack(&scene.answer(4, 1), &[scene.page(7, 9)]))
        .unwrap();
    assert_eq!(cursor(), Some(12), "an old page turns nothing back");
}

#[test]
fn what_an_earlier_life_of_the_server_said_is_stale_and_a_new_life_starts_anew() {
    let scene = Scene::new();
    let cursor = || scene.session.store.cursor(&scene.scope()).unwrap();
    scene
        .import(&scene.pack(&scene.answer(1, 50), &[scene.fill(7)]))
        .unwrap();
    let old = scene.pack(&scene.answer(2, 50), &[scene.page(7, 99)]);
    // A life with a smaller number: a restored server's clock may be anything.
    scene
        .import(&scene.pack(&scene.answer(3, 40), &[scene.fill(3)]))
        .unwrap();
    assert_eq!(cursor(), Some(3));
    assert_eq!(scene.import(&old).unwrap_err().code(), "bundle.stale");
    assert_eq!(cursor(), Some(3));
}
