//! Serving one listener: connections with a limit of their number and of the time that a request's head may take.
//!
//! A body has its own limits ([`super::wire`]); between them nobody can hold a connection by sending slowly.

use crate::metrics::Metrics;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections open at once; more wait in the machine's own queue.
const CONNECTIONS: usize = 20_000;
/// Out of file descriptors, or the like: others must close first.
const BREATHE: Duration = Duration::from_millis(200);

/// Serves until `closing` is true, then lets requests in hand come to their end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    head_within: Duration,
    metrics: Arc<Metrics>,
    mut closing: watch::Receiver<bool>,
) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    let ending = closing.clone();
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.ok()?;
            Some((listener.accept().await, seat))
        };
        tokio::select! {
            () = told(&mut closing) => break,
            Some(_) = open.join_next(), if !open.is_empty() => {}
            Some((accepted, seat)) = next => match accepted {
                Ok((stream, _)) => {
                    let (router, counted) = (router.clone(), metrics.connection());
                    let ending = ending.clone();
                    open.spawn(async move {
                        connection(stream, router, head_within, ending).await;
                        drop((counted, seat));
                    });
                }
                Err(error) => pause(&error).await,
            },
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    router: Router,
    head_within: Duration,
    mut closing: watch::Receiver<bool>,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_within);
    let service = TowerToHyperService::new(router);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = told(&mut closing) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        serving.as_mut().graceful_shutdown();
        serving.await
    };
    if let Err(error) = ended {
        // Lines break and clients leave; the kind is all that is worth knowing.
        tracing::debug!(is_timeout = error.is_timeout(), "connection ended");
    }
}

/// Until the server is asked to stop. A lost sender means that its handle is gone, which is an order as well.
async fn told(closing: &mut watch::Receiver<bool>) {
    // The answer borrows from the channel: it must be gone before anything else is waited for.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn pause(error: &std::io::Error) {
    if error.kind() == std::io::ErrorKind::ConnectionAborted {
        return; // it left before it was let in
    }
    tracing::error!(kind = ?error.kind(), "accept");
    tokio::time::sleep(BREATHE).await;
}
