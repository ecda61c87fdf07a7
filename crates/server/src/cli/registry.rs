//! `registry`: the register from the acquirer's spreadsheets, its history, and the way back. Works beside a running
//! server.

use super::admin::office_code;
use super::{Site, say};
use crate::error::ServerError;
use crate::registry::diff::show_instant;
use crate::registry::{ImportOptions, Mode, Registry, RegistryError};
use crate::repo::{bindings, register, registry as runs};
use crate::run::House;
use clap::Subcommand;
use desk_domain::ident::TerminalSerial;
use desk_domain::registry::MerchantRecord;
use std::fs;
use std::path::{Path, PathBuf};

/// Most runs in one list.
const MOST_RUNS: usize = 1000;
/// Most bytes of a register in JSON.
const JSON_BYTES: u64 = 256 * 1024 * 1024;
/// First characters of a file's hash in the history.
const HASH_SHOWN: usize = 12;

#[derive(Subcommand)]
pub enum RegistryCommand {
    /// Import merchants and terminals from CSV or XLSX; all rows or none. A `.json` file holds whole records.
    Import {
        #[command(flatten)]
        data: Site,
        file: PathBuf,
        /// For rows that name no office.
        #[arg(long)]
        office: Option<String>,
        /// Of a workbook; the first one by default.
        #[arg(long)]
        sheet: Option<String>,
        /// Show what would change, write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Import the rows that are not refused.
        #[arg(long, conflicts_with = "dry_run")]
        accept_valid: bool,
        /// Where refused rows go, marked red, with reasons. It holds what the file held: keep it as safe.
        #[arg(long, value_name = "FILE.xlsx")]
        errors: Option<PathBuf>,
        /// Who imports, for the history.
        #[arg(long)]
        by: Option<String>,
    },
    /// List the runs, the newest first.
    History {
        #[command(flatten)]
        data: Site,
    },
    /// Show what a run changed; personal values are masked.
    Diff {
        #[command(flatten)]
        data: Site,
        run: u64,
    },
    /// Take a run back: what nobody changed since is as it was before.
    Rollback {
        #[command(flatten)]
        data: Site,
        run: u64,
        /// Who does it, for the history.
        #[arg(long)]
        by: Option<String>,
    },
    /// Show to whom a terminal was bound, and when.
    Serial {
        #[command(flatten)]
        data: Site,
        serial: String,
    },
}

pub fn run(command: RegistryCommand) -> Result<(), ServerError> {
    match command {
        RegistryCommand::Import {
            data,
            file,
            office,
            sheet,
            dry_run,
            accept_valid,
            errors,
            by,
        } => {
            if file.extension().is_some_and(|ending| ending == "json") {
                return import_json(data, &file);
            }
            let office = office.as_deref().map(office_code).transpose()?;
            let mode = match (dry_run, accept_valid) {
                (true, _) => Mode::DryRun,
                (false, true) => Mode::AcceptValid,
                (false, false) => Mode::AllOrNothing,
            };
            let run_by = by.unwrap_or_else(who);
            import(
                data,
                &ImportOptions {
                    file,
                    office,
                    sheet,
                    mode,
                    errors,
                    run_by,
                },
            )
        }
        RegistryCommand::History { data } => history(data),
        RegistryCommand::Diff { data, run } => {
            with_registry(data, |registry| registry.diff(run, &mut say))
        }
        RegistryCommand::Rollback { data, run, by } => with_registry(data, |registry| {
            let (undo, counts) =
                registry.rollback(run, &by.clone().unwrap_or_else(who), &mut say)?;
            tell(&format!(
                "run {undo} took run {run} back: merchants restored {} left {}",
                counts.merchants_changed, counts.left
            ))
        }),
        RegistryCommand::Serial { data, serial } => bindings_of(data, &serial),
    }
}

fn tell(line: &str) -> Result<(), RegistryError> {
    say(line).map_err(|error| RegistryError::Told(Box::new(error)))
}

fn with_registry(
    data: Site,
    work: impl FnOnce(&Registry<'_>) -> Result<(), RegistryError>,
) -> Result<(), ServerError> {
    let config = data.config()?;
    let house = House::open(&config)?;
    let registry = Registry::open(&house, &config.data_dir)?;
    Ok(work(&registry)?)
}

fn import(data: Site, options: &ImportOptions) -> Result<(), ServerError> {
    with_registry(data, |registry| {
        let (run, counts) = registry.import(options, &mut say)?;
        tell(&counts.to_string())?;
        match run {
            Some(run) => tell(&format!("run {run} done")),
            None => tell("dry run: nothing was written"),
        }
    })
}

/// Whole records, as another server of ours holds them: not checked, not remembered as a run.
fn import_json(data: Site, file: &Path) -> Result<(), ServerError> {
    let size = fs::metadata(file)
        .map_err(|error| ServerError::Io("register file", error))?
        .len();
    if size > JSON_BYTES {
        return Err(ServerError::Usage(
            "the register file is too large; split it".into(),
        ));
    }
    let text = fs::read_to_string(file).map_err(|error| ServerError::Io("register file", error))?;
    let records: Vec<MerchantRecord> = serde_json::from_str(&text)?;
    let count = House::open(&data.config()?)?
        .repo
        .write_blocking(move |conn| register::import(conn, &records))?;
    say(&format!("{count} merchants"))
}

fn history(data: Site) -> Result<(), ServerError> {
    let house = House::open(&data.config()?)?;
    let newest = house
        .repo
        .read_blocking(|conn| runs::newest(conn, MOST_RUNS))?;
    for run in newest {
        let what = match run.undoes {
            Some(undone) => format!("rollback of {undone}"),
            None => "import".to_owned(),
        };
        let hash: String = run.sha256.chars().take(HASH_SHOWN).collect();
        say(&format!(
            "{} {what} {} {} by {} {} sha256 {hash}: {}",
            run.run,
            run.state.as_str(),
            show_instant(run.started_at),
            run.run_by,
            run.file_name,
            run.counts
        ))?;
    }
    Ok(())
}

fn bindings_of(data: Site, serial: &str) -> Result<(), ServerError> {
    let serial = TerminalSerial::parse(serial)
        .map_err(|reject| ServerError::Usage(format!("not a serial: {reject}")))?
        .value;
    let house = House::open(&data.config()?)?;
    let found = house
        .repo
        .read_blocking(|conn| bindings::of_serial(conn, serial.as_str()))?;
    if found.is_empty() {
        return say(&format!("{serial} was never bound here"));
    }
    for binding in found {
        let run = |run: Option<u64>| run.map_or_else(String::new, |run| format!(" (run {run})"));
        let until = match binding.until_at {
            None => "now".to_owned(),
            // Records that came another way than by a run tell no end.
            Some(until) if until <= binding.from_at => "unknown".to_owned(),
            Some(until) => show_instant(until),
        };
        say(&format!(
            "{serial} {} {} from {}{} until {until}{}",
            binding.office,
            binding.merchant_no.as_deref().unwrap_or("-"),
            show_instant(binding.from_at),
            run(binding.run),
            run(binding.ended_run)
        ))?;
    }
    Ok(())
}

/// The user of this machine, as the system tells it.
fn who() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
