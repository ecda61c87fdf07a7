//! What a server is started with.

use crate::door::{SystemChance, SystemClock};
use crate::gateway::GatewayKind;
use desk_domain::time::{Chance, Clock};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that may differ between two servers; time and chance are among it so that tests choose them.
#[derive(Clone)]
pub struct ServerConfig {
    /// Holds the database and the documents.
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// An enrolled device is active at once; for a demo or an office of one.
    pub auto_approve: bool,
    /// How one-time codes reach the merchant's phone.
    pub gateway: GatewayKind,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

impl ServerConfig {
    /// Loopback on a free port, machine time and chance, an admin approves devices.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            auto_approve: false,
            gateway: GatewayKind::None,
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
        }
    }
}
