//! `GET /readyz`: may this server be sent requests? The database is asked each time, the object store now and then.

use super::Office;
use super::wire::Context;
use crate::error::ApiError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use desk_domain::time::Millis;
use desk_protocol::error;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// A part that takes longer to answer is not ready: whoever asks does not wait long either.
const WITHIN: Duration = Duration::from_secs(3);
/// How long an answer of the object store counts.
const COUNTS_MS: Millis = 5_000;

/// The reply of a server that is ready.
#[derive(Serialize)]
pub struct Ready {
    pub ready: bool,
}

/// A part of the house that requests need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Database,
    ObjectStore,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::ObjectStore => "object_store",
        }
    }
}

/// What may be asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadyQuery {
    /// One part alone: a balancer before a shared bucket asks for the database, since every server lacks the bucket at
    /// the same moment and ops need none.
    only: Option<Part>,
}

/// What the object store answered last, and when.
#[derive(Default)]
pub struct LastAnswer(Mutex<Option<(Millis, bool)>>);

pub async fn readyz(
    State(office): State<Arc<Office>>,
    context: Context,
    query: Result<Query<ReadyQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::new(error::BAD_JSON).at("query"))?;
    if *office.closing.borrow() {
        return Err(lacking("closing"));
    }
    let asked = |part| query.only.is_none_or(|only| only == part);
    let mut lacks = Vec::new();
    if asked(Part::Database) && !answers(office.repo.positions()).await {
        lacks.push(Part::Database.name());
    }
    if asked(Part::ObjectStore) && !object_store(&office).await {
        lacks.push(Part::ObjectStore.name());
    }
    if lacks.is_empty() {
        Ok(context.reply(Ready { ready: true }))
    } else {
        Err(lacking(&lacks.join(",")))
    }
}

fn lacking(parts: &str) -> ApiError {
    ApiError::new(error::UNAVAILABLE).with("not_ready", parts)
}

async fn answers<T, E>(question: impl Future<Output = Result<T, E>>) -> bool {
    matches!(timeout(WITHIN, question).await, Ok(Ok(_)))
}

/// One question at a time, and none while the last answer counts.
async fn object_store(office: &Office) -> bool {
    let mut last = office.store_answer.0.lock().await;
    let now = office.now();
    if let Some((at, well)) = *last
        && (at..at.saturating_add(COUNTS_MS)).contains(&now)
    {
        return well;
    }
    let objects = office.objects.clone();
    let asked = tokio::task::spawn_blocking(move || objects.is_there());
    let well = matches!(timeout(WITHIN, asked).await, Ok(Ok(Ok(()))));
    if !well {
        office.metrics.object_store_failed();
    }
    *last = Some((now, well));
    well
}
