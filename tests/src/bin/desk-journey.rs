//! Drives the real window through one whole case. Exit code 0 only if every proof holds.

use clap::Parser;
use desk_tests::Failure;
use desk_tests::journey::Journey;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Parser)]
struct Arguments {
    /// Screenshots, summary and data.
    #[arg(long)]
    out: PathBuf,
    /// Leave the server and its data for a look.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "the summary says how long it took; nothing depends on it"
    )]
    let started = Instant::now();
    let out = std::path::absolute(&arguments.out).map_err(Failure::at("find the folder"))?;
    let journey = tokio::task::spawn_blocking(move || Journey::prepare(&out))
        .await
        .map_err(Failure::at("prepare"))??;
    journey.run(started).await?;
    let mut out = std::io::stdout();
    writeln!(out, "✓ {}", journey.out.join("summary.json").display())
        .map_err(Failure::at("say so"))?;
    if arguments.keep {
        writeln!(out, "server: {} (Ctrl-C ends it)", journey.office.url())
            .map_err(Failure::at("say so"))?;
        tokio::signal::ctrl_c().await.map_err(Failure::at("wait"))?;
    }
    Ok(())
}
