//! `serve`: prints one line with the address, then serves until SIGTERM or Ctrl-C.

use super::say;
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::run::Server;
use tokio::runtime::Builder;

pub fn serve(config: ServerConfig) -> Result<(), ServerError> {
    let waiting = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ServerError::Io("runtime", error))?;
    let running = Server::start(config)?;
    say(&running.url())?;
    waiting
        .block_on(told_to_stop())
        .map_err(|error| ServerError::Io("signals", error))?;
    tracing::info!("draining");
    running.stop();
    Ok(())
}

#[cfg(unix)]
async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}

#[cfg(not(unix))]
async fn told_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
