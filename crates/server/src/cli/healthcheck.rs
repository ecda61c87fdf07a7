//! `healthcheck`: one plain GET, for a container that has no other program in it.

use super::say;
use crate::error::ServerError;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A server that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of the answer is not looked at.
const MOST_BYTES: u64 = 64 * 1024;

pub fn run(url: &str) -> Result<(), ServerError> {
    let rest = url.strip_prefix("http://");
    let rest = rest.ok_or_else(|| wrong("--url wants http://host:port/path"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, "readyz"));
    let answer = ask(host, path).map_err(|error| ServerError::Io("healthcheck", error))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    say(&format!("{status} {}", body.trim()))?;
    if status == "200" {
        Ok(())
    } else {
        Err(wrong("the server is not ready"))
    }
}

fn wrong(why: &str) -> ServerError {
    ServerError::Usage(why.to_owned())
}

fn ask(host: &str, path: &str) -> io::Result<String> {
    let address = host.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.take(MOST_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
