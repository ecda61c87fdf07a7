//! A desk's process from outside: what it says, what it is told, how it ends.

use crate::plan::Focus;
use desk_tests::Failure;
use desk_tests::programs::Running;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

/// Something that a desk said, or that it will say no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    Open,
    Did(Vec<String>),
    /// The rules did not allow it, or there was nothing to do.
    Tried,
    Done,
    Calm,
    Told(String),
    Closed,
    /// Its output has ended.
    Over,
}

/// A running desk.
pub struct Station {
    process: Running,
    orders: Option<ChildStdin>,
}

/// What a desk is started with.
pub struct Shift<'a> {
    pub profile: &'a Path,
    /// The file that may name a fail point.
    pub order: &'a Path,
    pub place: usize,
    pub seed: u64,
    pub focus: Focus,
    pub actions: u64,
}

impl Station {
    /// Starts a desk; its words go to `words` with its place.
    pub fn start(shift: &Shift<'_>, words: Sender<(usize, Word)>) -> Result<Self, Failure> {
        let own = std::env::current_exe().map_err(Failure::at("find the own program"))?;
        let mut command = Command::new(own);
        command
            .arg("desk")
            .arg("--profile")
            .arg(shift.profile)
            .args(["--seed", &shift.seed.to_string()])
            .args(["--place", &shift.place.to_string()])
            .args(["--focus", shift.focus.word()])
            .args(["--actions", &shift.actions.to_string()])
            .env(desk_failpoint::VARIABLE, shift.order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Running::start(&mut command)?;
        let orders = process.child().stdin.take();
        let output = process
            .child()
            .stdout
            .take()
            .ok_or_else(|| Failure::new("a desk without output"))?;
        let place = shift.place;
        std::thread::spawn(move || listen(output, place, &words));
        Ok(Self { process, orders })
    }

    /// Tells it something; a dead desk does not hear.
    pub fn tell(&mut self, order: &str) {
        if let Some(orders) = &mut self.orders {
            let _ = writeln!(orders, "{order}").and_then(|()| orders.flush());
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// How it ended, once it has.
    pub fn ending(&mut self) -> Option<std::process::ExitStatus> {
        self.process.child().wait().ok()
    }
}

fn listen(output: impl Read, place: usize, words: &Sender<(usize, Word)>) {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    loop {
        line.clear();
        let read = output.read_line(&mut line).unwrap_or(0);
        // A line that was cut off promises nothing.
        let Some(whole) = line.strip_suffix('\n').filter(|_| read > 0) else {
            break;
        };
        if let Some(word) = word_of(whole)
            && words.send((place, word)).is_err()
        {
            return;
        }
    }
    let _ = words.send((place, Word::Over));
}

fn word_of(line: &str) -> Option<Word> {
    if let Some(did) = line.strip_prefix("DID ") {
        return serde_json::from_str(did).ok().map(Word::Did);
    }
    if let Some(told) = line.strip_prefix("TELL ") {
        return Some(Word::Told(told.to_owned()));
    }
    match line {
        "OPEN" => Some(Word::Open),
        "TRIED" => Some(Word::Tried),
        "DONE" => Some(Word::Done),
        "CALM" => Some(Word::Calm),
        "CLOSED" => Some(Word::Closed),
        _ => None,
    }
}
