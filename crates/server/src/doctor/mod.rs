//! `doctor`: is everything here as an office needs it, and if not, what is to be done? It looks at the same places as
//! the server, beside a running one or before the first start, and changes nothing.

mod database;
mod place;

use crate::bundles::BundleKeys;
use crate::config::ServerConfig;
use crate::connector::Connector;
use crate::gateway::GatewayKind;
use crate::objects::{Location, Objects};
use desk_domain::ids::OfficeCode;
use serde::Serialize;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a server on this machine may take to let us in.
const KNOCK: Duration = Duration::from_secs(2);

/// How something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Right,
    /// It works, and somebody should look at it.
    Look,
    /// It does not work, or it puts data at risk.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    pub part: &'static str,
    pub state: State,
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    fn right(part: &'static str, what: impl Into<String>) -> Self {
        Self {
            part,
            state: State::Right,
            what: what.into(),
            todo: None,
        }
    }
    fn look(part: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            state: State::Look,
            todo: Some(todo.into()),
            ..Self::right(part, what)
        }
    }
    fn wrong(part: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            state: State::Wrong,
            todo: Some(todo.into()),
            ..Self::right(part, what)
        }
    }
    /// Two lines for a person: how it stands, and what to do.
    pub fn lines(&self) -> String {
        let mark = match self.state {
            State::Right => "ok   ",
            State::Look => "look ",
            State::Wrong => "WRONG",
        };
        let mut text = format!("{mark} {}: {}", self.part, self.what);
        if let Some(todo) = &self.todo {
            text.extend(["\n      -> ", todo]);
        }
        text
    }
}

/// Looks at everything, in the order in which a mistake is best mended.
pub fn look(config: &ServerConfig, backup_key: Option<&PathBuf>) -> Vec<Finding> {
    let mut found = place::data_directory(config);
    found.extend(database::look(config));
    found.push(object_store(config));
    found.extend(place::keys(&BundleKeys::places(&config.data_dir)));
    found.push(place::backup_key(config, backup_key));
    found.push(gateway(config.gateway));
    found.push(connector(config));
    found.push(address(config.listen));
    found
}

/// A few bytes go there and back, as a document would.
fn object_store(config: &ServerConfig) -> Finding {
    const PART: &str = "object store";
    let place = match &config.objects {
        Location::Folder => "the data directory".to_owned(),
        Location::Bucket(bucket) => format!("{bucket:?}"),
    };
    if matches!(config.objects, Location::Folder) && !config.data_dir.join("objects").is_dir() {
        let todo = "nothing, before the first start; later: restore from a backup";
        return Finding::look(PART, "there is no folder of documents", todo);
    }
    let mut name = [0_u8; 12];
    config.chance.fill(&mut name);
    let name = format!("doctor-{}", hex::encode(name));
    let tried = Objects::open(
        &config.data_dir,
        &config.objects,
        Arc::clone(&config.chance),
    )
    .and_then(|objects| objects.try_out(&name, name.as_bytes()));
    match tried {
        Ok(()) => Finding::right(PART, format!("{place}: written, read and deleted")),
        Err(error) => Finding::wrong(
            PART,
            format!("{place}: {error}"),
            "free disk space, or mend address, key and rights (read, write, delete, list)",
        ),
    }
}

fn gateway(kind: GatewayKind) -> Finding {
    if kind == GatewayKind::None {
        let todo = "name the one that `serve` is started with: --gateway";
        return Finding::look("messages", "no gateway: one-time codes are refused", todo);
    }
    Finding::right("messages", format!("gateway {kind:?}").to_lowercase())
}

/// Nothing is sent: the core system is asked for by a real case alone.
fn connector(config: &ServerConfig) -> Finding {
    const PART: &str = "connector";
    match Connector::open(config.connector, &config.execution) {
        Ok(None) => Finding::right(PART, "none: operators execute every approved case"),
        Ok(Some(open)) if open.scope.offices.is_empty() => Finding::look(
            PART,
            "it takes no case: no office is named",
            "name them under offices in --connector-config",
        ),
        Ok(Some(open)) => {
            let offices: Vec<_> = open.scope.offices.iter().map(OfficeCode::as_str).collect();
            Finding::right(PART, format!("executes for {}", offices.join(", ")))
        }
        Err(error) => Finding::wrong(
            PART,
            error.to_string(),
            "mend the setting that is named; the server does not start with it",
        ),
    }
}

/// Who can reach it, and whether it is served.
fn address(listen: SocketAddr) -> Finding {
    const PART: &str = "address";
    let served = if TcpStream::connect_timeout(&listen, KNOCK).is_ok() {
        "somebody listens there"
    } else {
        "nobody listens there now"
    };
    if listen.ip().is_loopback() {
        let what =
            format!("{listen}, this machine alone; {served}; others come through a TLS proxy");
        return Finding::right(PART, what);
    }
    Finding::look(
        PART,
        format!("{listen} speaks plain HTTP to the network; {served}"),
        "listen on 127.0.0.1 behind a TLS proxy, or let a firewall admit the balancer alone",
    )
}
