//! A PostgreSQL of the tests' own: a fresh cluster in a temporary folder on a free port of loopback, ended by its pid.

use crate::Failure;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// PostgreSQL does not run as root; its package brings this user.
const USER: &str = "postgres";

/// A running server. Dropping it ends it.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Cluster {
    /// Makes a cluster and starts it.
    pub fn start() -> Result<Self, Failure> {
        let folder = room()?;
        let data = folder.path().join("data");
        run(program("initdb")?.arg("-D").arg(&data).args([
            "-U",
            "desk",
            "-A",
            "trust",
            "--no-locale",
            "-E",
            "UTF8",
        ]))?;
        let port = free_port()?;
        let settings = [
            "listen_addresses = '127.0.0.1'",
            "unix_socket_directories = ''",
            "max_connections = 400",
            "wal_level = replica",
            "max_wal_senders = 4",
            "hot_standby = on",
        ]
        .join("\n");
        append(&data.join("postgresql.conf"), &settings)?;
        append(
            &data.join("pg_hba.conf"),
            "host replication all 127.0.0.1/32 trust",
        )?;
        let mut cluster = Self {
            folder,
            port,
            process: None,
        };
        cluster.begin()?;
        Ok(cluster)
    }

    /// A streaming standby of this one.
    pub fn standby(&self) -> Result<Self, Failure> {
        let folder = room()?;
        let data = folder.path().join("data");
        run(program("pg_basebackup")?
            .args(["-h", "127.0.0.1", "-U", "desk", "-X", "stream", "-R"])
            .args(["-p", &self.port.to_string(), "-c", "fast", "-D"])
            .arg(&data))?;
        let mut standby = Self {
            folder,
            port: free_port()?,
            process: None,
        };
        standby.begin()?;
        Ok(standby)
    }

    /// The standby takes over.
    pub fn promote(&self) -> Result<(), Failure> {
        run(program("pg_ctl")?
            .args(["promote", "-w", "-D"])
            .arg(self.data()))
    }

    /// From now on a commit waits until a standby has it as well.
    pub fn wait_for_standby(&self) -> Result<(), Failure> {
        append(
            &self.data().join("postgresql.conf"),
            "synchronous_standby_names = '*'",
        )?;
        run(program("pg_ctl")?.arg("reload").arg("-D").arg(self.data()))
    }

    /// Where it is, by a name of a database that is always there.
    pub fn url(&self) -> String {
        format!("postgres://desk@127.0.0.1:{}/postgres", self.port)
    }

    /// Host and port alone.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process that everything of it runs below; none while it is ended.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Transactions a second that `clients` make of a script, each of them `each` times: PostgreSQL's own measure.
    pub fn pgbench(&self, script: &str, clients: u64, each: u32) -> Result<f64, Failure> {
        let mut command = program("pgbench")?;
        command
            .args(["-h", "127.0.0.1", "-U", "desk", "-p"])
            .arg(self.port.to_string())
            .args(["-n", "-M", "prepared", "-f", "-", "-j", "2", "-c"])
            .arg(clients.to_string())
            .args(["-t", &each.to_string(), "postgres"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().map_err(Failure::at("start pgbench"))?;
        if let Some(mut stdin) = process.stdin.take() {
            stdin
                .write_all(script.as_bytes())
                .map_err(Failure::at("tell pgbench"))?;
        }
        let output = process
            .wait_with_output()
            .map_err(Failure::at("wait for pgbench"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|line| line.split_whitespace().next())
            .and_then(|number| number.parse().ok());
        match rate {
            Some(rate) if output.status.success() => Ok(rate),
            _ => Err(Failure::new(format!(
                "pgbench: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            ))),
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut process) = self.process.take() {
            process.kill().map_err(Failure::at("kill PostgreSQL"))?;
            process.wait().map_err(Failure::at("wait for PostgreSQL"))?;
        }
        Ok(())
    }

    /// Starts it again after [`Cluster::kill`].
    pub fn begin(&mut self) -> Result<(), Failure> {
        let log = fs::File::create(self.folder.path().join("log"))
            .map_err(Failure::at("make PostgreSQL's log"))?;
        let process = program("postgres")?
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Failure::at("start PostgreSQL"))?;
        self.process = Some(process);
        let ready = program("pg_isready")?;
        self.until_ready(ready)
    }

    /// Stops it, keeps a copy of all it holds, and starts it again: what a backup by PostgreSQL's own tools has.
    pub fn keep(&mut self) -> Result<(), Failure> {
        self.kill()?;
        copy(&self.data(), &self.kept())?;
        self.begin()
    }

    /// Puts the kept copy in place of what it holds, and starts it again.
    pub fn put_back(&mut self) -> Result<(), Failure> {
        self.kill()?;
        let lost = self.folder.path().join("lost");
        fs::rename(self.data(), lost).map_err(Failure::at("move PostgreSQL's files"))?;
        copy(&self.kept(), &self.data())?;
        self.begin()
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept")
    }

    fn until_ready(&mut self, mut ready: Command) -> Result<(), Failure> {
        ready
            .args(["-q", "-h", "127.0.0.1", "-U", "desk", "-p"])
            .arg(self.port.to_string());
        let begun = now();
        loop {
            if ready
                .status()
                .map_err(Failure::at("ask PostgreSQL"))?
                .success()
            {
                return Ok(());
            }
            let ended = self.process.as_mut().map(Child::try_wait);
            if begun.elapsed() > PATIENCE || matches!(ended, Some(Ok(Some(_)))) {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(Failure::new(format!("PostgreSQL did not start: {log}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing in it is needed any more.
        let _ = self.kill();
    }
}

/// A folder that PostgreSQL's user may write to.
fn room() -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
    if is_root() {
        run(Command::new("chown").arg(USER).arg(folder.path()))?;
    }
    Ok(folder)
}

fn append(file: &Path, text: &str) -> Result<(), Failure> {
    let before = fs::read_to_string(file).map_err(Failure::at("read a setting file"))?;
    fs::write(file, format!("{before}\n{text}\n")).map_err(Failure::at("write a setting file"))
}

/// With owners and rights, which PostgreSQL insists on.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    run(Command::new("cp").arg("-a").arg(from).arg(to))
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::at("find a port"))?;
    let address = listener.local_addr().map_err(Failure::at("find a port"))?;
    Ok(address.port())
}

/// One of PostgreSQL's programs, as its own user where we are root.
fn program(name: &str) -> Result<Command, Failure> {
    let path = find(name).ok_or_else(|| {
        Failure::new(format!(
            "{name} is not here: cargo xtask setup installs PostgreSQL"
        ))
    })?;
    if !is_root() {
        return Ok(Command::new(path));
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            USER,
            "--regid",
            USER,
            "--init-groups",
            "--no-new-privs",
        ])
        .arg(path)
        .current_dir("/");
    Ok(command)
}

/// Debian keeps them in a folder for each version, outside the PATH.
fn find(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let mut folders: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    folders.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::at(&shown))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{shown}: {said}")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program starts in real time"
)]
fn now() -> Instant {
    Instant::now()
}
