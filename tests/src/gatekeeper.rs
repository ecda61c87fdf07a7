//! A middlebox that reads what goes by: pushes with a certain word in them are answered with a 4xx of ours, everything
//! else reaches the server.

use crate::Failure;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a desk finds the server through the gate.
pub struct Gatekeeper {
    address: SocketAddr,
    refused: Arc<AtomicU64>,
}

impl Gatekeeper {
    /// Stands before a server and refuses pushes that hold `word`. It stands until the test's process ends.
    pub fn before_url(url: &str, word: &'static str) -> Result<Self, Failure> {
        let server: SocketAddr = url
            .trim_start_matches("http://")
            .parse()
            .map_err(Failure::at("read the server's address"))?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::at("listen"))?;
        let address = listener.local_addr().map_err(Failure::at("listen"))?;
        let refused = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&refused);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let count = Arc::clone(&count);
                // A connection that breaks is a matter between the two others.
                std::thread::spawn(move || drop(pass(client, server, word, &count)));
            }
        });
        Ok(Self { address, refused })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it said no.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

fn pass(
    client: TcpStream,
    server: SocketAddr,
    word: &str,
    refused: &AtomicU64,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let value = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let length = value("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0_u8; length];
    reader.read_exact(&mut body)?;
    let plain = match value("content-encoding").as_deref() {
        Some("zstd") => zstd::decode_all(body.as_slice())?,
        _ => body.clone(),
    };
    let is_push = head.starts_with("POST /v1/sync/push");
    if is_push && String::from_utf8_lossy(&plain).contains(word) {
        refused.fetch_add(1, Ordering::Relaxed);
        return refuse(&mut client);
    }
    let mut server = TcpStream::connect(server)?;
    let once = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    server.write_all(once.as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client).map(drop)
}

/// An answer as the server itself would give it.
fn refuse(client: &mut TcpStream) -> std::io::Result<()> {
    let body = br#"{"epoch":"01900000-0000-7000-8000-00000000e001","server_time":0,"request_id":"gate","code":"sync.bad_op","message":"not this one","retryable":false}"#;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        desk_protocol::CONTENT_TYPE,
        body.len()
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body)
}
