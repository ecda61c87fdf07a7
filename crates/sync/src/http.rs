//! The network door: the only place that builds a client and opens a connection.
//!
//! rustls only, TLS ≥ 1.2, no redirects, bounded bodies and times; plain http only to this very machine.

use crate::error::SyncError;
use crate::machine::port::{LinkError, Reply};
use crate::wire::{Body, Call, MAX_REPLY_BYTES, Method, Raw, decode};
use desk_protocol::{CONTENT_TYPE, HEADER_PROTOCOL, PROTOCOL};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_RANGE, HeaderMap, HeaderName,
    RANGE, RETRY_AFTER,
};
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use std::error::Error;
use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;
use tokio::time::timeout;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longest pause within an answer. A slow answer is no failure: a page that takes minutes at 50 kbit/s still arrives.
const PAUSES_AT_MOST: Duration = Duration::from_secs(30);
/// However steadily it comes, an answer ends.
const ENDS_WITHIN: Duration = Duration::from_mins(30);
/// An idle connection is asked for a sign of life this often.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// A line that takes nothing for so long is dead, even if the request may wait longer for its answer. Long, because the
/// kernel also counts a full window: something between us and the server that passes on 2 KB/s opens its window only
/// every half a minute, and one that is slower yet is still no dead line.
const DEAD_AFTER: Duration = Duration::from_mins(5);
const OCTETS: &str = "application/octet-stream";

/// Where the server is and whom to trust.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetConfig {
    pub base_url: String,
    /// The organisation's own authority, beside those of the machine.
    pub ca_pem: Option<Vec<u8>>,
    /// Plain http beyond this machine: for closed networks, by decision of the organisation.
    pub allow_plain_http: bool,
}

/// One client for one server.
#[derive(Clone, Debug)]
pub struct Door {
    client: Client,
    base: Url,
}

impl Door {
    /// Opens the door. Nothing is sent yet.
    pub fn open(config: &NetConfig) -> Result<Self, SyncError> {
        install_provider();
        let base = Url::parse(&config.base_url).map_err(|_| SyncError::BadAddress)?;
        let here = is_this_machine(&base);
        match base.scheme() {
            "https" => {}
            "http" if here || config.allow_plain_http => {}
            "http" => return Err(SyncError::PlainHttp),
            _ => return Err(SyncError::BadAddress),
        }
        if base.host_str().is_none() || base.query().is_some() || base.fragment().is_some() {
            return Err(SyncError::BadAddress);
        }
        let client = build(&base, here, config.ca_pem.as_deref())?;
        Ok(Self { client, base })
    }

    /// One exchange. An error means that no answer came; whatever came is a [`Reply`].
    pub async fn call(&self, call: Call, token: Option<&str>) -> Result<Reply, LinkError> {
        let expect = call.expect;
        let raw = self.exchange(call, token).await?;
        Ok(decode(expect, raw))
    }

    /// One exchange, not yet understood.
    pub async fn exchange(&self, call: Call, token: Option<&str>) -> Result<Raw, LinkError> {
        let begins_within = Duration::from_millis(call.timeout_ms);
        let request = self.request(call, token)?;
        let response = timeout(begins_within, request.send())
            .await
            .map_err(|_| LinkError::Timeout)?
            .map_err(|error| why(&error))?;
        timeout(ENDS_WITHIN, read(response))
            .await
            .map_err(|_| LinkError::Timeout)?
    }

    fn request(&self, call: Call, token: Option<&str>) -> Result<RequestBuilder, LinkError> {
        let mut url = self.base.clone();
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), call.path);
        url.set_path(&path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = match call.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Put => self.client.put(url),
        };
        request = request
            .header(HEADER_PROTOCOL, PROTOCOL)
            .header(ACCEPT, CONTENT_TYPE)
            .header(ACCEPT_ENCODING, "zstd");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((from, to)) = call.range {
            let last = to.checked_sub(1).ok_or(LinkError::Local)?;
            request = request.header(RANGE, format!("bytes={from}-{last}"));
        }
        let kind = reqwest::header::CONTENT_TYPE;
        Ok(match call.body {
            Body::None => request,
            Body::Json {
                bytes,
                packed: false,
            } => request.header(kind, CONTENT_TYPE).body(bytes),
            Body::Json {
                bytes,
                packed: true,
            } => request
                .header(kind, CONTENT_TYPE)
                .header(CONTENT_ENCODING, "zstd")
                .body(bytes),
            Body::Octets(bytes) => request.header(kind, OCTETS).body(bytes),
        })
    }
}

/// One crypto provider for the process; a second call finds it there.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Err means that another room's TLS was first with a provider: that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[expect(clippy::disallowed_methods, reason = "this is the network door")]
fn build(base: &Url, here: bool, ca_pem: Option<&[u8]>) -> Result<Client, SyncError> {
    let mut builder = Client::builder()
        .user_agent(concat!("unbind-desk/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .tcp_keepalive(KEEPALIVE)
        .pool_max_idle_per_host(4)
        .tls_version_min(reqwest::tls::Version::TLS_1_2);
    #[cfg(target_os = "linux")]
    {
        builder = builder.tcp_user_timeout(DEAD_AFTER);
    }
    if here {
        builder = builder.no_proxy(); // a proxy cannot reach this machine's own loopback
    }
    if base.scheme() == "http" {
        // No TLS will happen: do not ask the machine for authorities that it may not have.
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = ca_pem {
        let own = Certificate::from_pem_bundle(pem).map_err(|_| SyncError::BadCertificate)?;
        if own.is_empty() {
            return Err(SyncError::BadCertificate);
        }
        builder = builder.tls_certs_merge(own);
    }
    builder.build().map_err(|_| SyncError::NoNetworkLayer)
}

/// True for what a browser may be sent to: an address of the web over TLS, or of this very machine. A server's word is
/// no reason to open files or to start programs.
pub(crate) fn may_be_opened(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| match url.scheme() {
        "https" => url.has_host(),
        "http" => is_this_machine(&url),
        _ => false,
    })
}

fn is_this_machine(url: &Url) -> bool {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

async fn read(mut response: Response) -> Result<Raw, LinkError> {
    let headers = response.headers();
    let mut raw = Raw {
        status: response.status().as_u16(),
        content_type: text(headers, &reqwest::header::CONTENT_TYPE).unwrap_or_default(),
        content_encoding: text(headers, &CONTENT_ENCODING).unwrap_or_default(),
        retry_after: text(headers, &RETRY_AFTER),
        content_range: text(headers, &CONTENT_RANGE),
        body: Vec::new(),
    };
    loop {
        let part = timeout(PAUSES_AT_MOST, response.chunk()).await;
        let part = part
            .map_err(|_| LinkError::Timeout)?
            .map_err(|error| why(&error))?;
        let Some(part) = part else { return Ok(raw) };
        if raw.body.len() + part.len() > MAX_REPLY_BYTES {
            return Err(LinkError::TooLarge);
        }
        raw.body.extend_from_slice(&part);
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// Why no answer came, as far as the layers below say.
fn why(error: &reqwest::Error) -> LinkError {
    if error.is_timeout() {
        return LinkError::Timeout;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(layer) = cause {
        if layer.is::<rustls::Error>() {
            return LinkError::Tls;
        }
        if let Some(io) = layer.downcast_ref::<std::io::Error>() {
            if let Some(found) = why_io(io) {
                return found;
            }
            let inner: Option<&(dyn Error + Send + Sync)> = io.get_ref();
            if inner.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>) {
                return LinkError::Tls;
            }
        }
        if layer.to_string().contains("dns error") {
            return LinkError::Dns;
        }
        cause = layer.source();
    }
    if error.is_connect() {
        LinkError::Refused
    } else {
        LinkError::Cut
    }
}

fn why_io(io: &std::io::Error) -> Option<LinkError> {
    use std::io::ErrorKind as Kind;
    let kinds = [
        (
            LinkError::Refused,
            [
                Kind::ConnectionRefused,
                Kind::HostUnreachable,
                Kind::NetworkUnreachable,
                Kind::NetworkDown,
            ],
        ),
        (
            LinkError::Cut,
            [
                Kind::ConnectionReset,
                Kind::ConnectionAborted,
                Kind::BrokenPipe,
                Kind::UnexpectedEof,
            ],
        ),
        (LinkError::Timeout, [Kind::TimedOut; 4]),
    ];
    kinds
        .into_iter()
        .find(|(_, kinds)| kinds.contains(&io.kind()))
        .map(|(why, _)| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base_url: &str) -> NetConfig {
        NetConfig {
            base_url: base_url.to_owned(),
            ..NetConfig::default()
        }
    }

    #[test]
    fn an_address_that_is_not_one_is_refused_before_anything_is_sent() {
        for bad in [
            "",
            "desk",
            "ftp://example.test/",
            "file:///etc/hosts",
            "https://example.test/?a=1",
            "http://",
        ] {
            assert_eq!(
                Door::open(&at(bad)).map(|_| ()),
                Err(SyncError::BadAddress),
                "{bad}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only_unless_the_organisation_says_so() {
        for far in [
            "http://example.test/",
            "http://10.0.0.7:8080",
            "http://127.0.0.1.example.test/",
        ] {
            assert_eq!(
                Door::open(&at(far)).map(|_| ()),
                Err(SyncError::PlainHttp),
                "{far}"
            );
            let allowed = NetConfig {
                allow_plain_http: true,
                ..at(far)
            };
            assert!(Door::open(&allowed).is_ok(), "{far}");
        }
        for near in [
            "http://127.0.0.1:9",
            "http://127.9.8.7:9/",
            "http://localhost:9",
            "http://[::1]:9",
        ] {
            assert!(Door::open(&at(near)).is_ok(), "{near}");
        }
    }

    #[test]
    fn only_the_web_is_opened_in_a_browser() {
        for bad in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ms-settings:",
            "http://example.test/",
            "--help",
            "",
        ] {
            assert!(!may_be_opened(bad), "{bad}");
        }
        for good in ["https://id.example.test/x?y=z", "http://127.0.0.1:9/x"] {
            assert!(may_be_opened(good), "{good}");
        }
    }

    #[test]
    fn a_certificate_that_is_none_is_refused() {
        let config = NetConfig {
            ca_pem: Some(b"not a certificate".to_vec()),
            ..at("https://example.test")
        };
        assert_eq!(
            Door::open(&config).map(|_| ()),
            Err(SyncError::BadCertificate)
        );
    }
}
