//! The TypeScript side of the bridge, written from the Rust side.

use crate::dto;
use std::path::Path;
use ts_rs::{Config, TS};

/// Why the types could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the types could not be written: {0}")]
pub struct ExportError(#[from] ts_rs::ExportError);

macro_rules! exported {
    ($($name:ident)+) => {
        /// Writes one file per type of the bridge into a folder.
        pub fn export_types(dir: &Path) -> Result<(), ExportError> {
            let config = Config::new().with_out_dir(dir).with_large_int("number");
            $( dto::$name::export_all(&config)?; )+
            Ok(())
        }
        /// The roots of the export; what they use is exported with them.
        #[cfg(test)]
        const ROOTS: &[&str] = &[$(stringify!($name)),+];
    };
}

exported! {
    UiError Changed AppStatus FormSpec Settings CasePage QueueCounts SearchPage NotificationRow CallRow
    CaseScreen MatchResult DocumentCard TrayItem Ticket ReviewScreen ConflictView Revealed MerchantScreen
    ArticleRow ArticleScreen SyncScreen Diagnostics Done CodeSent CodeVerified MerchantLinkView
    Nothing SetupServer SetupStandalone Unlock SignIn QueueQuery CaseRef CaseNew DraftPut FieldSetArgs FieldsFill
    EvidenceAdd DiagnosisAnswer DocumentAdd DocumentAttachArgs DocumentDetachArgs DocumentTicket DocumentMask NoteArgs
    CaseMoveArgs JudgeArgs WaiveArgs ReviewDecideArgs ReturnAnswerArgs RiskActArgs
    ExecuteRecordArgs NoticeArgs FollowUpArgs ConflictArgs RevealArgs SearchArgs MerchantRef ArticleRef
    CallEnd EventsSince CodeVerifyArgs MerchantLinkArgs DiagnosticsArgs SyncAct UsbExport UsbImport UsbScreen UsbWritten UsbTaken
    AdminPage AdminDo AdminScreen AdminDone
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn written() -> (tempfile::TempDir, BTreeSet<String>) {
        let dir = tempfile::tempdir().unwrap();
        export_types(dir.path()).unwrap();
        let names = std::fs::read_dir(dir.path()).unwrap();
        let names = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        (dir, names)
    }

    /// Struct names as they stand in the sources, macro-made ones included.
    fn declared() -> BTreeSet<String> {
        let sources = [
            include_str!("dto/mod.rs"),
            include_str!("dto/admin.rs"),
            include_str!("dto/case_screen.rs"),
            include_str!("dto/desk_screens.rs"),
            include_str!("dto/requests.rs"),
            include_str!("dto/sync_screen.rs"),
            include_str!("dto/usb.rs"),
        ];
        let lines = sources.iter().flat_map(|text| text.lines());
        let heads = lines.filter_map(|line| {
            let line = line.trim_start().trim_start_matches("pub struct ");
            let (name, _) = line.split_once([' ', '{'])?;
            let is_name = name.chars().next().is_some_and(|c| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_alphanumeric());
            (is_name && line.contains('{')).then(|| name.to_owned())
        });
        heads.collect()
    }

    #[test]
    fn every_type_of_the_bridge_is_exported() {
        let (_dir, files) = written();
        for name in declared() {
            assert!(
                files.contains(&format!("{name}.ts")),
                "{name} is not exported"
            );
        }
        assert!(ROOTS.len() > 50 && files.len() >= ROOTS.len());
    }

    #[test]
    fn committed_types_are_the_generated_ones() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/types");
        let (dir, files) = written();
        for name in files {
            let fresh = std::fs::read_to_string(dir.path().join(&name)).unwrap();
            let kept = std::fs::read_to_string(committed.join(&name)).unwrap_or_default();
            assert_eq!(kept, fresh, "{name} is stale: run `cargo xtask types`");
        }
    }

    #[test]
    fn no_type_needs_big_integers() {
        let (dir, files) = written();
        for name in files {
            let text = std::fs::read_to_string(dir.path().join(&name)).unwrap();
            assert!(!text.contains("bigint"), "{name}");
        }
    }
}
