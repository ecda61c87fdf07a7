//! What the server tells a monitoring system, in Prometheus' text format, on the admin listener alone.
//!
//! Every label has few values and all of them are ours: route templates, status codes, kinds of outcome. No name, no
//! number, no device and no office stands in one.

use crate::repo::Repo;
use desk_domain::ids::Epoch;
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_protocol::PROTOCOL;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

pub use prometheus_text::CONTENT_TYPE;

/// A request, as it is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Asked {
    pub method: &'static str,
    /// The template of the route, `other` for a path that is none.
    pub route: String,
    pub status: u16,
}

/// How long requests to a route took.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Route {
    pub route: String,
}

type Label = [(&'static str, &'static str); 1];
type Seconds = Family<Route, Histogram, fn() -> Histogram>;

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<Asked, Counter>,
    seconds: Seconds,
    ops: Family<Label, Counter>,
    documents: Counter,
    document_bytes: Family<Label, Counter>,
    object_errors: Counter,
    long_polls: Gauge,
    connections: Gauge,
    queue: Gauge,
    poller_age_ms: Gauge,
    epoch_age_s: Gauge,
    polled_at: AtomicI64,
}

impl Metrics {
    pub fn new(repo: &Repo, now: Millis) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("unbind_desk"),
            requests: Family::default(),
            // 2 ms to 65 s: the longest long-poll is in it.
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.002, 2.0, 16))
            }),
            ops: Family::default(),
            documents: Counter::default(),
            document_bytes: Family::default(),
            object_errors: Counter::default(),
            long_polls: Gauge::default(),
            connections: Gauge::default(),
            queue: Gauge::default(),
            poller_age_ms: Gauge::default(),
            epoch_age_s: Gauge::default(),
            polled_at: AtomicI64::new(now),
        };
        metrics.register_requests();
        metrics.register_state();
        repo.figures().register(&mut metrics.registry);
        metrics
    }

    fn register_requests(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests answered, by method, route template and status",
            self.requests.clone(),
        );
        registry.register(
            "request_seconds",
            "Time to the head of the answer; a long-poll waits on purpose",
            self.seconds.clone(),
        );
        registry.register(
            "ops",
            "Pushed ops answered, by outcome; an op that is sent again is answered again",
            self.ops.clone(),
        );
        registry.register(
            "documents_stored",
            "Documents that became whole here",
            self.documents.clone(),
        );
        registry.register(
            "document_bytes",
            "Bytes of documents taken in and given out",
            self.document_bytes.clone(),
        );
        registry.register(
            "object_store_errors",
            "Calls that the object store failed",
            self.object_errors.clone(),
        );
    }

    fn register_state(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "long_polls",
            "Long-polls that wait right now",
            self.long_polls.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open right now",
            self.connections.clone(),
        );
        registry.register(
            "writer_queue",
            "Jobs that wait for the writer right now",
            self.queue.clone(),
        );
        registry.register(
            "poller_age_milliseconds",
            "Since the feeds' counters were last read",
            self.poller_age_ms.clone(),
        );
        registry.register(
            "epoch_age_seconds",
            "Since this life of the database began: it falls when a backup was restored",
            self.epoch_age_s.clone(),
        );
        let build = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("protocol", PROTOCOL.to_string()),
        ];
        registry.register("build", "What runs here", Info::new(build.to_vec()));
    }

    pub fn answered(&self, asked: Asked, seconds: f64) {
        let route = Route {
            route: asked.route.clone(),
        };
        self.seconds.get_or_create(&route).observe(seconds);
        self.requests.get_or_create(&asked).inc();
    }

    pub fn judged(&self, outcome: &Outcome) {
        let kind = match outcome {
            Outcome::Applied { .. } => "applied",
            Outcome::Noop { .. } => "noop",
            Outcome::Conflict { .. } => "conflict",
            Outcome::Refused { .. } => "refused",
            Outcome::Held { .. } => "held",
        };
        self.ops.get_or_create(&[("outcome", kind)]).inc();
    }

    pub fn document_stored(&self) {
        self.documents.inc();
    }

    pub fn bytes_in(&self, count: usize) {
        self.moved("in", u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub fn bytes_out(&self, count: u64) {
        self.moved("out", count);
    }

    fn moved(&self, way: &'static str, count: u64) {
        self.document_bytes
            .get_or_create(&[("way", way)])
            .inc_by(count);
    }

    pub fn object_store_failed(&self) {
        self.object_errors.inc();
    }

    /// The poller has read the counters.
    pub fn polled(&self, now: Millis) {
        self.polled_at.store(now, Ordering::Relaxed);
    }

    /// Counts as a waiting long-poll until it is dropped.
    pub fn long_poll(&self) -> Open {
        Open::of(&self.long_polls)
    }

    /// Counts as an open connection until it is dropped.
    pub fn connection(&self) -> Open {
        Open::of(&self.connections)
    }

    /// The text, with the states as they are now.
    ///
    /// # Errors
    /// None that a string could make.
    pub fn text(&self, repo: &Repo, now: Millis) -> Result<String, fmt::Error> {
        self.queue
            .set(i64::try_from(repo.waiting()).unwrap_or(i64::MAX));
        let polled_at = self.polled_at.load(Ordering::Relaxed);
        self.poller_age_ms.set(now.saturating_sub(polled_at).max(0));
        let begun = began_at(repo.epoch()).unwrap_or(now);
        self.epoch_age_s
            .set(now.saturating_sub(begun).max(0) / 1000);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// When a life of the database began; its name is a UUID of version 7, which tells.
pub fn began_at(epoch: Epoch) -> Option<Millis> {
    let (seconds, nanos) = epoch.uuid().get_timestamp()?.to_unix();
    let seconds = Millis::try_from(seconds).ok()?;
    Some(
        seconds
            .saturating_mul(1000)
            .saturating_add(Millis::from(nanos / 1_000_000)),
    )
}

/// One of those that are counted while they last.
pub struct Open(Gauge);

impl Open {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
