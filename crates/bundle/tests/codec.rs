//! Bundles as they come from sticks: cut, flipped, forged, blown up, and whole.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_bundle::{
    Ask, BundleError, Checked, Contents, Counts, Frame, Header, Limits, Opener, PolicyText, Way,
    Writer, Written, check,
};
use desk_domain::ids::{BundleId, DeviceId, DocumentId, Incarnation, OfficeCode, UserId};
use ed25519_dalek::{Signer, SigningKey};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use uuid::Uuid;

const NAMED: [&str; 8] = [
    "bundle.not_a_bundle",
    "bundle.wrong_version",
    "bundle.truncated",
    "bundle.damaged",
    "bundle.not_for_us",
    "bundle.bad_signature",
    "bundle.too_large",
    "bundle.wrong_way",
];

struct Scene {
    opener: Opener,
    key: SigningKey,
}

impl Scene {
    fn new() -> Self {
        Self {
            opener: Opener::generate(),
            key: SigningKey::from_bytes(&[7; 32]),
        }
    }

    fn write(&self, frames: &[Frame]) -> Result<(Vec<u8>, Written), BundleError> {
        let recipients = [self.opener.recipient()];
        let mut writer = Writer::begin(Cursor::new(Vec::new()), &header(), &recipients)?;
        for frame in frames {
            writer.put(frame)?;
        }
        let (written, file) = writer.finish(&|message| self.key.sign(message).to_bytes())?;
        Ok((file.into_inner(), written))
    }

    fn check(&self, file: &[u8]) -> Result<Checked, BundleError> {
        self.check_within(file, Limits::default())
    }

    fn check_within(&self, file: &[u8], limits: Limits) -> Result<Checked, BundleError> {
        let key = self.key.verifying_key().to_bytes();
        check(file, &self.opener, limits, |_| Ok(key), |_| Ok(()))
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// What the medium says, and its name here.
type Slip = (fn() -> io::Error, &'static str);

fn header() -> Header {
    Header {
        bundle: BundleId::from_uuid(id(1)),
        office: OfficeCode::parse("HZ001").unwrap(),
        device: DeviceId::from_uuid(id(2)),
        created_at: 1_800_000_000_000,
        part: 1,
        parts: 1,
        made_by: "test".to_owned(),
        way: Way::Office(Box::new(Ask {
            incarnation: Incarnation::from_uuid(id(3)),
            acknowledged_seq: 4,
            last_seq: 9,
            user: UserId::from_uuid(id(4)),
            epoch: None,
            places: [(
                OfficeCode::parse("HZ001").unwrap(),
                desk_bundle::Place::default(),
            )]
            .into(),
            wants: vec![DocumentId::from_uuid(id(5))],
            recipient: "age1x".to_owned(),
            counts: Counts::default(),
        })),
    }
}

fn chunk(index: u32, bytes: Vec<u8>) -> Frame {
    Frame::Chunk {
        document: DocumentId::from_uuid(id(6)),
        index,
        bytes,
    }
}

fn frames() -> Vec<Frame> {
    let policy = PolicyText {
        version: 3,
        toml: "version = 3".to_owned(),
    };
    vec![
        chunk(0, vec![1, 2, 3]),
        Frame::Policy(policy),
        chunk(1, Vec::new()),
    ]
}

fn code(result: Result<Checked, BundleError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "taken")
}

#[test]
fn a_flipped_bit_anywhere_is_a_named_error() {
    let scene = Scene::new();
    let (file, _) = scene.write(&frames()).unwrap();
    for at in 0..file.len() {
        let mut bent = file.clone();
        bent[at] ^= 1 << (at % 8);
        let code = code(scene.check(&bent));
        assert!(NAMED.contains(&code), "byte {at} of {}: {code}", file.len());
    }
}

#[test]
fn a_file_cut_anywhere_is_called_truncated() {
    let scene = Scene::new();
    let (file, _) = scene.write(&frames()).unwrap();
    for length in 0..file.len() {
        let expected = if length < 16 {
            "bundle.not_a_bundle"
        } else {
            "bundle.truncated"
        };
        assert_eq!(
            code(scene.check(&file[..length])),
            expected,
            "{length} of {}",
            file.len()
        );
    }
}

#[test]
fn a_bundle_that_was_never_finished_is_not_a_whole_one() {
    let scene = Scene::new();
    let mut out = Cursor::new(Vec::new());
    let recipients = [scene.opener.recipient()];
    let mut writer = Writer::begin(&mut out, &header(), &recipients).unwrap();
    writer.put(&chunk(0, vec![0; 1000])).unwrap();
    drop(writer);
    assert_eq!(code(scene.check(out.get_ref())), "bundle.truncated");
}

#[test]
fn a_bundle_for_somebody_else_does_not_open() {
    let (file, _) = Scene::new().write(&frames()).unwrap();
    assert_eq!(code(Scene::new().check(&file)), "bundle.not_for_us");
}

#[test]
fn another_version_and_another_kind_of_file_are_named() {
    let scene = Scene::new();
    let (mut file, _) = scene.write(&frames()).unwrap();
    file[4] = 2;
    assert_eq!(code(scene.check(&file)), "bundle.wrong_version");
    assert_eq!(
        code(scene.check(b"PK\x03\x04 and so on, a zip file")),
        "bundle.not_a_bundle"
    );
    assert_eq!(code(scene.check(b"")), "bundle.not_a_bundle");
}

#[test]
fn a_bundle_signed_by_another_key_or_for_another_purpose_is_refused() {
    let scene = Scene::new();
    let recipients = [scene.opener.recipient()];
    let begin = || Writer::begin(Cursor::new(Vec::new()), &header(), &recipients).unwrap();
    let other = SigningKey::from_bytes(&[8; 32]);
    let (_, forged) = begin()
        .finish(&|message| other.sign(message).to_bytes())
        .unwrap();
    assert_eq!(code(scene.check(forged.get_ref())), "bundle.bad_signature");
    // A signature of a bare hash, as pushes have: the last 32 bytes of what is signed here.
    let bare = |message: &[u8]| scene.key.sign(&message[message.len() - 32..]).to_bytes();
    let (_, forged) = begin().finish(&bare).unwrap();
    assert_eq!(code(scene.check(forged.get_ref())), "bundle.bad_signature");
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let scene = Scene::new();
    let zeros = vec![0_u8; 1024 * 1024];
    let many: Vec<Frame> = (0..64).map(|index| chunk(index, zeros.clone())).collect();
    let (file, written) = scene.write(&many).unwrap();
    assert!(file.len() < 64 * 1024 && written.plain_bytes > 64 * 1024 * 1024);
    let limits = |plain_bytes, frames| Limits {
        plain_bytes,
        frames,
        ..Limits::default()
    };
    assert_eq!(
        code(scene.check_within(&file, limits(8 << 20, 1000))),
        "bundle.too_large"
    );
    assert_eq!(
        code(scene.check_within(&file, limits(1 << 30, 10))),
        "bundle.too_large"
    );
    let small = Limits {
        sealed_bytes: 1000,
        ..Limits::default()
    };
    assert_eq!(code(scene.check_within(&file, small)), "bundle.too_large");
    assert!(scene.check(&file).is_ok());
}

#[test]
fn a_frame_larger_than_its_kind_is_not_even_written() {
    let scene = Scene::new();
    let error = scene
        .write(&[chunk(0, vec![0; 1024 * 1024 + 1])])
        .unwrap_err();
    assert_eq!(error.code(), "bundle.too_large");
}

#[test]
fn an_endless_list_of_recipients_is_refused() {
    let scene = Scene::new();
    let mut file = b"JBX\n\x01\0\0\0".to_vec();
    file.extend_from_slice(&(1_u64 << 30).to_le_bytes());
    file.extend_from_slice(b"age-encryption.org/v1\n");
    let stanza = b"-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    while file.len() < 200_000 {
        file.extend_from_slice(stanza);
    }
    assert_eq!(code(scene.check(&file)), "bundle.too_large");
}

#[test]
fn what_changed_between_the_two_readings_is_not_handed_out() {
    let scene = Scene::new();
    let (file, _) = scene.write(&frames()).unwrap();
    let checked = scene.check(&file).unwrap();
    let mut others = frames();
    others[1] = chunk(1, vec![9]);
    let (swapped, _) = scene.write(&others).unwrap();
    let limits = Limits::default();
    let mut contents = Contents::open(&swapped[..], &scene.opener, limits, &checked).unwrap();
    assert!(matches!(
        contents.next_frame(),
        Ok(Some(Frame::Chunk { .. }))
    ));
    assert_eq!(contents.next_frame().unwrap_err().code(), "bundle.damaged");
}

#[test]
fn everything_written_is_read_again_in_order() {
    let scene = Scene::new();
    let (file, written) = scene.write(&frames()).unwrap();
    assert_eq!(written.file_bytes, file.len() as u64);
    let checked = scene.check(&file).unwrap();
    assert_eq!(
        (&checked.header, checked.digest),
        (&header(), written.digest)
    );
    assert_eq!(checked.bytes, written.plain_bytes);
    let limits = Limits::default();
    let mut contents = Contents::open(&file[..], &scene.opener, limits, &checked).unwrap();
    let mut seen = Vec::new();
    while let Some(frame) = contents.next_frame().unwrap() {
        seen.push(format!("{frame:?}"));
    }
    let expected: Vec<String> = frames().iter().map(|frame| format!("{frame:?}")).collect();
    assert_eq!(seen, expected);
}

/// A stick with so much room, and what it says then.
struct Stick {
    room: usize,
    error: fn() -> io::Error,
}
impl Write for Stick {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room < bytes.len() {
            return Err((self.error)());
        }
        self.room -= bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
impl Read for Stick {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err((self.error)())
    }
}
impl Seek for Stick {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn a_stick_that_is_full_pulled_or_write_protected_says_so() {
    let scene = Scene::new();
    let cases: [Slip; 3] = [
        (|| io::ErrorKind::StorageFull.into(), "bundle.no_space"),
        (|| io::Error::from_raw_os_error(5), "bundle.stick_gone"),
        (
            || io::ErrorKind::ReadOnlyFilesystem.into(),
            "bundle.read_only",
        ),
    ];
    for (error, expected) in cases {
        for room in [0, 20, 1000] {
            let stick = Stick { room, error };
            let recipients = [scene.opener.recipient()];
            let wrote = Writer::begin(stick, &header(), &recipients).and_then(|mut writer| {
                // Noise: what cannot be packed has to be written out.
                let mut noise = vec![0; 200_000];
                blake3::Hasher::new().finalize_xof().fill(&mut noise);
                writer.put(&chunk(0, noise))?;
                writer.finish(&|message| scene.key.sign(message).to_bytes())
            });
            let code = wrote.map_or_else(|error| error.code(), |_| "written");
            assert_eq!(code, expected, "room {room}");
        }
    }
    let (file, _) = scene.write(&frames()).unwrap();
    let pulled = Stick {
        room: 0,
        error: || io::Error::from_raw_os_error(5),
    };
    let key = scene.key.verifying_key().to_bytes();
    for at in [0, 20, 300, file.len() - 1] {
        let source = file[..at].chain(Stick { ..pulled });
        let read = check(
            source,
            &scene.opener,
            Limits::default(),
            |_| Ok(key),
            |_| Ok(()),
        );
        assert_eq!(
            read.unwrap_err().code(),
            "bundle.stick_gone",
            "pulled at {at}"
        );
    }
}

#[test]
fn a_reader_may_stop_at_any_frame() {
    let scene = Scene::new();
    let (file, _) = scene.write(&frames()).unwrap();
    let stop = |_| Err(BundleError::Cancelled);
    let key = scene.key.verifying_key().to_bytes();
    let read = check(
        &file[..],
        &scene.opener,
        Limits::default(),
        |_| Ok(key),
        stop,
    );
    assert_eq!(read.unwrap_err().code(), "bundle.cancelled");
}
