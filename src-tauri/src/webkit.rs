//! WebKitGTK's DMABUF renderer costs 70 MB and breaks on many office machines' drivers: off unless somebody set it.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Starts this program anew in the same process with the variable set. Returns only when that fails.
///
/// Setting a variable of the running process is not safe once threads exist, so it is set from outside.
pub fn without_dmabuf(arguments: &[String]) -> Option<ExitCode> {
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let failed = Command::new(program)
        .args(arguments)
        .env(VARIABLE, "1")
        .exec();
    tracing::warn!(error = %failed, "cannot restart without the DMABUF renderer; going on with it");
    None
}
