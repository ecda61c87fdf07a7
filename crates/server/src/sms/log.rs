//! Messages go to `outbox.jsonl` in the data directory, for a demonstration or an office that reads them out itself.

use crate::gateway::Outgoing;
use crate::repo::outbox::Verdict;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file.
pub struct Log {
    path: PathBuf,
}

impl Log {
    pub fn new(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("outbox.jsonl"),
        }
    }

    /// Returns once it is on disk.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Verdict {
        let line = json!({
            "id": outgoing.id,
            "template": outgoing.template,
            "phone": outgoing.phone,
            "text": outgoing.words.text,
        });
        let (path, line) = (self.path.clone(), line.to_string());
        let written = tokio::task::spawn_blocking(move || append(&path, &line)).await;
        match written {
            Ok(Ok(())) => Verdict::Sent { provider_id: None },
            Ok(Err(_)) | Err(_) => Verdict::Later {
                code: "outbox.not_written".to_owned(),
            },
        }
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}
