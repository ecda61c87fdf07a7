//! One office with two desks, used for many cycles: its history grows while it is killed again and again.

use crate::desk::{ask, desk_at};
use crate::script::{MERCHANTS, merchant_no, serial};
use desk_app::KdfCost;
use desk_app::vault::Vault;
use desk_domain::ids::{DeviceId, OfficeCode};
use desk_domain::op::ChainHash;
use desk_store::DbKey;
use desk_tests::Failure;
use desk_tests::case_script::register_row;
use desk_tests::desk::PASSPHRASE;
use desk_tests::office::{BRANCH, Office, password};
use desk_tests::programs::in_memory;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Cycles that one house lives through.
pub const CYCLES: u64 = 100;
pub const DESKS: usize = 2;

/// One op of a desk's journal, as the harness saw it last.
pub struct Written {
    pub seq: u64,
    pub op_id: String,
    pub bytes: String,
    pub hash: ChainHash,
}

/// One desk's files, and what is known about them from earlier cycles.
pub struct Place {
    pub profile: PathBuf,
    pub order: PathBuf,
    pub key: DbKey,
    pub device: DeviceId,
    pub journal: Vec<Written>,
    /// Ops of this desk that were found at the server.
    pub served: u64,
    /// Confirmed on screen, not yet found in the journal.
    pub promises: Vec<Vec<String>>,
    /// Own documents that were found whole on both sides.
    pub whole_documents: usize,
}

/// The house.
pub struct House {
    folder: TempDir,
    pub office: Office,
    pub server_order: PathBuf,
    pub scope: OfficeCode,
    pub desks: Vec<Place>,
}

impl House {
    /// Builds a house: demo people, a register, two enrolled desks. The server does not run afterwards.
    pub fn found() -> Result<Self, Failure> {
        // kill -9 keeps what the kernel has taken: the disk itself is the simulator's part (ADR 11).
        let folder = in_memory()?;
        let data = folder.path().join("server");
        std::fs::create_dir(&data).map_err(Failure::at("make a house"))?;
        let mut office = Office::open(&data, 1)?;
        let register = folder.path().join("register.json");
        std::fs::write(&register, register_rows().to_string())
            .map_err(Failure::at("write the register"))?;
        office.admin(&["registry", "import", &register.display().to_string()])?;
        let desks = (0..DESKS)
            .map(|place| enrol(folder.path(), &office, place))
            .collect::<Result<Vec<_>, _>>()?;
        let server_order = folder.path().join("server.order");
        office.set_environment(desk_failpoint::VARIABLE, &server_order);
        office.set_environment("UNBIND_DESK_LOG", "error");
        office.stop();
        Ok(Self {
            folder,
            office,
            server_order,
            scope: OfficeCode::parse(BRANCH).ok_or_else(|| Failure::new("office code"))?,
            desks,
        })
    }

    /// A folder for copies that are looked at.
    pub fn scratch(&self) -> PathBuf {
        self.folder.path().join("look")
    }

    /// The house stays on disk for a look.
    pub fn keep(mut self) -> PathBuf {
        self.office.stop();
        self.folder.keep()
    }
}

fn enrol(folder: &Path, office: &Office, place: usize) -> Result<Place, Failure> {
    let login = format!("agent{}", place + 1);
    let profile = folder.join(&login);
    let desk = desk_at(&profile)?;
    let arguments = json!({
        "server_url": office.url(), "enrol_code": office.enrol_code(BRANCH)?, "login": login,
        "password": password(&login), "passphrase": PASSPHRASE,
    });
    ask(&desk, "setup_server", arguments)?;
    desk.close();
    let vault = Vault::find(&profile.join("desk"), KdfCost::for_tests())
        .map_err(Failure::at("find the vault"))?
        .ok_or_else(|| Failure::new("no vault"))?;
    let (_, key) = vault
        .unlock(None, PASSPHRASE, 0)
        .map_err(Failure::at("open the vault"))?;
    Ok(Place {
        order: folder.join(format!("{login}.order")),
        key: DbKey::from_bytes(*key.bytes()),
        device: vault.device(),
        profile,
        journal: Vec::new(),
        served: 0,
        promises: Vec::new(),
        whole_documents: 0,
    })
}

/// The script's merchant, many times, each with a terminal of its own.
fn register_rows() -> Value {
    let rows = (0..MERCHANTS * 2).map(|number| {
        let mut row = register_row(BRANCH)[0].take();
        row["id"] = Value::from(format!("01900000-0000-7000-8000-0000000c{number:04}"));
        row["merchant_no"] = Value::from(merchant_no(number));
        row["terminals"][0]["serial"] = Value::from(serial(number));
        row
    });
    Value::Array(rows.collect())
}
