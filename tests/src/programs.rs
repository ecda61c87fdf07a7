//! Where the programs of the house are, and child processes that end with their owner.

use crate::Failure;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A program built beside the running one (`target/debug` or `target/release`).
///
/// # Errors
/// Names the command that builds it when it is not there.
pub fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(Failure::at("find the running program"))?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    // Test programs stand one folder deeper, in `deps`.
    let places = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(&file));
    let found = places.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(format!(
            "{file} is not built: run `cargo build --workspace --bins` first"
        ))
    })
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// A fresh folder in memory where there is some: for thousands of exchanges none of which is about the disk.
pub fn in_memory() -> Result<tempfile::TempDir, Failure> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.map_err(Failure::at("make a folder"))
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(Failure::at(format!("look into {}", folder.display())))?;
        for entry in entries {
            let path = entry.map_err(Failure::at("look into a folder"))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// A child process, killed by pid and waited for when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.spawn().map_err(Failure::at(format!(
            "start {}",
            command.get_program().display()
        )))?;
        Ok(Self { child })
    }
    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// SIGKILL, and wait until it is gone.
    pub fn kill(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
