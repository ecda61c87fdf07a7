//! Every route of the server: method, path, policy, what it is for, and its handler. The router and the OpenAPI
//! document are both built from what stands here; an entry without a policy does not compile.

use super::gate::Policy;
use super::{Office, codes, documents, enrol, openapi, pages, session, sync};
use axum::http::Method;
use axum::routing::{MethodRouter, get, post, put};
use std::sync::Arc;

/// One entry.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub policy: Policy,
    /// One sentence for the OpenAPI document.
    pub summary: &'static str,
    /// Schema names of the body in and out; none for bytes and plain pages.
    pub takes: Option<&'static str>,
    pub gives: Option<&'static str>,
    /// Query parameters, required ones first.
    pub query: &'static [&'static str],
    pub handler: MethodRouter<Arc<Office>>,
}

fn route(
    method: Method,
    path: &'static str,
    policy: Policy,
    handler: MethodRouter<Arc<Office>>,
) -> Route {
    Route {
        method,
        path,
        policy,
        summary: "",
        takes: None,
        gives: None,
        query: &[],
        handler,
    }
}

/// The table.
pub fn routes() -> Vec<Route> {
    let mut all = people();
    all.extend(syncing());
    all.extend(papers());
    all.extend(one_time_codes());
    all.extend(public());
    all
}

fn people() -> Vec<Route> {
    vec![
        Route {
            summary: "A desk shows a one-time code and its new key; asked again it is told where it stands.",
            takes: Some("EnrolRequest"),
            gives: Some("EnrolReply"),
            ..route(
                Method::POST,
                "/v1/enrol",
                Policy::Device,
                post(enrol::enrol),
            )
        },
        Route {
            summary: "A person signs in on an active desk.",
            takes: Some("SignInRequest"),
            gives: Some("SessionReply"),
            ..route(
                Method::POST,
                "/v1/session",
                Policy::Device,
                post(session::sign_in),
            )
        },
        Route {
            summary: "Spends a refresh token for a new pair; a second use ends the family.",
            takes: Some("RefreshRequest"),
            gives: Some("SessionReply"),
            ..route(
                Method::POST,
                "/v1/session/refresh",
                Policy::Device,
                post(session::refresh),
            )
        },
    ]
}

fn one_time_codes() -> Vec<Route> {
    vec![
        Route {
            summary: "Sends a one-time code to the number of record of the case's merchant.",
            takes: Some("CodeSendRequest"),
            gives: Some("CodeSendReply"),
            ..route(Method::POST, "/v1/codes", Policy::Scope, post(codes::send))
        },
        Route {
            summary: "Checks what the caller read out; a right code becomes evidence on the case.",
            takes: Some("CodeVerifyRequest"),
            gives: Some("CodeVerifyReply"),
            ..route(
                Method::POST,
                "/v1/codes/verify",
                Policy::Scope,
                post(codes::verify),
            )
        },
    ]
}

fn syncing() -> Vec<Route> {
    vec![
        Route {
            summary: "Versions, limits, epoch, heads, scopes and the policy in force.",
            takes: Some("HelloRequest"),
            gives: Some("HelloReply"),
            ..route(
                Method::POST,
                "/v1/sync/hello",
                Policy::User,
                post(sync::hello),
            )
        },
        Route {
            summary: "Stores consecutive ops of one incarnation; answers after COMMIT with their outcomes.",
            takes: Some("PushRequest"),
            gives: Some("PushReply"),
            ..route(
                Method::POST,
                "/v1/sync/push",
                Policy::User,
                post(sync::push),
            )
        },
        Route {
            summary: "The next page of a feed; waits for one if asked to.",
            gives: Some("PullReply"),
            query: &["scope", "cursor", "wait_ms", "limit"],
            ..route(Method::GET, "/v1/sync/pull", Policy::Scope, get(sync::pull))
        },
        Route {
            summary: "First fill of a scope, page by page.",
            gives: Some("SnapshotReply"),
            query: &["scope", "after", "limit"],
            ..route(
                Method::GET,
                "/v1/sync/snapshot",
                Policy::Scope,
                get(sync::snapshot),
            )
        },
        Route {
            summary: "Compares digests of a desk's cases; gives the cases of buckets that differ.",
            takes: Some("DigestRequest"),
            gives: Some("DigestReply"),
            ..route(
                Method::POST,
                "/v1/sync/digest",
                Policy::Scope,
                post(sync::digest),
            )
        },
    ]
}

fn papers() -> Vec<Route> {
    vec![
        Route {
            summary: "Offers a document that an op has announced; tells which chunks are here.",
            takes: Some("OfferRequest"),
            gives: Some("OfferReply"),
            ..route(
                Method::POST,
                "/v1/documents",
                Policy::Scope,
                post(documents::offer),
            )
        },
        Route {
            summary: "Which chunks of a document are here.",
            gives: Some("OfferReply"),
            ..route(
                Method::GET,
                "/v1/documents/{id}/state",
                Policy::Scope,
                get(documents::state),
            )
        },
        Route {
            summary: "One chunk of 1 MiB (the last may be shorter), checked against the manifest.",
            gives: Some("ChunkReply"),
            ..route(
                Method::PUT,
                "/v1/documents/{id}/chunks/{i}",
                Policy::Scope,
                put(documents::chunk),
            )
        },
        Route {
            summary: "Checks the whole and keeps it; the case is told.",
            gives: Some("ChunkReply"),
            ..route(
                Method::POST,
                "/v1/documents/{id}/complete",
                Policy::Scope,
                post(documents::complete),
            )
        },
        Route {
            summary: "The bytes of a stored document; one range may be asked for.",
            ..route(
                Method::GET,
                "/v1/documents/{id}",
                Policy::Scope,
                get(documents::bytes),
            )
        },
    ]
}

fn public() -> Vec<Route> {
    vec![
        Route {
            summary: "The process runs.",
            gives: Some("Alive"),
            ..route(Method::GET, "/livez", Policy::Public, get(pages::livez))
        },
        Route {
            summary: "The database answers.",
            gives: Some("Ready"),
            ..route(Method::GET, "/readyz", Policy::Public, get(pages::readyz))
        },
        Route {
            summary: "Version of the server and of the protocol.",
            gives: Some("Version"),
            ..route(Method::GET, "/version", Policy::Public, get(pages::version))
        },
        Route {
            summary: "This document.",
            ..route(
                Method::GET,
                "/openapi.json",
                Policy::Public,
                get(openapi::serve),
            )
        },
    ]
}
