//! Named places at which the crash harness may end this process, as a power cut would: `docs/adr/0011-fail-points.md`.
//!
//! Invariants: in a build without debug assertions (every release) [`reached`] is empty, whatever the environment says;
//! in a debug build it does nothing unless the environment names a file and that file names the place. The process is
//! ended by SIGKILL to itself: no unwinding, no destructor, no flush.
//!
//! It must never know: what any of the places is about.

/// Names the file that says where to end: one line, a name of [`ALL`] and how often it is passed before.
pub const VARIABLE: &str = "UNBIND_DESK_FAIL_POINT";

/// Ending of the name that the file is given by the process that ends there: how the harness counts, and why the next
/// process goes on.
pub const REACHED: &str = "reached";

/// Every place that a desk or a server passes. A test of the house holds that each stands in the code exactly once.
pub const ALL: &[&str] = &[
    "store.open.before_mark",
    "store.append.before_commit",
    "store.append.after_commit",
    "store.acknowledge.before_commit",
    "store.acknowledge.after_commit",
    "store.page.before_commit",
    "store.page.after_commit",
    "store.document.before_rename",
    "store.document.after_rename",
    "store.stored.before_commit",
    "store.download.before_commit",
    "sync.hello.after_reply",
    "sync.push.before_send",
    "sync.push.after_reply",
    "sync.pull.after_reply",
    "sync.chunk.before_send",
    "sync.chunk.after_reply",
    "sync.complete.after_reply",
    "sync.fetch.after_reply",
    "server.start.before_listen",
    "server.push.before_commit",
    "server.push.after_commit_before_reply",
    "server.chunk.before_rename",
    "server.chunk.after_rename",
    "server.complete.before_link",
    "server.complete.after_link",
    "server.stored.before_commit",
    "server.stored.after_commit_before_reply",
];

/// Places that only an operator's command passes: the crash harness, which runs desks and servers, leaves them to the
/// tests of those commands.
pub const OF_COMMANDS: &[&str] = &["server.import.after_portion"];

/// Ends the process here if the harness asks for it.
#[cfg(not(debug_assertions))]
#[inline]
pub const fn reached(_name: &'static str) {}

#[cfg(debug_assertions)]
pub use armed::reached;

#[cfg(debug_assertions)]
mod armed {
    use super::{REACHED, VARIABLE};
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, OnceLock, PoisonError};

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    /// The order that is being counted, and how often its place was passed.
    static PASSED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

    /// Ends the process here if the harness asks for it.
    pub fn reached(name: &'static str) {
        let file = FILE.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from));
        let Some(file) = file else { return };
        // No file yet: the harness has not asked for anything.
        let Ok(order) = std::fs::read_to_string(file) else {
            return;
        };
        if is_due(&order, name) {
            end(file);
        }
    }

    fn is_due(order: &str, name: &str) -> bool {
        let mut words = order.split_whitespace();
        if words.next() != Some(name) {
            return false;
        }
        let before: u64 = words.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.0 != order {
            *passed = (order.to_owned(), 0);
        }
        passed.1 += 1;
        passed.1 > before
    }

    fn end(file: &Path) -> ! {
        // If this fails, the harness counts a kill at random.
        let _ = std::fs::rename(file, file.with_extension(REACHED));
        #[cfg(unix)]
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort()
    }

    #[cfg(test)]
    mod tests {
        use super::is_due;

        #[test]
        fn a_place_is_due_after_as_many_passes_as_the_order_says() {
            let order = "store.append.before_commit 2\n";
            assert!(!is_due(order, "store.append.after_commit"));
            assert!(!is_due(order, "store.append.before_commit"));
            assert!(!is_due(order, "store.append.before_commit"));
            assert!(is_due(order, "store.append.before_commit"));
            assert!(is_due(
                "store.append.before_commit",
                "store.append.before_commit"
            ));
            assert!(!is_due("", "store.append.before_commit"));
        }
    }
}
