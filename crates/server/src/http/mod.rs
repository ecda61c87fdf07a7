//! The routes, their policies and their handlers. A handler authorises, asks the repository and answers; it holds no
//! rule of its own.

pub mod bundles;
pub mod codes;
pub mod documents;
pub mod enrol;
pub mod gate;
pub mod openapi;
pub mod pages;
pub mod session;
pub mod sync;
pub mod table;
pub mod wire;

use crate::bundles::Bundles;
use crate::gateway::Gateway;
use crate::objects::Objects;
use crate::repo::{Repo, Rules};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Where every feed stands, as the one poller saw it last.
pub type Positions = Arc<BTreeMap<OfficeCode, u64>>;

/// What every handler may use.
pub struct Office {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub objects: Objects,
    pub bundles: Bundles,
    /// Bundles worked off at once.
    pub bundle_seats: Semaphore,
    pub gateway: Gateway,
    pub auto_approve: bool,
    /// TOML of the policy in force.
    pub policy_text: String,
    pub policy_version: u32,
    pub positions: watch::Receiver<Positions>,
    /// True once the server is asked to stop: long-polls end at once.
    pub closing: watch::Receiver<bool>,
    /// Password hashes at work at once: each takes 19 MiB.
    pub hashing: Semaphore,
    /// Compared with when the login does not exist, so that the answer takes as long.
    pub nobody_phc: String,
}

impl Office {
    pub fn now(&self) -> Millis {
        self.rules.clock.now()
    }
}

/// The whole router, built from the table.
pub fn router(office: Arc<Office>) -> Router {
    let mut router: Router<Arc<Office>> = Router::new();
    for route in table::routes() {
        let gated = route.handler.layer(from_fn_with_state(
            (Arc::clone(&office), route.policy),
            gate::check,
        ));
        router = router.route(route.path, gated);
    }
    router
        .fallback(pages::nowhere)
        .method_not_allowed_fallback(pages::nowhere)
        .layer(from_fn(gate::read_protocol))
        .layer(from_fn_with_state(Arc::clone(&office), wire::envelope))
        .with_state(office)
}
