//! The routes, their policies and their handlers. A handler authorises, asks the repository and answers; it holds no
//! rule of its own.

pub mod admin;
pub mod administer;
pub mod bundles;
pub mod calls;
pub mod codes;
pub mod counted;
pub mod docs;
pub mod documents;
pub mod enrol;
pub mod executions;
pub mod gate;
pub mod guest;
mod guest_pages;
pub mod invited;
pub mod links;
pub mod listen;
pub mod oidc;
pub mod openapi;
pub mod pages;
pub mod ready;
pub mod receipts;
pub mod session;
mod shapes;
pub mod sync;
pub mod table;
pub mod wipe;
pub mod wire;

use crate::bundles::Bundles;
use crate::calls::CallKey;
use crate::connector::Connector;
use crate::hashing::Hashing;
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::oidc::Provider;
use crate::quarantine::Quarantine;
use crate::repo::{Repo, Rules};
use crate::second_factor::FactorKey;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Where every feed stands, as the one poller saw it last.
pub type Positions = Arc<BTreeMap<OfficeCode, u64>>;

/// What every handler may use.
pub struct Office {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub objects: Objects,
    pub bundles: Bundles,
    pub factors: Arc<FactorKey>,
    pub call_key: Arc<CallKey>,
    /// Bundles worked off at once.
    pub bundle_seats: Semaphore,
    pub quarantine: Quarantine,
    /// The way to the core system, where the server executes.
    pub connector: Option<Arc<Connector>>,
    /// The organisation's identity provider, if there is one.
    pub oidc: Option<Provider>,
    /// Where phones find this server, without a slash at the end.
    pub public_url: Option<String>,
    pub auto_approve: bool,
    /// Longest pause within a body.
    pub pause_within: Duration,
    pub positions: watch::Receiver<Positions>,
    /// The same for the bells of the offices' telephones.
    pub bells: watch::Receiver<Positions>,
    /// True once the server is asked to stop: long-polls end at once.
    pub closing: watch::Receiver<bool>,
    /// Where passwords are hashed.
    pub hashing: Arc<Hashing>,
    pub metrics: Arc<Metrics>,
    pub store_answer: ready::LastAnswer,
    /// Compared with when the login does not exist, so that the answer takes as long.
    pub nobody_phc: String,
}

impl Office {
    pub fn now(&self) -> Millis {
        self.rules.clock.now()
    }
}

/// The whole router, built from the table.
pub fn router(office: &Arc<Office>) -> Router {
    assemble(office, table::routes())
}

/// The router of the admin listener.
pub fn admin_router(office: &Arc<Office>) -> Router {
    assemble(office, table::admin())
}

fn assemble(office: &Arc<Office>, routes: Vec<table::Route>) -> Router {
    let mut router: Router<Arc<Office>> = Router::new();
    for route in routes {
        let gated = route.handler.layer(from_fn_with_state(
            (Arc::clone(office), route.policy),
            gate::check,
        ));
        router = router.route(route.path, gated);
    }
    router
        .fallback(pages::nowhere)
        .method_not_allowed_fallback(pages::nowhere)
        .layer(from_fn(gate::read_protocol))
        .layer(from_fn_with_state(Arc::clone(office), wire::envelope))
        .layer(from_fn_with_state(Arc::clone(office), counted::count))
        .with_state(Arc::clone(office))
}
