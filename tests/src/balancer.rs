//! One address before several servers: each connection goes to the next one that answers.

use crate::Failure;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Dropping it closes the address; connections end when one of their sides does.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    servers: Mutex<Vec<SocketAddr>>,
    closed: AtomicBool,
}

impl Balancer {
    /// Listens on a free port of loopback; nobody is behind it yet.
    pub fn open() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::at("listen"))?;
        let address = listener.local_addr().map_err(Failure::at("listen"))?;
        let shared = Arc::new(Shared {
            servers: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || own.accept(&listener));
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Who is behind it from now on.
    pub fn lead_to(&self, servers: Vec<SocketAddr>) {
        *self.shared.hold() = servers;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; an error means that it is gone already.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            // A thread that panicked has nothing left to end.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn hold(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            // Nobody answers: the caller sees its connection end, as behind any balancer.
            if let Some(server) = self.next() {
                let _ = join(client, server);
            }
        }
    }

    /// Turns the list by one for each connection.
    fn next(&self) -> Option<TcpStream> {
        let mut servers = self.hold();
        for _ in 0..servers.len() {
            servers.rotate_left(1);
            let found = servers.first().and_then(|to| TcpStream::connect(to).ok());
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ways = [(client.try_clone()?, server.try_clone()?), (server, client)];
    for (mut from, mut to) in ways {
        std::thread::spawn(move || {
            // Either side may end at any time.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
            let _ = from.shutdown(Shutdown::Read);
        });
    }
    Ok(())
}
