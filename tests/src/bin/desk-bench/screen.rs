//! A display that nobody sees, whose pixels can be read.

use desk_tests::Failure;
use desk_tests::programs::Running;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const WIDTH: u64 = 1280;
const HEIGHT: u64 = 800;
const PIXEL: u64 = 4;
/// Lines in the middle, below every toolbar and title.
const FROM: u64 = 250;
const TO: u64 = 560;
/// Letters have more edges than a frame and a pointer on an empty window.
const EDGES: usize = 1_000;

/// One virtual display.
pub struct Screen {
    name: String,
    folder: TempDir,
    _server: Running,
}

impl Screen {
    /// Starts one on a free number.
    pub fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{WIDTH}x{HEIGHT}x24"))
            .arg("-fbdir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = Running::start(&mut command)?;
        let pipe = server
            .child()
            .stdout
            .take()
            .ok_or_else(|| Failure::new("the display has no output"))?;
        let mut number = String::new();
        BufReader::new(pipe)
            .read_line(&mut number)
            .map_err(Failure::at("read the display's number"))?;
        Ok(Self {
            name: format!(":{}", number.trim()),
            folder,
            _server: server,
        })
    }

    /// For `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Something with letters stands in the middle.
    pub fn shows_a_page(&self) -> Result<bool, Failure> {
        let look = || -> std::io::Result<bool> {
            let mut file = File::open(self.folder.path().join("Xvfb_screen0"))?;
            let size = file.metadata()?.len();
            let Some(header) = size.checked_sub(WIDTH * HEIGHT * PIXEL) else {
                return Ok(false);
            };
            file.seek(SeekFrom::Start(header + FROM * WIDTH * PIXEL))?;
            let mut lines = Vec::new();
            file.take((TO - FROM) * WIDTH * PIXEL)
                .read_to_end(&mut lines)?;
            let (pixels, _) = lines.as_chunks::<4>();
            let edges = pixels.windows(2).filter(|pair| pair.first() != pair.last());
            Ok(edges.take(EDGES).count() == EDGES)
        };
        look().map_err(Failure::at("look at the display"))
    }
}
