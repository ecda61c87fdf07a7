//! Where a PostgreSQL is, and how far what is said to it can be trusted on the way.

use super::{Link, SqlError};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A server that does not answer in this time is gone.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A connection that is silent for so long while an answer is waited for is dead.
const DEAD_AFTER: Duration = Duration::from_secs(15);

/// Where a PostgreSQL is and how it is spoken to.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`; the settings of libpq's address are understood.
    ///
    /// # Errors
    /// What is wrong with it. The address itself holds a password and is not repeated.
    pub fn parse(url: &str, ca_pem: Option<&[u8]>) -> Result<Self, String> {
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(
                "it begins with postgres://, as in postgres://user@host/database".to_owned(),
            );
        }
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            why.unwrap_or_else(|| "it is not an address of PostgreSQL".to_owned())
        })?;
        if config.get_dbname().is_none() {
            return Err("it names no database: postgres://user@host/database".to_owned());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        if config.get_application_name().is_none() {
            config.application_name("unbind-desk-server");
        }
        config
            .keepalives_idle(DEAD_AFTER)
            .tcp_user_timeout(DEAD_AFTER);
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(trust(ca_pem)?),
        })
    }

    /// True when what is said to it cannot be read on the way: TLS is insisted on, or it never leaves this machine.
    pub fn is_private(&self) -> bool {
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => {
                let ip: Option<IpAddr> = name.parse().ok();
                name == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        self.config.get_ssl_mode() == SslMode::Require
            || self.config.get_hosts().iter().all(is_here)
    }

    /// Opens a connection.
    pub fn open(&self) -> Result<Link, SqlError> {
        Link::open(self)
    }

    /// Opens what a [`Link`] speaks over; drives it on `runtime`.
    pub(super) fn connect(&self, runtime: &Runtime) -> Result<(Client, JoinHandle<()>), SqlError> {
        let (client, connection) = runtime.block_on(self.config.connect(self.tls.clone()))?;
        // How it ends is told by the client, whose next statement fails.
        let talk = runtime.spawn(async { drop(connection.await) });
        Ok((client, talk))
    }
}

/// The authorities of the machine, or the organisation's own.
fn trust(ca_pem: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_pem {
        Some(mut pem) => {
            for certificate in rustls_pemfile::certs(&mut pem) {
                let certificate = certificate.map_err(|error| error.to_string())?;
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
        }
        None => {
            let (_, _) =
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for (url, why) in [
            ("mysql://a:geheim@b/c", "postgres://"),
            ("host=b password=geheim", "postgres://"),
            ("postgres://a:geheim@127.0.0.1:x/c", "port"),
            ("postgres://a:geheim@127.0.0.1", "names no database"),
        ] {
            let Err(said) = Address::parse(url, None) else {
                panic!("{url} was taken");
            };
            assert!(said.contains(why), "{said}");
            assert!(!said.contains("geheim"), "{said}");
        }
    }
}
