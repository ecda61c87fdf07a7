//! The command line: serving, and the admin's words.

mod admin;
mod backup;
mod serve;

use crate::config::ServerConfig;
use crate::demo;
use crate::error::ServerError;
use crate::gateway::GatewayKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(
    name = "unbind-desk-server",
    version,
    about = "The office's server of Unbind Desk"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone)]
struct Data {
    /// Holds the database and the documents.
    #[arg(long, env = "UNBIND_DESK_DATA", default_value = "unbind-desk-data")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Serve desks until told to stop.
    Serve {
        #[command(flatten)]
        data: Data,
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// An enrolled device is active at once.
        #[arg(long)]
        auto_approve: bool,
        /// How one-time codes reach the merchant's phone; `log` writes them to outbox.jsonl in the data directory.
        #[arg(long, value_enum, default_value_t)]
        gateway: GatewayKind,
    },
    /// Offices.
    #[command(subcommand)]
    Office(OfficeCommand),
    /// People.
    #[command(subcommand)]
    User(UserCommand),
    /// Desks.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// The register of merchants.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Sealed copies of the data directory.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Fill a data directory with visibly fake offices, people, merchants and cases.
    Demo {
        #[command(flatten)]
        data: Data,
        #[arg(long, default_value_t = 60)]
        cases: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Internal: decodes one document on stdin in a process of its own.
    #[command(hide = true)]
    Docbox,
}

#[derive(Subcommand)]
enum OfficeCommand {
    /// Add an office, or rename it.
    Add {
        #[command(flatten)]
        data: Data,
        /// Five characters 0-9A-Z.
        code: String,
        name: String,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a user; the password is read from stdin.
    Add {
        #[command(flatten)]
        data: Data,
        login: String,
        /// The name that colleagues see.
        #[arg(long)]
        name: String,
        #[arg(long = "role", required = true)]
        roles: Vec<RoleArg>,
        #[arg(long = "office", required = true)]
        offices: Vec<String>,
        /// Outsourced users collect; they never decide or execute.
        #[arg(long)]
        outsourced: bool,
        /// Login of another account of the same human being.
        #[arg(long)]
        same_person_as: Option<String>,
    },
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Set a password; it is read from stdin.
    Password {
        #[command(flatten)]
        data: Data,
        login: String,
    },
    /// Let somebody in no more.
    Revoke {
        #[command(flatten)]
        data: Data,
        login: String,
    },
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Make a one-time code for a new desk of an office.
    Code {
        #[command(flatten)]
        data: Data,
        office: String,
    },
    List {
        #[command(flatten)]
        data: Data,
    },
    Approve {
        #[command(flatten)]
        data: Data,
        device: String,
    },
    Revoke {
        #[command(flatten)]
        data: Data,
        device: String,
    },
    /// What headquarters should know: desks that were cloned or restored, and the like; newest first.
    Events {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Subcommand)]
enum BackupCommand {
    /// Make a key file for backups; keep copies of it elsewhere, without it no backup opens.
    Key { file: PathBuf },
    /// Copy everything, beside a running server, into one sealed file; read it back; tell desks what is safe now.
    Create {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        secret: SecretFile,
        file: PathBuf,
    },
    /// Read a whole backup and check everything in it.
    Verify {
        #[command(flatten)]
        secret: SecretFile,
        file: PathBuf,
        /// Also note in this data directory what is safe.
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Unpack a backup into a data directory that does not exist yet. It begins a new life: desks send again what the
    /// backup lacks.
    Restore {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        secret: SecretFile,
        file: PathBuf,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct SecretFile {
    /// 64 hexadecimal characters, as `backup key` writes them.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The first line is a passphrase of at least 16 characters.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum RegistryCommand {
    /// Import merchants from a JSON array.
    Import {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleArg {
    Agent,
    Clerk,
    Reviewer,
    Operator,
    Supervisor,
    Admin,
    Auditor,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Docbox) {
        return u8::try_from(desk_media::docbox_main()).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    let filter =
        EnvFilter::try_from_env("UNBIND_DESK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "stopped");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), ServerError> {
    match command {
        Command::Serve {
            data,
            listen,
            auto_approve,
            gateway,
        } => serve::serve(ServerConfig {
            listen,
            auto_approve,
            gateway,
            ..ServerConfig::new(data.data)
        }),
        Command::Office(command) => admin::office(command),
        Command::User(command) => admin::user(command),
        Command::Device(command) => admin::device(command),
        Command::Registry(command) => admin::registry(command),
        Command::Backup(command) => backup::run(command),
        Command::Demo { data, cases, seed } => {
            let made = demo::fill(&ServerConfig::new(data.data), cases, seed)?;
            say(&made.to_string())
        }
        Command::Docbox => Ok(()),
    }
}

/// One line on stdout.
fn say(line: &str) -> Result<(), ServerError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| ServerError::Io("stdout", error))
}
