//! The server's way out to providers of messages, to the core system and to the identity provider: the only place in this room that builds a client.
//!
//! rustls only, TLS ≥ 1.2, no redirects (a signed request goes where it was meant to go or nowhere), bounded bodies and
//! times; plain http only to this very machine.

use crate::door::install_provider;
use crate::repo::outbox::Verdict;
use reqwest::{Client, RequestBuilder, Response, Url};
use std::net::IpAddr;
use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Shorter than a server waits for its end, and much shorter than a lease.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// One client for one address.
#[derive(Clone)]
pub struct Line {
    client: Client,
    url: Url,
    within: Duration,
}

/// What a provider answered.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// No connection came to be: the provider has heard nothing.
    Unheard,
    /// It was sent; whether it was heard is not known.
    Unanswered,
}

impl Line {
    /// Opens it; nothing is sent yet.
    ///
    /// # Errors
    /// In words, without the address: it may hold a secret.
    pub fn open(address: &str) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|_| "the address is not a URL".to_owned())?;
        let here = is_this_machine(&url);
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err("the address must begin with https://".to_owned()),
        }
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err("the address holds a name, a password or a fragment".to_owned());
        }
        let client = build(&url, here).ok_or_else(|| "no network layer".to_owned())?;
        Ok(Self {
            client,
            url,
            within: ANSWER_WITHIN,
        })
    }

    /// The same line with less patience, or more.
    #[must_use]
    pub fn patient(self, within: Option<Duration>) -> Self {
        Self {
            within: within.unwrap_or(self.within),
            ..self
        }
    }

    /// Host, and port unless it is the usual one: what the signatures are taken over.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// One POST. `query` is put behind the address as it stands.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(
        &self,
        query: Option<&str>,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Answer, Lost> {
        let mut url = self.url.clone();
        if query.is_some() {
            url.set_query(query);
        }
        let request = self.client.post(url).body(body);
        self.send(request, headers).await
    }

    /// One GET of what stands below the address under that name.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&self, below: &str, headers: &[(&str, String)]) -> Result<Answer, Lost> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(below);
        }
        self.send(self.client.get(url), headers).await
    }

    /// One GET of the address as it stands.
    ///
    /// # Errors
    /// No answer came.
    pub async fn fetch(&self, headers: &[(&str, String)]) -> Result<Answer, Lost> {
        self.send(self.client.get(self.url.clone()), headers).await
    }

    async fn send(
        &self,
        request: RequestBuilder,
        headers: &[(&str, String)],
    ) -> Result<Answer, Lost> {
        let mut request = request.timeout(self.within);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Lost::Unheard
            } else {
                Lost::Unanswered
            }
        })?;
        read(response).await
    }
}

impl Answer {
    /// What an answer means that is not in the provider's own words.
    pub fn verdict(&self) -> Verdict {
        let code = format!("http.{}", self.status);
        match self.status {
            429 | 503 => Verdict::Later { code },
            // 2xx without the agreed words, or a fault behind their door.
            200..=299 | 500..=599 => Verdict::Unknown { code },
            _ => Verdict::Refused { code },
        }
    }
}

impl Lost {
    /// What no answer means.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Unheard => Verdict::Later {
                code: "provider.unreachable".to_owned(),
            },
            Self::Unanswered => Verdict::Unknown {
                code: "provider.no_answer".to_owned(),
            },
        }
    }
}

async fn read(mut response: Response) -> Result<Answer, Lost> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        let part = response.chunk().await.map_err(|_| Lost::Unanswered)?;
        let Some(part) = part else {
            return Ok(Answer { status, body });
        };
        if body.len().saturating_add(part.len()) > MAX_ANSWER_BYTES {
            return Err(Lost::Unanswered);
        }
        body.extend_from_slice(&part);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the network door")]
fn build(url: &Url, here: bool) -> Option<Client> {
    install_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("unbind-desk-server/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .tls_version_min(reqwest::tls::Version::TLS_1_2);
    if here {
        builder = builder.no_proxy(); // a proxy cannot reach this machine's own loopback
    }
    if url.scheme() == "http" {
        // No TLS will happen: do not ask the machine for authorities that it may not have.
        builder = builder.tls_certs_only([]);
    }
    builder.build().ok()
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_goes_over_tls_or_stays_on_this_machine() {
        for bad in [
            "",
            "sms",
            "ftp://example.test/",
            "http://example.test/",
            "http://127.0.0.1.example.test/",
            "https://user:pass@example.test/",
            "https://example.test/#x",
        ] {
            assert!(Line::open(bad).is_err(), "{bad}");
        }
        for good in [
            "http://127.0.0.1:9/send",
            "http://[::1]:9",
            "http://localhost:9",
        ] {
            assert!(Line::open(good).is_ok(), "{good}");
        }
        let host = Line::open("http://127.0.0.1:9/send").map(|line| line.host());
        assert_eq!(host.as_deref(), Ok("127.0.0.1:9"));
    }
}
