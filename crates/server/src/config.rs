//! What a server is started with.

use crate::connector::ConnectorKind;
use crate::connector::settings::ConnectorSettings;
use crate::door::{SystemChance, SystemClock};
use crate::gateway::GatewayKind;
use crate::objects::Location;
use crate::oidc::settings::OidcSettings;
use crate::sms::settings::SmsSettings;
use crate::webhooks::WebhookSettings;
use desk_domain::time::{Chance, Clock};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A head has a kilobyte or two: the slowest line brings it in a second.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
const PAUSE_WITHIN: Duration = Duration::from_mins(1);

/// Everything that may differ between two servers; time and chance are among it so that tests choose them.
#[derive(Clone)]
pub struct ServerConfig {
    /// Holds the database, and the documents unless they are kept elsewhere.
    pub data_dir: PathBuf,
    /// Address of a PostgreSQL that several servers share; without one an SQLite file in the data directory.
    pub database: Option<String>,
    /// The authority that signed its certificate, when it is not one of the machine's (PEM).
    pub database_ca: Option<PathBuf>,
    /// Where documents are kept.
    pub objects: Location,
    pub listen: SocketAddr,
    /// Where metrics are told; nowhere without it.
    pub admin_listen: Option<SocketAddr>,
    /// How long the head of a request may take, and how long a connection may be silent before the next one.
    pub head_within: Duration,
    /// Longest pause within a body. A slow body is no failure: one chunk takes three minutes at 50 kbit/s.
    pub pause_within: Duration,
    /// An enrolled device is active at once; for a demo or an office of one.
    pub auto_approve: bool,
    /// How messages reach the merchant's phone, and what that gateway needs to know.
    pub gateway: GatewayKind,
    /// Under which address the merchants' phones find this server, `https://…` without a slash at the end.
    pub public_url: Option<String>,
    /// The program that opens files from outside; this one when none is named.
    pub docbox: Option<PathBuf>,
    pub sms: SmsSettings,
    /// Who executes approved cases, and what that connector needs to know.
    pub connector: ConnectorKind,
    pub execution: ConnectorSettings,
    /// The organisation's identity provider, if there is one.
    pub oidc: OidcSettings,
    /// How far webhooks go.
    pub webhooks: WebhookSettings,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

impl ServerConfig {
    /// Loopback on a free port, documents in the data directory, machine time and chance, an admin approves devices.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            database_ca: None,
            objects: Location::Folder,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_listen: None,
            head_within: HEAD_WITHIN,
            pause_within: PAUSE_WITHIN,
            auto_approve: false,
            gateway: GatewayKind::None,
            public_url: None,
            docbox: None,
            sms: SmsSettings::default(),
            connector: ConnectorKind::None,
            execution: ConnectorSettings::default(),
            oidc: OidcSettings::default(),
            webhooks: WebhookSettings::default(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
        }
    }
}
