//! Where a stick may be: mounted media that can be taken out, with their room.

use crate::dto::UsbPlace;
use desk_bundle::stick;
use std::fs;
use std::path::Path;

/// Most places that are shown.
const MOST: usize = 16;
/// Most entries of a medium that are looked at for return bundles.
const ENTRIES: usize = 2_000;

/// A mount point, before it is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mount {
    path: String,
    writable: bool,
}

/// Media of this machine, in order of their paths.
pub(crate) fn places() -> Vec<UsbPlace> {
    let mut mounts = mounts();
    mounts.sort_by(|a, b| a.path.cmp(&b.path));
    mounts.dedup();
    mounts.truncate(MOST);
    mounts.into_iter().map(look_at).collect()
}

fn look_at(mount: Mount) -> UsbPlace {
    let path = Path::new(&mount.path);
    let label = path.file_name().map_or_else(
        || mount.path.clone(),
        |name| name.to_string_lossy().into_owned(),
    );
    UsbPlace {
        label,
        free_bytes: free_bytes(path).unwrap_or(0),
        writable: mount.writable,
        returns: returns(path),
        path: mount.path,
    }
}

/// Return bundles at the top of a medium.
fn returns(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .take(ENTRIES)
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| stick::is_bundle(path))
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| path.contains("-return-"))
        .collect();
    found.sort();
    found
}

/// Room at a place; none where the platform does not say.
#[cfg(unix)]
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn mounts() -> Vec<Mount> {
    fs::read_to_string("/proc/self/mountinfo").map_or_else(|_| Vec::new(), |text| of_linux(&text))
}

#[cfg(target_os = "macos")]
fn mounts() -> Vec<Mount> {
    let Ok(volumes) = fs::read_dir("/Volumes") else {
        return Vec::new();
    };
    let volumes = volumes.filter_map(Result::ok).map(|entry| entry.path());
    // The system's own volume stands there as a link.
    let real = volumes.filter(|path| !path.is_symlink());
    real.map(|path| Mount {
        path: path.to_string_lossy().into_owned(),
        writable: true,
    })
    .collect()
}

#[cfg(windows)]
fn mounts() -> Vec<Mount> {
    let letters = ('D'..='Z').map(|letter| format!("{letter}:\\"));
    letters
        .filter(|path| Path::new(path).is_dir())
        .map(|path| Mount {
            path,
            writable: true,
        })
        .collect()
}

/// Mount points where desktops and people put media. Fifth field: mount point; sixth: options.
#[cfg(any(target_os = "linux", test))]
fn of_linux(mountinfo: &str) -> Vec<Mount> {
    let homes = ["/media/", "/run/media/", "/mnt/"];
    let mounts = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let (path, options) = (unescape(fields.next()?), fields.next()?);
        let is_home = path == "/mnt" || homes.iter().any(|home| path.starts_with(home));
        is_home.then(|| Mount {
            writable: options.split(',').next() == Some("rw"),
            path,
        })
    });
    mounts.collect()
}

/// The kernel writes blanks, tabs, line ends and backslashes as three octal digits.
#[cfg(any(target_os = "linux", test))]
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (
            b'\\',
            [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ],
        ) = (first, tail)
        {
            out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_media_are_places_and_read_only_ones_are_named_so() {
        let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                    23 22 8:17 / /media/demo/OFFICE\\040STICK rw,nosuid shared:2 - vfat /dev/sdb1 rw\n\
                    24 22 8:33 / /run/media/demo/LOCKED ro,nosuid - vfat /dev/sdc1 ro\n\
                    25 22 0:5 / /media2/x rw - tmpfs tmpfs rw\n\
                    short line\n\
                    26 22 8:49 / /mnt rw - ext4 /dev/sdd1 rw\n";
        let found = of_linux(text);
        let found: Vec<_> = found
            .iter()
            .map(|mount| (mount.path.as_str(), mount.writable))
            .collect();
        assert_eq!(
            found,
            [
                ("/media/demo/OFFICE STICK", true),
                ("/run/media/demo/LOCKED", false),
                ("/mnt", true),
            ]
        );
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stays() {
        assert_eq!(unescape("a\\9b\\04"), "a\\9b\\04");
        assert_eq!(unescape("\\134\\011"), "\\\t");
    }
}
