//! Where the operating system keeps a Chinese font.
//!
//! No font is shipped. The box opens the file before it locks itself in; the drawing of marks and
//! samples opens it once per process.

use ab_glyph::{FontArc, FontVec};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// File names in order of preference, with the face that draws simplified characters.
const PREFERRED: [(&str, u32); 14] = [
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansCJKsc-Regular.otf", 0),
    ("NotoSansSC-Regular.otf", 0),
    ("NotoSansSC-Regular.ttf", 0),
    ("SourceHanSansSC-Regular.otf", 0),
    ("SourceHanSansCN-Regular.otf", 0),
    ("msyh.ttc", 0),
    ("msyh.ttf", 0),
    ("PingFang.ttc", 2),
    ("Hiragino Sans GB.ttc", 0),
    ("STHeiti Light.ttc", 0),
    ("wqy-microhei.ttc", 0),
    ("simhei.ttf", 0),
    ("DroidSansFallbackFull.ttf", 0),
];
/// How deep and how far the font folders are walked.
const MAX_DEPTH: u32 = 4;
const MAX_ENTRIES: u32 = 20_000;
/// A font file over this size is passed over.
const MAX_FONT_BYTES: u64 = 128 * 1024 * 1024;

/// The bytes of a font file and the face in it.
#[derive(Clone)]
pub struct FontFile {
    pub bytes: Arc<Vec<u8>>,
    pub face: u32,
}

/// Opens the best Chinese font found on this computer.
pub fn open_chinese() -> Option<FontFile> {
    let (path, face) = find()?;
    let small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= MAX_FONT_BYTES);
    if !small {
        return None;
    }
    let bytes = Arc::new(std::fs::read(path).ok()?);
    Some(FontFile { bytes, face })
}

/// The font ready for drawing, opened at first use and kept for the process.
pub fn drawing_font() -> Option<&'static FontArc> {
    static FONT: OnceLock<Option<FontArc>> = OnceLock::new();
    FONT.get_or_init(|| {
        let file = open_chinese()?;
        let bytes = Arc::unwrap_or_clone(file.bytes);
        FontVec::try_from_vec_and_index(bytes, file.face)
            .ok()
            .map(FontArc::from)
    })
    .as_ref()
}

fn folders() -> Vec<PathBuf> {
    if cfg!(windows) {
        let root = std::env::var_os("SystemRoot").unwrap_or_else(|| "C:\\Windows".into());
        return vec![PathBuf::from(root).join("Fonts")];
    }
    if cfg!(target_os = "macos") {
        return vec!["/System/Library/Fonts".into(), "/Library/Fonts".into()];
    }
    vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()]
}

fn find() -> Option<(PathBuf, u32)> {
    let mut best: Option<(usize, PathBuf)> = None;
    let mut left = MAX_ENTRIES;
    let mut open: Vec<(PathBuf, u32)> = folders().into_iter().map(|folder| (folder, 0)).collect();
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            left = left.saturating_sub(1);
            let path = entry.path();
            if path.is_dir() && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if let Some(rank) = rank(&path)
                && best.as_ref().is_none_or(|(known, _)| rank < *known)
            {
                best = Some((rank, path));
            }
        }
        if left == 0 || best.as_ref().is_some_and(|(rank, _)| *rank == 0) {
            break;
        }
    }
    let (rank, path) = best?;
    PREFERRED.get(rank).map(|(_, face)| (path, *face))
}

fn rank(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    PREFERRED
        .iter()
        .position(|(known, _)| known.eq_ignore_ascii_case(name))
}
