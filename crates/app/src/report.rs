//! What support may see of a desk: counts, codes and versions, never a value, a name or a number of anybody.

use crate::desk::Desk;
use crate::error::AppError;
use crate::screens::sync_centre;
use crate::session::Session;
use desk_domain::time::Millis;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The text of the sync centre's last section.
pub(crate) fn diagnostics(desk: &Desk, session: &Session) -> Result<String, AppError> {
    let screen = sync_centre::screen(desk, session)?;
    let heads = session.store.heads()?;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    };
    line("version", &env!("CARGO_PKG_VERSION"));
    line(
        "server_version",
        &screen.server_version.as_deref().unwrap_or("-"),
    );
    line("device", &session.identity.device);
    line("office", &session.identity.office);
    line("keystore", &session.vault.keystore().as_str());
    line("link", &screen.link);
    line("why", &screen.why.as_deref().unwrap_or("-"));
    line("last_contact_at", &screen.last_contact_at.unwrap_or(0));
    line("clock_skew_ms", &screen.clock_skew_ms.unwrap_or(0));
    line("unsent", &screen.badge.unsent);
    line(
        "oldest_unsent_at",
        &screen.badge.oldest_unsent_at.unwrap_or(0),
    );
    line("attention", &screen.badge.attention);
    line("conflicts", &screen.badge.conflicts);
    line("documents_waiting", &screen.documents.len());
    line("database_bytes", &screen.database_bytes);
    line("documents_bytes", &screen.documents_bytes);
    line("free_bytes", &screen.free_bytes);
    line("disk_low", &screen.disk_low);
    for head in heads {
        line(
            "head",
            &format!(
                "{} seq {} acknowledged {} hash {}",
                head.incarnation, head.seq, head.acknowledged_seq, head.hash
            ),
        );
    }
    for alert in &screen.alerts {
        line(
            "alert",
            &format!("{} at {} {:?}", alert.code, alert.at, alert.params),
        );
    }
    for row in &screen.rows {
        line(
            "op",
            &format!("{} {} {} {}", row.op, row.kind, row.state, row.reason),
        );
    }
    Ok(text)
}

/// A new file of its own; one that is there already is never written over.
pub(crate) fn save(folder: &Path, now: Millis, text: &str) -> Result<PathBuf, AppError> {
    let day = desk_domain::calendar::shanghai_day(now).format("%Y%m%d");
    let name = |n: u32| folder.join(format!("unbind-desk-diagnostics-{day}-{n}.txt"));
    let written = || -> io::Result<Option<PathBuf>> {
        std::fs::create_dir_all(folder)?;
        for path in (1..=SAVES_PER_DAY).map(name) {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(text.as_bytes())?;
                    file.sync_all()?;
                    return Ok(Some(path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    };
    written().ok().flatten().ok_or(AppError::FileNotWritten)
}

/// Files of one day; whoever needs more has other troubles.
const SAVES_PER_DAY: u32 = 200;
