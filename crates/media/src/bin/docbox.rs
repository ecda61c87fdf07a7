//! The box as a program of its own, for tests and developers' tools: the same child as in the
//! desk, plus self-tests that run inside the cage and report what it lets through.

use std::io::ErrorKind;
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, ExitCode};
use std::time::Duration;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("docbox") {
        return ExitCode::from(64);
    }
    let code = desk_media::docbox_main_with_probes(probe);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

fn probe(which: u8) -> Vec<u8> {
    match which {
        0 => report().into_bytes(),
        1 => {
            std::thread::sleep(Duration::from_hours(1));
            Vec::new()
        }
        2 => hog(),
        3 => std::process::abort(),
        4 => vec![b'x'; 1024 * 1024],
        5 => std::env::vars()
            .map(|(key, _)| key + "\n")
            .collect::<String>()
            .into_bytes(),
        _ => Vec::new(),
    }
}

/// One line for each thing that must not be possible: its name and how it ended.
fn report() -> String {
    let refused = |what: &str, result: Result<(), std::io::Error>| match result {
        Ok(()) => format!("{what} allowed\n"),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => format!("{what} refused\n"),
        Err(error) => format!("{what} {:?}\n", error.kind()),
    };
    let temp = std::env::temp_dir().join("desk-docbox-probe");
    [
        refused("read", std::fs::read("/etc/hostname").map(drop)),
        refused("write", std::fs::write(temp, b"x")),
        refused("list", std::fs::read_dir("/").map(drop)),
        refused("tcp", TcpStream::connect("127.0.0.1:9").map(drop)),
        refused("udp", UdpSocket::bind("127.0.0.1:0").map(drop)),
        refused("spawn", Command::new("/bin/true").status().map(drop)),
        refused("thread", std::thread::Builder::new().spawn(|| ()).map(drop)),
    ]
    .concat()
}

/// Takes memory until there is none: 64 GiB, touched.
fn hog() -> Vec<u8> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..1024 {
        held.push(vec![1_u8; 64 * 1024 * 1024]);
    }
    held.into_iter().flatten().take(1).collect()
}
