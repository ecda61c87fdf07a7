//! A scripted server on loopback: it says what the test tells it to, whole or torn.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Longest that a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

pub enum Say {
    Whole {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Promises `promised` bytes and hangs up after these.
    Torn { promised: usize, body: Vec<u8> },
    /// Never answers; the connection stays open.
    Nothing,
}

pub const OURS: &str = "application/vnd.unbind-desk+json";

pub fn ours(status: u16, json: &str) -> Say {
    Say::Whole {
        status,
        headers: vec![("content-type", OURS.to_owned())],
        body: json.as_bytes().to_vec(),
    }
}

pub struct Server {
    pub url: String,
    pub heard: Receiver<Heard>,
}

impl Server {
    pub fn start(script: impl Fn(&Heard) -> Say + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    pub fn on(listener: TcpListener, script: impl Fn(&Heard) -> Say + Send + 'static) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                kept.extend(serve(stream, &script, &sender));
            }
        });
        Self { url, heard }
    }

    /// The next request whose target begins like this; others pass.
    pub fn wait_for(&self, start: &str) -> Heard {
        loop {
            let heard = self
                .heard
                .recv_timeout(PATIENCE)
                .expect("the request never came");
            if heard.target.starts_with(start) {
                return heard;
            }
        }
    }
}

/// One exchange per connection. A connection that is to stay open is given back.
fn serve(
    stream: TcpStream,
    script: &impl Fn(&Heard) -> Say,
    sender: &Sender<Heard>,
) -> Option<TcpStream> {
    let heard = read(&stream)?;
    let say = script(&heard);
    let _ = sender.send(heard);
    let mut stream = stream;
    match say {
        Say::Whole {
            status,
            headers,
            body,
        } => {
            let mut head = format!(
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.extend([name, ": ", &value, "\r\n"]);
            }
            let _ = stream.write_all(format!("{head}\r\n").as_bytes());
            let _ = stream.write_all(&body);
            None
        }
        Say::Torn { promised, body } => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {OURS}\r\ncontent-length: {promised}\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
            None
        }
        Say::Nothing => Some(stream),
    }
}

fn read(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut heard = Heard {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    let length = heard
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    heard.body = vec![0; length];
    reader.read_exact(&mut heard.body).ok()?;
    Some(heard)
}
