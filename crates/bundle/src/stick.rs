//! The file on the stick: it has its name only once it is whole, and it is never written over.

use crate::error::BundleError;
use crate::name::{self, ENDING};
use desk_domain::ids::OfficeCode;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Most bundles of one desk and day in one folder.
const MOST: u32 = 9_999;

/// A bundle being written beside its name. Dropped before [`Fresh::settle`], it leaves nothing behind.
#[derive(Debug)]
pub struct Fresh {
    part: PathBuf,
    whole: PathBuf,
    settled: bool,
}

impl Fresh {
    /// Takes the next free number in `folder`; gives the file to write into.
    pub fn create(
        folder: &Path,
        office: &OfficeCode,
        desk: &str,
        date: &str,
    ) -> Result<(Self, File), BundleError> {
        for n in 1..=MOST {
            let whole = folder.join(name::file_name(office, desk, date, n));
            let part = whole.with_extension(name::PARTIAL);
            if whole.exists() {
                continue;
            }
            let made = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&part);
            match made {
                Ok(file) => {
                    let fresh = Self {
                        part,
                        whole,
                        settled: false,
                    };
                    return Ok((fresh, file));
                }
                // Another export, or one that was cut off: its number is taken.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(BundleError::Io(io::ErrorKind::StorageFull.into()))
    }

    /// Where the bytes are until they are checked.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Gives the file its name, and makes the name durable.
    pub fn settle(mut self) -> Result<PathBuf, BundleError> {
        fs::rename(&self.part, &self.whole)?;
        self.settled = true;
        if let Some(folder) = self.whole.parent() {
            sync_folder(folder)?;
        }
        Ok(std::mem::take(&mut self.whole))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.settled {
            // When the stick is gone, what lies on it says of itself that it is not whole.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Syncs what was written and lets the system forget it, so that reading it back asks the stick.
pub fn to_the_medium(file: &File) -> Result<(), BundleError> {
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    {
        // Advice only: the bytes are compared all the same.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }
    Ok(())
}

/// A file to be read as a bundle; folders and devices are not.
pub fn open(path: &Path) -> Result<(File, u64), BundleError> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(BundleError::Io(io::ErrorKind::IsADirectory.into()));
    }
    Ok((File::open(path)?, about.len()))
}

/// The whole bundles of a folder.
pub fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// A rename is on disk only when its folder is; Windows has no such handle and needs none.
fn sync_folder(folder: &Path) -> Result<(), BundleError> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn office() -> OfficeCode {
        OfficeCode::parse("HZ001").unwrap()
    }

    #[test]
    fn a_folder_is_no_bundle_and_a_missing_file_is_named_so() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(open(dir.path()).unwrap_err().code(), "bundle.not_a_file");
        let gone = dir.path().join("gone.jbx");
        assert_eq!(open(&gone).unwrap_err().code(), "bundle.missing");
        let inside = dir.path().join("file");
        fs::write(&inside, b"x").unwrap();
        let error = Fresh::create(&inside, &office(), "01", "20261125").unwrap_err();
        assert_eq!(error.code(), "bundle.not_a_file");
    }

    #[test]
    fn what_is_not_settled_leaves_nothing_and_numbers_are_never_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let make = || Fresh::create(dir.path(), &office(), "01", "20261125").unwrap();
        let (dropped, mut file) = make();
        file.write_all(b"half").unwrap();
        drop(dropped);
        assert!(names().is_empty());
        let (first, file) = make();
        to_the_medium(&file).unwrap();
        first.settle().unwrap();
        let (second, _) = make();
        assert!(second.part().ends_with("HZ001-01-20261125-2.jbx.part"));
        let (third, _) = make();
        third.settle().unwrap();
        drop(second);
        assert_eq!(
            names(),
            ["HZ001-01-20261125-1.jbx", "HZ001-01-20261125-3.jbx"]
        );
    }
}
