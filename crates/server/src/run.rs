//! Starting and stopping. The server owns its runtime on a thread of its own, so that a test or another program can
//! hold it as a value.

use crate::bundles::{BundleKeys, Bundles};
use crate::config::ServerConfig;
use crate::connector::Connector;
use crate::error::ServerError;
use crate::gateway::{Gateway, GatewayKind};
use crate::hashing::{Hashing, Scratch};
use crate::http::{self, Office, Positions, listen, ready};
use crate::jobs::delivering::{self, Hooks};
use crate::jobs::executing::{self, Work};
use crate::jobs::forgetting;
use crate::jobs::rounds::{Trouble, rung};
use crate::jobs::sending::{self, Post};
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::oidc::Provider;
use crate::policies::Policies;
use crate::quarantine::Quarantine;
use crate::repo::sql::Address;
use crate::repo::{Database, Repo, Rules};
use crate::second_factor::FactorKey;
use crate::secrets;
use desk_domain::calendar::Calendar;
use futures_util::future::join_all;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

/// How often the one poller reads the counters, so that another process's commits are seen.
const POLL: Duration = Duration::from_millis(250);
/// Commits of so short a moment are told together.
const BREATH: Duration = Duration::from_millis(10);
/// How long connections may take to end.
const DRAIN: Duration = Duration::from_secs(10);
/// Most password hashes at work at once: each keeps 19 MiB.
const HASHING: usize = 4;
/// Bundles worked off at once: each reads a file of gigabytes twice.
const BUNDLES: usize = 2;

/// The database and the documents of one data directory, for the server and for the admin's commands.
pub struct House {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub objects: Objects,
    pub bundles: Bundles,
    pub factors: Arc<FactorKey>,
}

impl House {
    /// Opens, creating what is missing.
    pub fn open(config: &ServerConfig) -> Result<Self, ServerError> {
        private_dir(&config.data_dir).map_err(|error| ServerError::Io("data directory", error))?;
        let mut rules = rules(config)?;
        let chance = Arc::clone(&config.chance);
        let objects = Objects::open(&config.data_dir, &config.objects, chance)
            .map_err(|error| ServerError::Io("object store", error))?;
        let keys = BundleKeys::open(&config.data_dir, rules.chance.as_ref())
            .map_err(|error| ServerError::Io("keys", error))?;
        rules.policies.trust(keys.verifying_key());
        rules.call_key = Some(Arc::new(keys.calls()));
        let repo = Repo::open(&database(config)?, &rules)?;
        let bundles = Bundles::open(&config.data_dir, &repo, &rules, &objects)?;
        Ok(Self {
            repo,
            rules,
            objects,
            factors: Arc::new(bundles.keys.factors()),
            bundles,
        })
    }
}

/// Where the database of a config is: the one that was named, else a file in the data directory.
pub fn database(config: &ServerConfig) -> Result<Database, ServerError> {
    let Some(url) = &config.database else {
        return Ok(Database::File(config.data_dir.join("office.db")));
    };
    let ca_pem = config.database_ca.as_ref().map(fs::read).transpose();
    let ca_pem = ca_pem.map_err(|error| ServerError::Io("certificate of the database", error))?;
    let address = Address::parse(url, ca_pem.as_deref())
        .map_err(|why| ServerError::Usage(format!("--database: {why}")))?;
    Ok(Database::Postgres(Box::new(address)))
}

/// Makes the directory, open to nobody but the server's own user: case files and photos of papers lie in it.
fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The rules in force.
pub fn rules(config: &ServerConfig) -> Result<Rules, ServerError> {
    let calendar = Calendar::shipped().map_err(|error| ServerError::Rules(error.to_string()))?;
    Ok(Rules {
        policies: Arc::new(Policies::shipped()),
        calendar: Arc::new(calendar),
        clock: Arc::clone(&config.clock),
        chance: Arc::clone(&config.chance),
        tells_merchants: config.gateway != GatewayKind::None,
        public_url: config.public_url.as_deref().map(Arc::from),
        call_key: None,
    })
}

/// The server.
pub struct Server;

/// A server that listens. Dropping it stops it.
pub struct RunningServer {
    pub addr: SocketAddr,
    /// Where the admin listener is, if there is one.
    pub admin: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts; returns once it listens.
    pub fn start(config: ServerConfig) -> Result<RunningServer, ServerError> {
        let lock = lock(&config)?;
        let gateway = Gateway::open(config.gateway, &config.data_dir, &config.sms)?;
        let connector = Connector::open(config.connector, &config.execution)?.map(Arc::new);
        let oidc = Provider::open(&config.oidc).map_err(ServerError::Usage)?;
        let house = House::open(&config)?;
        // A server that would judge by another policy than the others does not start.
        house.repo.policy_blocking(&house.rules)?;
        desk_failpoint::reached("server.start.before_listen");
        let quarantine = Quarantine::open(config.docbox.clone())
            .map_err(|error| ServerError::Io("own program", error))?;
        let runtime = Runtime::new().map_err(|error| ServerError::Io("runtime", error))?;
        let (listener, addr) = bind(&runtime, config.listen, "listen")?;
        let admin = config.admin_listen;
        let admin = admin.map(|at| bind(&runtime, at, "admin listener"));
        let (admin_listener, admin) = admin.transpose()?.unzip();
        let (stop, stopped) = watch::channel(false);
        let (ready, wait) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("office".into())
            .spawn(move || {
                let _lock = lock;
                // The receiver waits below; a lost word means that nobody waits any more.
                let _ = ready.send(());
                let rooms = (house, quarantine, gateway, connector, oidc);
                let doors = (listener, admin_listener);
                runtime.block_on(serve(rooms, &config, doors, stopped));
                runtime.shutdown_timeout(DRAIN);
            })
            .map_err(|error| ServerError::Io("thread", error))?;
        wait.recv().map_err(|_| ServerError::Ended)?;
        Ok(RunningServer {
            addr,
            admin,
            stop,
            thread: Some(thread),
        })
    }
}

fn bind(
    runtime: &Runtime,
    at: SocketAddr,
    what: &'static str,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |error| ServerError::Io(what, error);
    let listener = runtime.block_on(TcpListener::bind(at)).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
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

/// What a running server works with.
type Rooms = (
    House,
    Quarantine,
    Option<Gateway>,
    Option<Arc<Connector>>,
    Option<Provider>,
);

async fn serve(
    (house, quarantine, gateway, connector, oidc): Rooms,
    config: &ServerConfig,
    (listener, admin): (TcpListener, Option<TcpListener>),
    stopped: watch::Receiver<bool>,
) {
    let (tell, positions) = watch::channel(Positions::default());
    let (ring, bells) = watch::channel(Positions::default());
    let hooks = Hooks::new(&house, config.webhooks);
    let jobs = jobs(&house, gateway, connector.clone(), hooks, &stopped);
    let metrics = Arc::new(Metrics::new(&house.repo, house.rules.clock.now()));
    let office = Arc::new(Office {
        repo: house.repo,
        rules: house.rules,
        objects: house.objects,
        call_key: Arc::new(house.bundles.keys.calls()),
        bundles: house.bundles,
        factors: house.factors,
        bundle_seats: Semaphore::new(BUNDLES),
        quarantine,
        connector,
        oidc,
        public_url: config.public_url.clone(),
        auto_approve: config.auto_approve,
        pause_within: config.pause_within,
        positions,
        bells,
        closing: stopped.clone(),
        hashing: Hashing::new(seats_for_hashes()),
        metrics: Arc::clone(&metrics),
        store_answer: ready::LastAnswer::default(),
        nobody_phc: secrets::hash_password(
            "nobody",
            config.chance.as_ref(),
            &mut Scratch::default(),
        )
        .unwrap_or_default(),
    });
    let poller = tokio::spawn(poll(Arc::clone(&office), [tell, ring], stopped.clone()));
    let within = config.head_within;
    let open = |listener, router| {
        listen::serve(
            listener,
            router,
            within,
            Arc::clone(&metrics),
            stopped.clone(),
        )
    };
    let serving = open(listener, http::router(&office));
    let telling = admin.map(|listener| tokio::spawn(open(listener, http::admin_router(&office))));
    let mut overdue = stopped.clone();
    tokio::select! {
        () = serving => {}
        () = async { let _ = overdue.wait_for(|closing| *closing).await; tokio::time::sleep(DRAIN).await; } => {
            tracing::warn!("connections were cut");
        }
    }
    if let Some(telling) = telling {
        telling.abort();
    }
    poller.abort();
    if tokio::time::timeout(DRAIN, join_all(jobs)).await.is_err() {
        tracing::warn!("what was on its way to others was left to the next start");
    }
}

/// Starts the loops of work that nobody waits for.
fn jobs(
    house: &House,
    gateway: Option<Gateway>,
    connector: Option<Arc<Connector>>,
    hooks: Hooks,
    stopped: &watch::Receiver<bool>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let with = || (Arc::clone(&house.repo), house.rules.clone());
    let sender = gateway.map(|gateway| {
        let (repo, rules) = with();
        let post = Post {
            repo,
            rules,
            gateway,
        };
        tokio::spawn(sending::run(post, stopped.clone()))
    });
    let executor = connector.map(|connector| {
        let (repo, rules) = with();
        let work = Work {
            repo,
            rules,
            connector,
        };
        tokio::spawn(executing::run(work, stopped.clone()))
    });
    let deliverer = tokio::spawn(delivering::run(hooks, stopped.clone()));
    let (repo, rules) = with();
    let forgetter = tokio::spawn(forgetting::run(repo, rules, stopped.clone()));
    sender
        .into_iter()
        .chain(executor)
        .chain([deliverer, forgetter])
        .collect()
}

/// The one poller of this process: long-polls listen to it, none of them asks the database.
async fn poll(
    office: Arc<Office>,
    told: [watch::Sender<Positions>; 2],
    mut stopped: watch::Receiver<bool>,
) {
    let committed = office.repo.committed();
    let mut trouble = Trouble::of("counters", POLL);
    loop {
        // Listening begins before looking: a commit in between rings too.
        let bell = committed.notified();
        tokio::pin!(bell);
        bell.as_mut().enable();
        let looked = office.repo.positions().await;
        trouble.say(looked.as_ref().err());
        if let Ok(now) = looked {
            office.metrics.polled(office.now());
            for (tell, now) in told.iter().zip(now) {
                tell.send_if_modified(|seen| {
                    let news = **seen != now;
                    *seen = Arc::new(now);
                    news
                });
            }
        }
        tokio::select! {
            () = rung(bell, BREATH) => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.wait_for(|closing| *closing) => return,
        }
    }
}

/// Two servers on one directory would each believe to be the only poller of their commits.
pub fn lock(config: &ServerConfig) -> Result<File, ServerError> {
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

/// Half of the cores at most: a morning's sign-ins leave the other half to those who work already.
fn seats_for_hashes() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, HASHING)
}
