//! `serve`: prints one line with the address (and one with that of the admin listener), then serves until SIGTERM or Ctrl-C.

use super::say;
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::run::Server;
use tokio::runtime::Builder;

/// Listens for the signals before anything is opened: one that arrives while the office starts,
/// or just after its address was told, drains it like any later one.
pub fn serve(config: ServerConfig) -> Result<(), ServerError> {
    let waiting = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ServerError::Io("runtime", error))?;
    let signals = |error| ServerError::Io("signals", error);
    let asked = waiting
        .block_on(async { Stop::listen() })
        .map_err(signals)?;
    let running = Server::start(config)?;
    say(&running.url())?;
    if let Some(admin) = running.admin {
        say(&format!("admin http://{admin}"))?;
    }
    waiting.block_on(asked.told()).map_err(signals)?;
    tracing::info!("draining");
    running.stop();
    Ok(())
}

#[cfg(unix)]
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn told(mut self) -> std::io::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => Ok(()),
            _ = self.interrupt.recv() => Ok(()),
        }
    }
}

#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn told(self) -> std::io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
