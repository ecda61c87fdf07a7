//! Counts each request by the template of its route.

use super::Office;
use crate::door::Stopwatch;
use crate::metrics::Asked;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// What stands in place of a path or method that is none of ours: anybody may send anything.
const OTHER: &str = "other";

/// The layer: nothing is counted of a request but its route, its status and its time.
pub async fn count(State(office): State<Arc<Office>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(OTHER, MatchedPath::as_str).to_owned();
    let method = name_of(request.method());
    let watch = Stopwatch::start();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let asked = Asked {
        method,
        route,
        status,
    };
    office.metrics.answered(asked, watch.seconds());
    response
}

fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
