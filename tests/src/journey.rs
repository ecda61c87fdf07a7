//! One case in real windows: an agent takes the call, a reviewer decides, an operator executes, the agent tells and
//! closes. Each person has a desk of his own with its own encrypted file.

mod people;
mod proof;

use crate::office::{BRANCH, Office};
use crate::papers::draw_papers;
use crate::{Failure, case_script};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Headquarters of the demo data.
pub const HEADQUARTERS: &str = "HQ000";

/// What a journey works on.
pub struct Journey {
    /// Screenshots and the summary.
    pub out: PathBuf,
    /// Profiles, server data and papers.
    pub folder: PathBuf,
    pub office: Office,
}

impl Journey {
    /// A fresh office with the script's merchant in its register and the papers drawn.
    pub fn prepare(out: &Path) -> Result<Self, Failure> {
        let folder = out.join("data");
        if out.is_dir() {
            std::fs::remove_dir_all(out).map_err(Failure::at("clear the last run"))?;
        }
        std::fs::create_dir_all(folder.join("server"))
            .map_err(Failure::at("make the run's folder"))?;
        let office = Office::open(&folder.join("server"), 12)?;
        case_script::import_merchant(&office, BRANCH, &folder)?;
        draw_papers(&folder.join("papers"))?;
        Ok(Self {
            out: out.to_owned(),
            folder,
            office,
        })
    }

    /// Where a person's desk keeps its file.
    pub fn profile(&self, login: &str) -> PathBuf {
        self.folder.join(login)
    }

    /// The whole case; writes `summary.json` and fails if any proof fails.
    pub async fn run(&self, started: Instant) -> Result<(), Failure> {
        let case = people::agent_collects(self).await?;
        people::reviewer_decides(self, &case).await?;
        people::operator_executes(self, &case).await?;
        people::agent_tells(self, &case).await?;
        proof::write(self, &case, started)
    }
}
