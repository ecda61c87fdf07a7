//! One desk as a process of its own: the product's use cases, store and courier, working by a seeded script.
//!
//! Every line it prints is a promise: the app has confirmed what it names.

use crate::dice::Dice;
use crate::say;
use crate::script::Script;
use desk_app::Desk;
use desk_app::door::SystemClock;
use desk_tests::Failure;
use desk_tests::desk::{PASSPHRASE, cheap_desk};
use serde_json::{Value, json};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How often a waiting desk looks whether it has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(15);

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(long)]
    profile: PathBuf,
    #[arg(long)]
    seed: u64,
    /// Which of the desks it is.
    #[arg(long)]
    place: u64,
    #[arg(long)]
    focus: String,
    #[arg(long)]
    actions: u64,
}

/// A shut desk on a profile.
pub fn desk_at(profile: &Path) -> Result<Desk, Failure> {
    cheap_desk(profile, Arc::new(SystemClock))
}

/// Runs a command; a refusal becomes a failure that names the code.
pub fn ask(desk: &Desk, name: &str, arguments: Value) -> Result<Value, Failure> {
    desk_app::commands::dispatch(desk, name, arguments)
        .map_err(|error| Failure::new(format!("{name}: {} {:?}", error.code, error.params)))
}

/// Opens, works, and then does as it is told on stdin until it is killed.
pub fn work(arguments: &Arguments) -> Result<(), Failure> {
    let desk = desk_at(&arguments.profile)?;
    let orders = orders();
    ask(&desk, "unlock", json!({ "passphrase": PASSPHRASE }))?;
    say("OPEN")?;
    let dice = Dice::of(arguments.seed, 100 + arguments.place);
    let stamp = format!("{}-{}", arguments.seed, arguments.place);
    let mut script = Script::new(&desk, dice, stamp, &arguments.focus, arguments.place);
    for _ in 0..arguments.actions {
        match script.act() {
            Some(promise) => say(&format!("DID {}", Value::from(promise)))?,
            // A busy machine may take its time to come to nothing: it is no silence.
            None => say("TRIED")?,
        }
    }
    say("DONE")?;
    obey(&desk, &orders)
}

/// `sync`: the server is back. `calm N`: say so once everything has arrived and N looks in a row saw nothing left.
/// `end`: close properly.
fn obey(desk: &Desk, orders: &Receiver<String>) -> Result<(), Failure> {
    let mut wanted = None;
    let mut calm_looks = 0;
    loop {
        match orders.recv_timeout(LOOK_EVERY).as_deref() {
            Ok("sync") => ask(desk, "sync_now", json!({})).map(drop)?,
            Ok(order) if order.starts_with("calm ") => {
                wanted = order.trim_start_matches("calm ").parse::<u32>().ok();
                calm_looks = 0;
            }
            Ok("tell") => say(&format!(
                "TELL {}",
                ask(desk, "sync_diagnostics", json!({}))?
            ))?,
            Ok(_) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let Some(looks) = wanted else { continue };
        calm_looks = if has_arrived(desk)? {
            calm_looks + 1
        } else {
            0
        };
        if calm_looks >= looks {
            wanted = None;
            say("CALM")?;
        }
    }
    desk.close();
    say("CLOSED")
}

fn has_arrived(desk: &Desk) -> Result<bool, Failure> {
    let status = ask(desk, "sync_status", json!({}))?;
    Ok(status["badge"]["unsent"] == 0
        && status["documents"].as_array().is_some_and(Vec::is_empty)
        && status["link"] == "online")
}

fn orders() -> Receiver<String> {
    let (give, orders) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if give.send(line).is_err() {
                return;
            }
        }
    });
    orders
}
