//! A demo office: a real server process on loopback with synthetic people, merchants and cases.

use crate::Failure;
use crate::programs::{Running, program};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The branch of the demo data.
pub const BRANCH: &str = "HZ001";
/// The password of a demo user; visibly not for use.
pub fn password(login: &str) -> String {
    format!("demo-{login}-请勿外用")
}

/// A running server and its data.
pub struct Office {
    data: PathBuf,
    url: String,
    server: Option<Running>,
    environment: Vec<(String, OsString)>,
}

impl Office {
    /// Fills `data` with the demo office and starts a server on a free port.
    pub fn open(data: &Path, cases: u32) -> Result<Self, Failure> {
        Self::open_at(data, cases, "127.0.0.1:0")
    }
    /// The same on a named address; what an earlier run left in `data` is kept.
    pub fn open_at(data: &Path, cases: u32, listen: &str) -> Result<Self, Failure> {
        if !data.join("office.db").is_file() {
            command(data, &["demo", "--cases", &cases.to_string()])?;
        }
        let mut office = Self {
            data: data.to_owned(),
            url: String::new(),
            server: None,
            environment: Vec::new(),
        };
        office.start(listen)?;
        Ok(office)
    }
    /// What the server's environment has beside ours, from its next start on.
    pub fn set_environment(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }
    /// The server runs; false once somebody, or it itself, has ended it.
    pub fn is_running(&mut self) -> bool {
        self.server
            .as_mut()
            .is_some_and(|server| matches!(server.child().try_wait(), Ok(None)))
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
        command(&self.data, &["device", "code", office])
    }
    /// Runs one administrative command on its data and returns the first line it prints.
    pub fn admin(&self, arguments: &[&str]) -> Result<String, Failure> {
        command(&self.data, arguments)
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
    /// The last one-time code that went to the merchant's phone, as the merchant would read it there.
    pub fn code_on_the_phone(&self) -> Result<String, Failure> {
        let outbox = std::fs::read_to_string(self.data.join("outbox.jsonl"))
            .map_err(Failure::at("look at the phone"))?;
        let last = outbox
            .lines()
            .last()
            .ok_or_else(|| Failure::new("no message on the phone"))?;
        let message: serde_json::Value =
            serde_json::from_str(last).map_err(Failure::at("read the message"))?;
        let text = message["text"].as_str().unwrap_or_default();
        let digits: Vec<&str> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|run| run.len() == 6)
            .collect();
        digits
            .first()
            .map(|&code| code.to_owned())
            .ok_or_else(|| Failure::new("no code in the message"))
    }
    /// Pulls the plug: kill -9.
    pub fn stop(&mut self) {
        self.server = None;
    }
    /// Starts again on the same address.
    pub fn restart(&mut self) -> Result<(), Failure> {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.start(&address)
    }

    fn start(&mut self, listen: &str) -> Result<(), Failure> {
        let mut serve = Command::new(program("unbind-desk-server")?);
        serve
            .args([
                "serve",
                "--auto-approve",
                "--gateway",
                "log",
                "--listen",
                listen,
                "--data",
            ])
            .arg(&self.data);
        serve.envs(self.environment.iter().cloned());
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
        url.ok_or_else(|| Failure::new(format!("no address in «{line}»")))?
            .clone_into(&mut self.url);
        // Keep the pipe empty so that the server never waits for us.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.server = Some(server);
        Ok(())
    }
}

/// Runs one administrative command and returns the first line it prints.
fn command(data: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program("unbind-desk-server")?)
        .args(arguments)
        .arg("--data")
        .arg(data)
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
