//! The real core behind the pages in an ordinary browser: for Playwright and development.

use clap::Parser;
use desk_app::Launch;
use desk_tests::programs::{program, repository};
use desk_tests::proxy::Proxy;
use desk_tests::{Failure, loopback};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one. The address is the first line printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The profile folder; a fresh temporary one if none is given.
    #[arg(long)]
    profile: Option<PathBuf>,
    /// A server to suggest on the first screen.
    #[arg(long)]
    server: Option<String>,
    /// Puts a line between the desk and this server that `POST /line` makes slow and cuts; the desk's first screen then
    /// suggests the line's address, which `GET /line` tells as well.
    #[arg(long, conflicts_with = "server")]
    line_to: Option<String>,
    /// The built pages.
    #[arg(long)]
    pages: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let fresh = tempfile::tempdir().map_err(Failure::at("make a profile"))?;
    let profile = arguments.profile.unwrap_or_else(|| fresh.path().to_owned());
    let mut flags = vec![
        "--profile".to_owned(),
        profile.display().to_string(),
        "--keystore".to_owned(),
        "file".to_owned(),
    ];
    let line = arguments.line_to.as_deref().map(Proxy::before_url);
    let line = line.transpose()?;
    if let Some(server) = line.as_ref().map(Proxy::url).or(arguments.server) {
        flags.extend(["--server".to_owned(), server]);
    }
    let docbox = program("desk-docbox")?;
    let desk = tokio::task::spawn_blocking(move || {
        Launch::from_arguments(&flags).and_then(|launch| launch.with_docbox(docbox).open())
    });
    let desk = desk
        .await
        .map_err(Failure::at("open the desk"))?
        .map_err(Failure::at("open the desk"))?;
    let pages = arguments
        .pages
        .unwrap_or_else(|| repository().join("ui/dist"));
    let closing = desk.clone();
    let serving = loopback::serve(desk, pages, line, arguments.listen, |address| {
        // Whoever started us reads this line; if nobody does, that is fine.
        let _ = writeln!(std::io::stdout(), "http://{address}");
    });
    tokio::select! {
        ended = serving => ended,
        stopped = tokio::signal::ctrl_c() => {
            closing.close();
            stopped.map_err(Failure::at("wait for the end"))
        }
    }
}
