//! `fake-core`: plays an acquirer's core system for the execution connector, on this machine, so that the connector can be
//! tried without one. It unbinds nothing anywhere. What it does it prints in a line each: keys and verdicts, nobody's data.

use clap::{Parser, ValueEnum};
use desk_domain::time::Clock;
use desk_server::connector::settings;
use desk_server::door::SystemClock;
use desk_tests::Failure;
use desk_tests::core_system::{Core, Mood, Moods, Setup, signature};
use reqwest::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);
/// How often it looks for what is to be done later.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Parser)]
#[command(
    name = "fake-core",
    about = "Plays a core system for the execution connector; unbinds nothing",
    after_help = "The key is that of the server: UNBIND_DESK_CONNECTOR_KEY_ID and UNBIND_DESK_CONNECTOR_SECRET."
)]
struct Cli {
    /// Where it listens; the connector's `url` is `http://ADDRESS/unbind`.
    #[arg(long, default_value = "127.0.0.1:9555")]
    listen: SocketAddr,
    /// What it does with every request.
    #[arg(long, value_enum, default_value_t)]
    answer: Answer,
    /// A mood for each request by lot instead; the same seed draws the same ones.
    #[arg(long, conflicts_with = "answer")]
    seed: Option<u64>,
    /// What is taken for later is done after so long.
    #[arg(long, default_value_t = 5_000)]
    later_ms: u64,
    /// Where callbacks go: the server's address with what `execution hook` prints. Without it later results are only told when
    /// they are asked for.
    #[arg(long)]
    callback: Option<String>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Answer {
    /// Done at once.
    #[default]
    Done,
    /// Taken, and done later.
    Later,
    /// Refused, with a reason.
    Refuse,
    /// Done, and answered by 500: the server has to ask.
    Broken,
    /// Done, and the connection cut.
    Cut,
    /// Lost: never seen when it is asked for.
    Lose,
    /// Answered in words that nobody agreed on.
    Babble,
}

impl Answer {
    const fn mood(self) -> Mood {
        match self {
            Self::Done => Mood::Well,
            Self::Later => Mood::Pending,
            Self::Refuse => Mood::Refuses,
            Self::Broken => Mood::Broken,
            Self::Cut => Mood::Cut,
            Self::Lose => Mood::Loses,
            Self::Babble => Mood::Babbles,
        }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake-core: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let secret = variable(settings::SECRET)?;
    let core = Core::open(Setup {
        listen: cli.listen,
        key_id: variable(settings::KEY_ID)?,
        secret: secret.clone(),
        idempotent: true,
        moods: cli.seed.map(by_lot),
        say: Box::new(say),
    });
    let core = core.map_err(Failure::at("listen"))?;
    core.set(cli.answer.mood());
    say(&format!("listening on http://{}/unbind", core.addr));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Failure::at("a runtime"))?;
    runtime.block_on(work(&cli, &core, &secret))
}

/// Nothing secret is taken from the command line.
fn variable(name: &'static str) -> Result<String, Failure> {
    std::env::var(name).map_err(Failure::at(name))
}

/// A line at once, also into a pipe. Nobody may be reading any more.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn by_lot(seed: u64) -> Moods {
    let all = Answer::value_variants();
    let mut state = seed;
    Box::new(move || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let many = u64::try_from(all.len()).unwrap_or(1);
        let at = usize::try_from((mixed ^ (mixed >> 31)) % many).unwrap_or_default();
        all.get(at).copied().unwrap_or_default().mood()
    })
}

/// Does later what was taken for later, for ever.
async fn work(cli: &Cli, core: &Core, secret: &str) -> Result<(), Failure> {
    let client = client(cli.callback.as_deref().unwrap_or("http:"))?;
    let looks = cli.later_ms / 100;
    let mut waits: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        for key in core.pending() {
            let waited = waits.entry(key.clone()).or_default();
            *waited += 1;
            if *waited <= looks {
                continue;
            }
            waits.remove(&key);
            let told = core.finish(&key);
            say(&format!("later {key}: done"));
            if let Some(url) = &cli.callback {
                say(&call_back(&client, url, secret, &told).await);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a core system is no room of the house"
)]
fn client(url: &str) -> Result<Client, Failure> {
    // Err: this process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder().timeout(WITHIN).no_proxy();
    if url.starts_with("http:") {
        // No TLS will happen: the machine is not asked for its authorities.
        client = client.tls_certs_only([]);
    }
    client.build().map_err(Failure::at("a client"))
}

/// Tells the server of a result; a line about it.
async fn call_back(client: &Client, url: &str, secret: &str, told: &Value) -> String {
    let key = told["key"].as_str().unwrap_or_default();
    let at_s = SystemClock.now() / 1_000;
    let body = told.to_string();
    let signature = signature(secret, "callback", at_s, body.as_bytes());
    let post = client
        .post(url)
        .header("content-type", "application/json")
        .header("x-desk-timestamp", at_s.to_string())
        .header("x-desk-signature", signature);
    match post.body(body).send().await {
        Ok(answer) => format!("callback {key}: {}", answer.status().as_u16()),
        Err(error) => format!("callback {key}: {}", error.without_url()),
    }
}
