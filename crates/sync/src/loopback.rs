//! Where the system's browser comes back to after a sign-in at the identity provider (RFC 8252, 7.3): a port of this
//! machine that nobody chose, open for one answer and no longer than a person waits.

use crate::error::SyncError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk_domain::time::Chance;
use reqwest::Url;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// The path that the server names to the provider.
const PATH: &str = "/signed-in";
/// Longest request head that is read; a provider's code may be long.
const HEAD_BYTES: usize = 16 * 1024;
/// A connection that says nothing is left alone.
const SAYS_WITHIN: Duration = Duration::from_secs(2);
/// How often is looked whether a browser has come.
const LOOK: Duration = Duration::from_millis(50);
const VERIFIER_BYTES: usize = 32;

const DONE: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>解绑台</title>\
    <p>可以关闭此页，回到解绑台。</p><p lang=\"en\">You may close this page and go back to the desk.</p></html>";
const NOT_DONE: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>解绑台</title>\
    <p>没有登录。请回到解绑台再试。</p><p lang=\"en\">Not signed in. Go back to the desk and try again.</p></html>";

/// The secret half of RFC 7636; it leaves this machine only with the code that belongs to it.
pub struct Verifier(String);

impl Verifier {
    /// A new one.
    pub fn random(chance: &dyn Chance) -> Self {
        let mut bytes = [0_u8; VERIFIER_BYTES];
        chance.fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What may be seen before.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The port, listening.
pub struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// What one connection brought.
enum Came {
    Code(String),
    Denied,
    /// Something else on this machine, or somebody else's answer.
    Nothing,
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1.
    pub fn open() -> Result<Self, SyncError> {
        let open = || -> io::Result<Self> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok(Self { listener, port })
        };
        open().map_err(|_| SyncError::NoNetworkLayer)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the browser to bring the code of that state, as long as it `goes_on`. What brings another state is turned
    /// away, and waited on: any page may knock at a port of this machine.
    pub fn wait(&self, state: &str, goes_on: &dyn Fn() -> bool) -> Result<String, SyncError> {
        while goes_on() {
            let Ok((stream, _)) = self.listener.accept() else {
                std::thread::sleep(LOOK);
                continue;
            };
            match self.hear(stream, state) {
                Ok(Came::Code(code)) => return Ok(code),
                Ok(Came::Denied) => return Err(SyncError::Denied),
                Ok(Came::Nothing) => {}
                Err(error) => tracing::debug!(%error, "a connection that said nothing"),
            }
        }
        Err(SyncError::NotFinished)
    }

    fn hear(&self, mut stream: TcpStream, state: &str) -> io::Result<Came> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(SAYS_WITHIN))?;
        stream.set_write_timeout(Some(SAYS_WITHIN))?;
        let head = head(&mut stream)?;
        let came = self.understand(&head, state).unwrap_or(Came::Nothing);
        let (status, page) = match came {
            Came::Code(_) => ("200 OK", DONE),
            Came::Denied => ("200 OK", NOT_DONE),
            Came::Nothing => ("404 Not Found", NOT_DONE),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{page}",
            page.len()
        )?;
        stream.flush()?;
        Ok(came)
    }

    /// None for anything but the browser's way back with our state.
    fn understand(&self, head: &str, state: &str) -> Option<Came> {
        let mut lines = head.lines();
        let target = lines
            .next()?
            .strip_prefix("GET ")?
            .strip_suffix(" HTTP/1.1")?;
        // A name that was pointed at this machine is not this machine.
        let ours = format!("127.0.0.1:{}", self.port);
        let named = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        })?;
        if named != ours || !target.starts_with('/') {
            return None;
        }
        let url = Url::parse(&format!("http://{ours}{target}")).ok()?;
        let one = |wanted: &str| {
            let mut found = url.query_pairs().filter(|(name, _)| name == wanted);
            let value = found.next().map(|(_, value)| value.into_owned());
            value.filter(|_| found.next().is_none())
        };
        if url.path() != PATH || one("state")? != state {
            return None;
        }
        match (one("code"), one("error")) {
            (Some(code), None) if !code.is_empty() => Some(Came::Code(code)),
            (None, Some(_)) => Some(Came::Denied),
            (Some(_) | None, _) => None,
        }
    }
}

fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut part = [0_u8; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 || head.len().saturating_add(read) > HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend(part.iter().take(read));
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Answers each knock in turn, then what the listener made of them.
    fn knocked(heads: &[&str]) -> Result<String, SyncError> {
        let loopback = Loopback::open().unwrap();
        let port = loopback.port();
        let heads: Vec<String> = heads
            .iter()
            .map(|head| head.replace("PORT", &port.to_string()))
            .collect();
        let browser = std::thread::spawn(move || {
            for head in heads {
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                stream.write_all(head.as_bytes()).unwrap();
                let mut said = String::new();
                drop(stream.read_to_string(&mut said));
                if said.starts_with("HTTP/1.1 200") {
                    return;
                }
            }
        });
        let looks = Cell::new(0);
        let came = loopback.wait("ours", &|| {
            looks.set(looks.get() + 1);
            looks.get() < 40
        });
        browser.join().unwrap();
        came
    }

    const GOOD: &str =
        "GET /signed-in?code=abc%2F1&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n";

    #[test]
    fn the_code_of_our_state_is_taken_and_nothing_else_is() {
        let others = [
            "GET /signed-in?code=x&state=theirs HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "GET /signed-in?code=x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "GET /signed-in?code=x&code=y&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "GET /signed-in?code=x&state=ours HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n",
            "GET /signed-in?code=x&state=ours HTTP/1.1\r\n\r\n",
            "GET /other?code=x&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "POST /signed-in?code=x&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "GET @evil/signed-in?code=x&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
            "\r\n\r\n",
        ];
        for other in others {
            assert_eq!(knocked(&[other, GOOD]), Ok("abc/1".to_owned()), "{other}");
        }
        assert_eq!(knocked(&others), Err(SyncError::NotFinished));
    }

    #[test]
    fn who_says_no_at_the_provider_is_not_waited_for() {
        let no = "GET /signed-in?error=access_denied&state=ours HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n";
        assert_eq!(knocked(&[no]), Err(SyncError::Denied));
    }
}
