//! The way out to endpoints: the only place in this room that builds a client.
//!
//! A name is resolved here, every address of it is checked ([`super::address`]), and the connection goes to one of the
//! checked ones: there is no second look-up that could answer otherwise. rustls only, TLS ≥ 1.2, no redirects, no proxy
//! (it would resolve names by itself), bounded times, nothing of an answer's body is read.

use super::address::{self, BadAddress, Reach};
use crate::door::install_provider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use std::error::Error;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Long enough for a slow endpoint, and much shorter than a lease.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// The door; one for all endpoints.
pub struct Door {
    reach: Reach,
    within: Duration,
    /// Built when first needed: a machine without authorities of its own serves, and says so when it must send.
    secure: OnceLock<Option<Client>>,
    plain: OnceLock<Option<Client>>,
}

/// What an endpoint said. Its body is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    /// How long it asks to be left alone.
    pub wait_s: Option<u32>,
}

/// Why there is no answer; each is a class for the log, without the address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The address is refused, or its name leads to one that is.
    Refused,
    /// No client: this machine knows no authorities.
    NoClient,
    NoName,
    Tls,
    Connect,
    Timeout,
    NoAnswer,
}

impl Lost {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "address.refused",
            Self::NoClient => "tls.no_authorities",
            Self::NoName => "dns.failed",
            Self::Tls => "tls.failed",
            Self::Connect => "connect.failed",
            Self::Timeout => "timeout",
            Self::NoAnswer => "no_answer",
        }
    }
}

impl Door {
    /// Opens it; nothing is sent yet.
    pub fn new(reach: Reach, within: Option<Duration>) -> Self {
        Self {
            reach,
            within: within.unwrap_or(ANSWER_WITHIN),
            secure: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    /// One POST; the head of the answer.
    ///
    /// # Errors
    /// No answer came, or it must not go there.
    pub async fn post(
        &self,
        to: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Answer, Lost> {
        let url = address::parse(to, self.reach).map_err(|_| Lost::Refused)?;
        let client = self.client(&url).ok_or(Lost::NoClient)?;
        let mut request = client.post(url).timeout(self.within).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(|error| lost(&error))?;
        Ok(Answer {
            status: response.status().as_u16(),
            wait_s: response.headers().get(RETRY_AFTER).and_then(seconds),
        })
    }

    fn client(&self, url: &Url) -> Option<&Client> {
        let (kept, reach) = if url.scheme() == "http" {
            (&self.plain, Reach::Loopback)
        } else {
            (&self.secure, self.reach)
        };
        kept.get_or_init(|| build(reach)).as_ref()
    }
}

/// Whole seconds; a date would be read by a clock that is not ours, and is left alone.
fn seconds(value: &HeaderValue) -> Option<u32> {
    let text = value.to_str().ok()?.trim();
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn lost(error: &reqwest::Error) -> Lost {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<BadAddress>() {
            return Lost::Refused;
        }
        if one.is::<Unresolved>() {
            return Lost::NoName;
        }
        let inner = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if one.is::<rustls::Error>()
            || inner.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
        {
            return Lost::Tls;
        }
        cause = one.source();
    }
    if error.is_timeout() {
        Lost::Timeout
    } else if error.is_connect() {
        Lost::Connect
    } else {
        Lost::NoAnswer
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a network door")]
fn build(reach: Reach) -> Option<Client> {
    install_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("unbind-desk-server/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_WITHIN)
        // Each attempt resolves and checks anew.
        .pool_max_idle_per_host(0)
        .dns_resolver(Guarded(reach))
        .tls_version_min(reqwest::tls::Version::TLS_1_2);
    if reach == Reach::Loopback {
        // No TLS will happen: do not ask the machine for authorities that it may not have.
        builder = builder.tls_certs_only([]);
    } else {
        builder = builder.https_only(true);
    }
    builder.build().ok()
}

/// Resolves as the machine does, and lets through what may be reached.
struct Guarded(Reach);

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name is not resolved")]
struct Unresolved(#[source] io::Error);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0));
            let found = found.await.map_err(Unresolved)?;
            let fit: Addrs = Box::new(address::checked(found, reach)?.into_iter());
            Ok(fit)
        })
    }
}
