//! `bundle import`: what came by hand goes in, what goes back is written. Works beside a running server.

use super::{BundleCommand, say};
use crate::bundles::{Bundles, IntakeError, Taken};
use crate::error::ServerError;
use crate::run::House;
use desk_bundle::Header;
use desk_domain::ids::DeviceId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub fn bundle(command: BundleCommand) -> Result<(), ServerError> {
    match command {
        BundleCommand::Keys { data } => {
            let keys = House::open(&data.config()?)?.bundles.keys;
            for recipient in keys.recipients() {
                say(&format!("recipient {recipient}"))?;
            }
            say(&format!("signer {}", keys.signer()))
        }
        BundleCommand::Import { data, files, out } => {
            let bundles = House::open(&data.config()?)?.bundles;
            let beside = files.first().and_then(|file| file.parent());
            let folder = out.or_else(|| beside.map(Path::to_path_buf));
            let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
            import(&bundles, &files, &folder.unwrap_or_else(|| ".".into()))
        }
    }
}

/// A file that is refused leaves the others alone.
fn import(bundles: &Bundles, files: &[PathBuf], folder: &Path) -> Result<(), ServerError> {
    let mut refused = 0_usize;
    let mut known: Vec<(Header, &PathBuf)> = Vec::new();
    for file in files {
        match bundles.look_at(file) {
            Ok(header) => known.push((header, file)),
            Err(error) => {
                refused += 1;
                tell_refused(file, &error)?;
            }
        }
    }
    // Whatever the order on the command line: earlier bundles and parts first.
    known.sort_by_key(|(header, _)| (header.device, header.created_at, header.part));
    let mut taken: BTreeMap<DeviceId, Vec<Header>> = BTreeMap::new();
    for (_, file) in known {
        match bundles.take_in(file) {
            Ok(one) => {
                tell(file, &one)?;
                taken.entry(one.header.device).or_default().push(one.header);
            }
            Err(error) => {
                refused += 1;
                tell_refused(file, &error)?;
            }
        }
    }
    for headers in taken.values() {
        let answer = bundles
            .answer(headers, folder)
            .map_err(|error| ServerError::NoReturn(format!("{}: {error}", error.code())))?;
        say(&format!("return {}", answer.display()))?;
    }
    if refused == 0 {
        Ok(())
    } else {
        let all = files.len();
        Err(ServerError::BundlesRefused { refused, all })
    }
}

fn tell(file: &Path, taken: &Taken) -> Result<(), ServerError> {
    let Header {
        bundle,
        office,
        device,
        part,
        parts,
        ..
    } = &taken.header;
    let stopped = taken
        .stopped_by
        .map_or_else(String::new, |code| format!("; stopped by {code}"));
    say(&format!(
        "taken {}: bundle {bundle} part {part} of {parts}, desk {device} of {office}: \
         ops new {} repeated {} (applied {} noop {} conflict {} refused {} held {}); \
         documents stored {} repeated {} waiting {}{stopped}",
        file.display(),
        taken.new_ops(),
        taken.repeated,
        taken.applied,
        taken.noop,
        taken.conflict,
        taken.refused,
        taken.held,
        taken.documents_stored,
        taken.documents_repeated,
        taken.documents_waiting,
    ))
}

fn tell_refused(file: &Path, error: &IntakeError) -> Result<(), ServerError> {
    say(&format!(
        "refused {}: {}: {error}",
        file.display(),
        error.code()
    ))
}
