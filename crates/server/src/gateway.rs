//! How words reach a merchant's phone. `Log` appends them to a file in the data directory, for a demonstration or an
//! office that reads them out itself; without a gateway no code is sent.

use crate::error::ServerError;
use clap::ValueEnum;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where messages go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum GatewayKind {
    /// Nowhere: one-time codes are refused with a reason.
    #[default]
    None,
    /// `outbox.jsonl` in the data directory.
    Log,
}

/// An open gateway.
pub struct Gateway {
    outbox: Option<PathBuf>,
}

impl Gateway {
    pub fn open(kind: GatewayKind, data_dir: &Path) -> Self {
        let outbox = match kind {
            GatewayKind::None => None,
            GatewayKind::Log => Some(data_dir.join("outbox.jsonl")),
        };
        Self { outbox }
    }

    /// Messages can be sent at all.
    pub fn is_open(&self) -> bool {
        self.outbox.is_some()
    }

    /// Sends one message; returns once it is on disk.
    pub fn send(&self, phone: &str, text: &str) -> Result<(), ServerError> {
        let Some(path) = &self.outbox else {
            return Err(ServerError::Usage("no gateway".to_owned()));
        };
        append(path, &json!({ "phone": phone, "text": text }).to_string())
            .map_err(|error| ServerError::Io("message outbox", error))
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{line}")?;
    file.sync_data()
}
