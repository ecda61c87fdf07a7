//! Starting and stopping. The server owns its runtime on a thread of its own, so that a test or another program can
//! hold it as a value.

use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::gateway::Gateway;
use crate::http::{self, Office, Positions};
use crate::objects::Objects;
use crate::repo::{Repo, Rules};
use crate::secrets;
use desk_domain::calendar::Calendar;
use desk_domain::policy::{self, Policy};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

/// How often the one poller reads the counters, so that another process's commits are seen.
const POLL: Duration = Duration::from_millis(250);
/// How long connections may take to end.
const DRAIN: Duration = Duration::from_secs(10);
/// Password hashes at work at once.
const HASHING: usize = 2;

/// The database and the documents of one data directory, for the server and for the admin's commands.
pub struct House {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub objects: Objects,
}

impl House {
    /// Opens, creating what is missing.
    pub fn open(config: &ServerConfig) -> Result<Self, ServerError> {
        fs::create_dir_all(&config.data_dir)
            .map_err(|error| ServerError::Io("data directory", error))?;
        let rules = Rules {
            policy: Arc::new(Policy::shipped()),
            calendar: Arc::new(
                Calendar::shipped().map_err(|error| ServerError::Rules(error.to_string()))?,
            ),
            clock: Arc::clone(&config.clock),
            chance: Arc::clone(&config.chance),
        };
        let objects = Objects::open(&config.data_dir, Arc::clone(&config.chance))
            .map_err(|error| ServerError::Io("object folder", error))?;
        let repo = Repo::open(&config.data_dir.join("office.db"), &rules)?;
        Ok(Self {
            repo,
            rules,
            objects,
        })
    }
}

/// The server.
pub struct Server;

/// A server that listens. Dropping it stops it.
pub struct RunningServer {
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts; returns once it listens.
    pub fn start(config: ServerConfig) -> Result<RunningServer, ServerError> {
        let lock = lock(&config)?;
        let house = House::open(&config)?;
        desk_failpoint::reached("server.start.before_listen");
        let runtime = Runtime::new().map_err(|error| ServerError::Io("runtime", error))?;
        let listener = runtime
            .block_on(TcpListener::bind(config.listen))
            .map_err(|error| ServerError::Io("listen", error))?;
        let addr = listener
            .local_addr()
            .map_err(|error| ServerError::Io("listen", error))?;
        let (stop, stopped) = watch::channel(false);
        let (ready, wait) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("office".into())
            .spawn(move || {
                let _lock = lock;
                // The receiver waits below; a lost word means that nobody waits any more.
                let _ = ready.send(());
                runtime.block_on(serve(house, &config, listener, stopped));
                runtime.shutdown_timeout(DRAIN);
            })
            .map_err(|error| ServerError::Io("thread", error))?;
        wait.recv().map_err(|_| ServerError::Ended)?;
        Ok(RunningServer {
            addr,
            stop,
            thread: Some(thread),
        })
    }
}

impl RunningServer {
    /// Where a desk finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Ends long-polls, lets requests finish, closes the database.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread failed");
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.end();
    }
}

async fn serve(
    house: House,
    config: &ServerConfig,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) {
    let (tell, positions) = watch::channel(Positions::default());
    let poller = tokio::spawn(poll(Arc::clone(&house.repo), tell, stopped.clone()));
    let office = Arc::new(Office {
        policy_text: policy::SHIPPED.to_owned(),
        policy_version: house.rules.policy.version,
        repo: house.repo,
        rules: house.rules,
        objects: house.objects,
        gateway: Gateway::open(config.gateway, &config.data_dir),
        auto_approve: config.auto_approve,
        positions,
        closing: stopped.clone(),
        hashing: Semaphore::new(HASHING),
        nobody_phc: secrets::hash_password("nobody", config.chance.as_ref()).unwrap_or_default(),
    });
    let mut closing = stopped.clone();
    let asked = async move {
        // A lost sender means that the handle is gone, which is an order to stop as well.
        let _ = closing.wait_for(|closing| *closing).await;
    };
    let serving = axum::serve(listener, http::router(office)).with_graceful_shutdown(asked);
    let mut overdue = stopped;
    tokio::select! {
        ended = async { serving.await } => {
            if let Err(error) = ended {
                tracing::error!(%error, "serving ended");
            }
        }
        () = async { let _ = overdue.wait_for(|closing| *closing).await; tokio::time::sleep(DRAIN).await; } => {
            tracing::warn!("connections were cut");
        }
    }
    poller.abort();
}

/// The one poller of this process: long-polls listen to it, none of them asks the database.
async fn poll(repo: Arc<Repo>, tell: watch::Sender<Positions>, mut stopped: watch::Receiver<bool>) {
    let committed = repo.committed();
    loop {
        match repo.positions().await {
            Ok(now) => {
                tell.send_if_modified(|seen| {
                    let news = **seen != now;
                    *seen = Arc::new(now);
                    news
                });
            }
            Err(error) => tracing::error!(%error, "counters"),
        }
        tokio::select! {
            () = committed.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.wait_for(|closing| *closing) => return,
        }
    }
}

/// Two servers on one directory would each believe to be the only poller of their commits.
fn lock(config: &ServerConfig) -> Result<File, ServerError> {
    fs::create_dir_all(&config.data_dir)
        .map_err(|error| ServerError::Io("data directory", error))?;
    let file = File::create(config.data_dir.join("server.lock"))
        .map_err(|error| ServerError::Io("lock", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(ServerError::InUse),
        Err(fs::TryLockError::Error(error)) => Err(ServerError::Io("lock", error)),
    }
}
