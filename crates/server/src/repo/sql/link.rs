//! One connection to PostgreSQL: opens, opens again, and keeps its prepared statements.

use super::value::Value;
use super::{Purpose, ROLE, Scope, SqlError};
use postgres::config::{Host, SslMode};
use postgres::types::ToSql;
use postgres::{Client, Config, Row, Statement};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A server that does not answer in this time is gone.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A connection that is silent for so long while an answer is waited for is dead.
const DEAD_AFTER: Duration = Duration::from_secs(15);
/// Prepared statements that one connection keeps.
const KEPT: usize = 256;

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
        let mut config: Config = url.parse().map_err(|error: postgres::Error| {
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
        Ok(Link {
            client: Held(Some(self.connect()?)),
            address: self.clone(),
            kept: HashMap::new(),
        })
    }

    fn connect(&self) -> Result<Client, SqlError> {
        Ok(self.config.connect(self.tls.clone())?)
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

/// A connection and what it has prepared.
pub struct Link {
    client: Held,
    address: Address,
    kept: HashMap<String, Statement>,
}

/// A client says goodbye to its server when it is dropped, and blocks for it: on a thread of its own, since the last owner
/// may be a task of the runtime.
struct Held(Option<Client>);

impl Held {
    fn get(&mut self) -> Result<&mut Client, SqlError> {
        self.0.as_mut().ok_or(SqlError::Gone)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let client = self.0.take();
        // A goodbye that fails is as good: the server sees the connection end.
        let _ = std::thread::spawn(move || drop(client)).join();
    }
}

impl Link {
    /// The client itself, for the migrations.
    pub fn client(&mut self) -> Result<&mut Client, SqlError> {
        self.client.get()
    }

    pub(super) fn begin(&mut self, purpose: Purpose, scope: &Scope) -> Result<(), SqlError> {
        let begin = match purpose {
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // Several nodes judge against what each other writes: only this level makes their work one after the other.
            Purpose::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
        };
        let settings = scope.settings();
        let sql = format!("{begin}; SET LOCAL ROLE {ROLE}; {settings}");
        let client = self.client.get()?;
        if !client.is_closed() && client.batch_execute(&sql).is_ok() {
            return Ok(());
        }
        // It may have died in silence, or stand inside a transaction that failed: a new one is cheap.
        self.kept.clear();
        self.client = Held(Some(self.address.connect()?));
        Ok(self.client.get()?.batch_execute(&sql)?)
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), SqlError> {
        Ok(self.client.get()?.batch_execute(sql)?)
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(statement) = self.kept.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.get()?.prepare(&numbered(sql))?;
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<usize, SqlError> {
        let changed = self.client.get()?.execute(statement, &borrowed(values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    pub(super) fn query(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, SqlError> {
        Ok(self.client.get()?.query(statement, &borrowed(values))?)
    }
}

fn borrowed<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

/// `?1` as PostgreSQL writes it.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        let counts = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        text.push(if counts { '$' } else { letter });
    }
    text
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
