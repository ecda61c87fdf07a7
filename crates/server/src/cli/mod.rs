//! The command line: serving, and the admin's words.

mod admin;
mod audit;
mod backup;
mod bundles;
mod cti;
mod devices;
mod doctor;
mod epoch;
mod executions;
mod healthcheck;
mod invitations;
mod oidc;
mod people;
mod policy;
mod registry;
mod safeguards;
mod serve;
mod sms;
mod webhook;
mod who;

use crate::config::ServerConfig;
use crate::connector::ConnectorKind;
use crate::demo;
use crate::error::ServerError;
use crate::gateway::GatewayKind;
use crate::objects::Location;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Where the file about the identity provider is named.
const OIDC_CONFIG: &str = "UNBIND_DESK_OIDC_CONFIG";

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
struct Site {
    /// Holds the database, and the documents unless they are kept elsewhere.
    #[arg(long, env = "UNBIND_DESK_DATA", default_value = "unbind-desk-data")]
    data: PathBuf,
    /// Keep documents in a bucket that speaks S3, as s3://bucket/prefix; key, region and endpoint from AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL.
    #[arg(long, env = "UNBIND_DESK_OBJECTS")]
    objects: Option<String>,
    /// Keep everything else in a PostgreSQL that several servers share, as postgres://user:password@host/database;
    /// without it in a file of the data directory.
    #[arg(long, env = "UNBIND_DESK_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The authority that signed the PostgreSQL's certificate (PEM), when it is not one of this machine's.
    #[arg(long, env = "UNBIND_DESK_DATABASE_CA")]
    database_ca: Option<PathBuf>,
}

/// Who executes approved cases.
#[derive(Args)]
struct ConnectorArgs {
    /// Who executes approved cases: operators by hand, or the server for the offices that --connector-config names.
    #[arg(long, env = "UNBIND_DESK_CONNECTOR", value_enum, default_value_t)]
    connector: ConnectorKind,
    /// What the connector needs to know (TOML); its key from UNBIND_DESK_CONNECTOR_KEY_ID and
    /// UNBIND_DESK_CONNECTOR_SECRET.
    #[arg(long, env = "UNBIND_DESK_CONNECTOR_CONFIG")]
    connector_config: Option<PathBuf>,
}

impl Site {
    /// A command that looks at an office does not make one.
    fn must_hold_an_office(&self) -> Result<(), ServerError> {
        if self.database.is_some() || self.data.join("office.db").is_file() {
            return Ok(());
        }
        let folder = self.data.display();
        Err(ServerError::Usage(format!(
            "{folder} holds no office: name its data directory with --data"
        )))
    }

    fn config(self) -> Result<ServerConfig, ServerError> {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(text);
        let objects = Location::parse(self.objects.as_deref(), environment)?;
        Ok(ServerConfig {
            objects,
            database: self.database,
            database_ca: self.database_ca,
            ..ServerConfig::new(self.data)
        })
    }
}

#[derive(Subcommand)]
enum Command {
    /// Serve desks until told to stop.
    Serve {
        #[command(flatten)]
        data: Site,
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// Tell metrics (/metrics, /livez, /readyz, /version) here, as 127.0.0.1:9464; nowhere without it. Nobody is asked who
        /// he is: not for the outside.
        #[arg(long, env = "UNBIND_DESK_ADMIN_LISTEN")]
        admin_listen: Option<SocketAddr>,
        /// An enrolled device is active at once.
        #[arg(long)]
        auto_approve: bool,
        /// How messages reach the merchant's phone; `log` writes them to outbox.jsonl in the data directory.
        #[arg(long, env = "UNBIND_DESK_GATEWAY", value_enum, default_value_t)]
        gateway: GatewayKind,
        /// Under which address the merchants' phones find this server, as https://host; upload links by text message
        /// need it.
        #[arg(long, env = "UNBIND_DESK_PUBLIC_URL", value_parser = public_url)]
        public_url: Option<String>,
        /// What the gateway needs to know (TOML); its key from UNBIND_DESK_SMS_KEY_ID and UNBIND_DESK_SMS_SECRET.
        #[arg(long, env = "UNBIND_DESK_SMS_CONFIG")]
        sms_config: Option<PathBuf>,
        #[command(flatten)]
        connector: ConnectorArgs,
        /// The identity provider by which people may sign in (TOML); its secret, if it gives one, from
        /// UNBIND_DESK_OIDC_SECRET.
        #[arg(long, env = OIDC_CONFIG)]
        oidc_config: Option<PathBuf>,
        /// Webhooks may also go to private networks over https, and to this machine over plain http. For tests, and where
        /// the receiving system stands beside the server.
        #[arg(long, env = webhook::ALLOW_PRIVATE)]
        webhooks_allow_private: bool,
    },
    /// Look at everything that the server needs, say what is right and what is to be done; fails when something is wrong.
    Doctor {
        #[command(flatten)]
        data: Site,
        /// Where `serve` listens.
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// What `serve` sends codes by.
        #[arg(long, value_enum, default_value_t)]
        gateway: GatewayKind,
        #[command(flatten)]
        connector: ConnectorArgs,
        /// The key file of the backups.
        #[arg(long)]
        backup_key: Option<PathBuf>,
        /// One line of JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Ask a running server whether it is ready; fails when it is not. For containers and balancers.
    Healthcheck {
        #[arg(long, default_value = "http://127.0.0.1:8787/readyz")]
        url: String,
    },
    /// The life that the database is in.
    #[command(subcommand)]
    Epoch(EpochCommand),
    /// Offices.
    #[command(subcommand)]
    Office(admin::OfficeCommand),
    /// People.
    #[command(subcommand)]
    User(people::UserCommand),
    /// Desks.
    #[command(subcommand)]
    Device(devices::DeviceCommand),
    /// Show or change what is asked of people beyond a password.
    Safeguards(safeguards::SafeguardArgs),
    /// What an action needs, what risk weighs, what the clocks promise.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The register of merchants.
    #[command(subcommand)]
    Registry(registry::RegistryCommand),
    /// Is everything as it was written?
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Sealed copies of the data directory.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Bundles that come from desks by hand.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Executions by the connector.
    #[command(subcommand)]
    Execution(executions::ExecutionCommand),
    /// Messages to merchants.
    #[command(subcommand)]
    Sms(sms::SmsCommand),
    /// Systems outside that hear of cases.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Telephone systems that tell of calls.
    #[command(subcommand)]
    Cti(cti::CtiCommand),
    /// Fill a data directory with visibly fake offices, people, merchants and cases.
    Demo {
        #[command(flatten)]
        data: Site,
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
enum EpochCommand {
    /// Begin a new life, after PostgreSQL (or the disk) was put back to an earlier state by other tools than `backup restore`:
    /// desks notice and send again what the database lacks. Stop every server first.
    Renew {
        #[command(flatten)]
        data: Site,
        /// Everybody has to sign in again, and desks take the server's word anew: say that you mean it.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check each chain of ops up to its head and every byte of every document; names the first that is wrong.
    Verify {
        #[command(flatten)]
        data: Site,
    },
}

#[derive(Subcommand)]
enum BackupCommand {
    /// Make a key file for backups; keep copies of it elsewhere, without it no backup opens.
    Key { file: PathBuf },
    /// Copy everything, beside a running server, into one sealed file; read it back; tell desks what is safe now.
    Create {
        #[command(flatten)]
        data: Site,
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
        data: Site,
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
enum BundleCommand {
    /// Take bundles in and write a return bundle for each desk.
    Import {
        #[command(flatten)]
        data: Site,
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where return bundles go; beside the first file by default.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show whom desks seal for, and what they know our bundles by.
    Keys {
        #[command(flatten)]
        data: Site,
    },
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
            admin_listen,
            auto_approve,
            gateway,
            public_url,
            sms_config,
            connector,
            oidc_config,
            webhooks_allow_private,
        } => serve::serve(ServerConfig {
            listen,
            admin_listen,
            auto_approve,
            gateway,
            public_url,
            sms: sms::settings(sms_config.as_deref())?,
            execution: executions::settings(&connector)?,
            connector: connector.connector,
            oidc: oidc::settings(oidc_config.as_deref())?,
            webhooks: webhook::settings(webhooks_allow_private),
            ..data.config()?
        }),
        Command::Doctor {
            data,
            listen,
            gateway,
            connector,
            backup_key,
            json,
        } => {
            let config = ServerConfig {
                listen,
                gateway,
                execution: executions::settings(&connector)?,
                connector: connector.connector,
                ..data.config()?
            };
            doctor::run(&config, backup_key.as_ref(), json)
        }
        Command::Healthcheck { url } => healthcheck::run(&url),
        Command::Epoch(command) => epoch::run(command),
        Command::Office(command) => admin::office(command),
        Command::User(command) => people::user(command),
        Command::Device(command) => devices::device(command),
        Command::Safeguards(args) => safeguards::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Registry(command) => registry::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Backup(command) => backup::run(command),
        Command::Bundle(command) => bundles::bundle(command),
        Command::Execution(command) => executions::run(command),
        Command::Sms(command) => sms::run(command),
        Command::Webhook(command) => webhook::run(command),
        Command::Cti(command) => cti::run(command),
        Command::Demo { data, cases, seed } => {
            let made = demo::fill(&data.config()?, cases, seed)?;
            say(&made.to_string())
        }
        Command::Docbox => Ok(()),
    }
}

/// Scheme, host and port of a web address.
fn public_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text.trim()).map_err(|error| error.to_string())?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() || !plain {
        return Err("write it as https://host, without a path".to_owned());
    }
    Ok(url.origin().ascii_serialization())
}

/// One line on stdout.
fn say(line: &str) -> Result<(), ServerError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| ServerError::Io("stdout", error))
}
