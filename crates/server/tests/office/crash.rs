//! The real binary, killed without warning.

use crate::support::{HERE, applied, office, office_on_file, outcomes};
use desk_server::repo::journal;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Process {
    child: Child,
    addr: SocketAddr,
}

impl Process {
    fn serve(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
            .args([
                "serve",
                "--auto-approve",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line
            .trim()
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap();
        Self { child, addr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone when the test has killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_push_whose_reply_was_lost_by_kill_9_is_answered_with_the_stored_outcomes() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let data = office.dir.path().to_owned();
    let (_dir, server) = office.into_parts();
    drop(server);
    let mut process = Process::serve(&data);
    desk.addr = process.addr;
    desk.clock.advance(1);
    assert_eq!(desk.sign_in_now("agent").status, 200);
    let (case, create) = desk.new_case();
    let note = desk.note(case, "断电之前");
    let batch = desk.chain(vec![create, note]);
    // Send, and kill as soon as the op is in the log: the reply may or may not have left.
    let body = desk.push_body(&batch);
    let socket = desk.send_and_leave("/v1/sync/push", body.as_bytes());
    wait_for_two_ops(&data);
    process.child.kill().unwrap();
    process.child.wait().unwrap();
    drop::<TcpStream>(socket);
    let process = Process::serve(&data);
    desk.addr = process.addr;
    let replayed = outcomes(&desk.push(&batch));
    assert!(replayed.len() == 2 && replayed.iter().all(applied));
    assert_eq!(replayed, outcomes(&desk.push(&batch)));
    drop(process);
    let config = desk_server::ServerConfig::new(&data);
    let house = desk_server::run::House::open(&config).unwrap();
    assert_eq!(house.repo.read_blocking(journal::count).unwrap(), (2, 2));
}

fn wait_for_two_ops(data: &Path) {
    let house = desk_server::run::House::open(&desk_server::ServerConfig::new(data)).unwrap();
    while house.repo.read_blocking(journal::count).unwrap() != (2, 2) {
        std::thread::yield_now();
    }
}

#[test]
fn two_servers_cannot_work_in_one_directory() {
    let office = office();
    let second = desk_server::Server::start(desk_server::ServerConfig::new(office.dir.path()));
    assert!(matches!(second, Err(desk_server::ServerError::InUse)));
}

#[test]
#[cfg(unix)]
fn sigterm_drains_and_ends_with_success() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::serve(dir.path());
    let ended = Command::new("kill")
        .arg(process.child.id().to_string())
        .status()
        .unwrap();
    assert!(ended.success());
    assert!(process.child.wait().unwrap().success());
}
