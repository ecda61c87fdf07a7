//! A demo office: a real server process on loopback with synthetic people, merchants and cases.

use crate::Failure;
use crate::balancer::Balancer;
use crate::programs::{Running, program};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// The branch of the demo data.
pub const BRANCH: &str = "HZ001";
/// How often the merchant looks at the phone, and how long between.
const CODE_LOOKS: u32 = 200;
const CODE_PAUSE: Duration = Duration::from_millis(50);
/// The password of a demo user; visibly not for use.
pub fn password(login: &str) -> String {
    format!("demo-{login}-请勿外用")
}

/// Its servers and their data: one on a data directory of its own, or several on what they share.
pub struct Office {
    data: PathBuf,
    url: String,
    nodes: Vec<Node>,
    balancer: Option<Balancer>,
    environment: Vec<(String, OsString)>,
    /// The newest code that was read from the phone.
    last_code: Mutex<String>,
    /// No file of a server grows beyond it.
    file_kib: Option<u32>,
}

/// One server.
struct Node {
    data: PathBuf,
    listen: String,
    server: Option<Running>,
}

impl Office {
    /// Fills `data` with the demo office and starts a server on a free port.
    pub fn open(data: &Path, cases: u32) -> Result<Self, Failure> {
        Self::open_at(data, cases, "127.0.0.1:0")
    }
    /// The same in a folder of its own, with room for desks beside it.
    pub fn open_fresh(cases: u32) -> Result<(TempDir, Self), Failure> {
        let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
        let data = folder.path().join("server");
        std::fs::create_dir(&data).map_err(Failure::at("make the server's folder"))?;
        let office = Self::open(&data, cases)?;
        Ok((folder, office))
    }
    /// The same on a named address; what an earlier run left in `data` is kept.
    pub fn open_at(data: &Path, cases: u32, listen: &str) -> Result<Self, Failure> {
        Self::open_with(data, cases, listen, Vec::new())
    }
    /// The same with what its environment names, such as another database.
    pub fn open_with(
        data: &Path,
        cases: u32,
        listen: &str,
        environment: Vec<(String, OsString)>,
    ) -> Result<Self, Failure> {
        let mut office = Self {
            data: data.to_owned(),
            url: String::new(),
            nodes: vec![Node::new(data, listen)],
            balancer: None,
            environment,
            last_code: Mutex::default(),
            file_kib: None,
        };
        if !data.join("office.db").is_file() {
            office.admin(&["demo", "--cases", &cases.to_string()])?;
        }
        office.start()?;
        Ok(office)
    }
    /// The demo office on what its environment names for all its servers, of which two stand behind one address.
    pub fn open_shared(
        data: &Path,
        cases: u32,
        environment: Vec<(String, OsString)>,
    ) -> Result<Self, Failure> {
        let balancer = Balancer::open()?;
        let mut office = Self {
            data: data.join("node-0"),
            url: balancer.url(),
            nodes: ["node-0", "node-1"]
                .map(|name| Node::new(&data.join(name), "127.0.0.1:0"))
                .into(),
            balancer: Some(balancer),
            environment,
            last_code: Mutex::default(),
            file_kib: None,
        };
        office.admin(&["demo", "--cases", &cases.to_string()])?;
        office.start()?;
        Ok(office)
    }
    /// Pulls the plug of one server of several, for good; an office with only one keeps it.
    pub fn lose_one(&mut self) -> Result<(), Failure> {
        if self.nodes.len() > 1 {
            self.nodes.pop();
            self.lead()?;
        }
        Ok(())
    }
    /// What the server's environment has beside ours, from its next start on.
    pub fn set_environment(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }
    /// From its next start on no file of the server grows beyond so many KiB: a disk that is full.
    pub fn limit_files(&mut self, kib: Option<u32>) {
        self.file_kib = kib;
    }
    /// The server runs; false once somebody, or it itself, has ended it.
    pub fn is_running(&mut self) -> bool {
        self.nodes.iter_mut().any(|node| {
            let server = node.server.as_mut();
            server.is_some_and(|server| matches!(server.child().try_wait(), Ok(None)))
        })
    }
    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }
    /// Where its database and objects are.
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// An enrolment code for one more desk of `office`.
    pub fn enrol_code(&self, office: &str) -> Result<String, Failure> {
        self.admin(&["device", "code", office])
    }
    /// Runs one administrative command on its data and returns the first line it prints.
    pub fn admin(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = Command::new(program("unbind-desk-server")?)
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .envs(self.environment.iter().cloned())
            .output();
        let output = output.map_err(Failure::at("run unbind-desk-server"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::new(format!(
                "unbind-desk-server {}: {said}",
                arguments.join(" ")
            )));
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(said.lines().next().unwrap_or_default().trim().to_owned())
    }
    /// Adds an agent of an office of their own, with the password that [`password`] tells.
    pub fn add_agent_elsewhere(&self, login: &str, branch: &str) -> Result<(), Failure> {
        self.admin(&["office", "add", branch, "另一网点（示例）"])?;
        let mut add = Command::new(program("unbind-desk-server")?);
        add.args([
            "user",
            "add",
            login,
            "--name",
            "坐席示例",
            "--role",
            "agent",
        ])
        .args(["--office", branch, "--data"])
        .arg(&self.data)
        .envs(self.environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
        let mut running = Running::start(&mut add)?;
        let mut stdin = running
            .child()
            .stdin
            .take()
            .ok_or_else(|| Failure::new("no way to say the password"))?;
        writeln!(stdin, "{}", password(login)).map_err(Failure::at("say the password"))?;
        drop(stdin);
        let ended = running.child().wait().map_err(Failure::at("add a user"))?;
        if ended.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("user add {login}: {ended}")))
        }
    }
    /// The next one-time code that comes to the merchant's phone, as the merchant would read it there. The server sends
    /// it a moment after it has answered.
    pub fn code_on_the_phone(&self) -> Result<String, Failure> {
        for _ in 0..CODE_LOOKS {
            if let Some(code) = self.unread_code()? {
                return Ok(code);
            }
            std::thread::sleep(CODE_PAUSE);
        }
        Err(Failure::new("no code came to the phone"))
    }
    /// Any server may have sent it; messages are numbered in their order.
    fn unread_code(&self) -> Result<Option<String>, Failure> {
        let mut last = self
            .last_code
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut newest = None;
        for node in &self.nodes {
            let written = std::fs::read_to_string(node.data.join("outbox.jsonl"));
            for line in written.unwrap_or_default().split_inclusive('\n') {
                if !line.ends_with('\n') {
                    continue; // still being written
                }
                let message: serde_json::Value =
                    serde_json::from_str(line).map_err(Failure::at("read the message"))?;
                let id = message["id"].as_str().unwrap_or_default().to_owned();
                if message["template"] == "one_time_code" && id > *last {
                    last.clone_from(&id);
                    newest = Some(message["text"].as_str().unwrap_or_default().to_owned());
                }
            }
        }
        let code = |text: String| {
            text.split(|c: char| !c.is_ascii_digit())
                .find(|run| run.len() == 6)
                .map(str::to_owned)
        };
        Ok(newest.and_then(code))
    }
    /// Pulls the plug: kill -9.
    pub fn stop(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.server = None);
    }
    /// Starts again on the same address.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.start()
    }

    fn start(&mut self) -> Result<(), Failure> {
        for node in &mut self.nodes {
            let url = node.start(&self.environment, self.file_kib)?;
            if self.balancer.is_none() {
                self.url = url;
            }
        }
        self.lead()
    }

    fn lead(&self) -> Result<(), Failure> {
        let Some(balancer) = &self.balancer else {
            return Ok(());
        };
        let servers = self.nodes.iter().map(|node| node.listen.parse());
        let servers = servers.collect::<Result<_, _>>();
        balancer.lead_to(servers.map_err(Failure::at("read a server's address"))?);
        Ok(())
    }
}

impl Node {
    fn new(data: &Path, listen: &str) -> Self {
        Self {
            data: data.to_owned(),
            listen: listen.to_owned(),
            server: None,
        }
    }

    /// Starts it, and keeps its address for the next time.
    fn start(
        &mut self,
        environment: &[(String, OsString)],
        file_kib: Option<u32>,
    ) -> Result<String, Failure> {
        let mut serve = within(&program("unbind-desk-server")?, file_kib);
        serve
            .args(["serve", "--auto-approve", "--gateway", "log", "--listen"])
            .arg(&self.listen)
            .arg("--data")
            .arg(&self.data)
            .envs(environment.iter().cloned());
        let mut server = Running::start(serve.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let pipe = server
            .child()
            .stdout
            .take()
            .ok_or_else(|| Failure::new("the server has no output"))?;
        let mut lines = BufReader::new(pipe).lines();
        let line = lines
            .next()
            .ok_or_else(|| Failure::new("the server ended before it listened"))?;
        let line = line.map_err(Failure::at("read the server's first line"))?;
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let url = url.ok_or_else(|| Failure::new(format!("no address in «{line}»")))?;
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        address.clone_into(&mut self.listen);
        // Keep the pipe empty so that the server never waits for us.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.server = Some(server);
        Ok(url.to_owned())
    }
}

/// The program, where the shell lets no file of it grow beyond a size: then writes fail, as on a full disk.
fn within(program: &Path, file_kib: Option<u32>) -> Command {
    let Some(kib) = file_kib else {
        return Command::new(program);
    };
    let mut shell = Command::new("bash");
    // The signal is let be, so that the write itself fails.
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    shell.arg("-c").arg(script).arg(program);
    shell
}
