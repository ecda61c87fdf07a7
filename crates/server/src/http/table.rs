//! Every route of the server: method, path, policy, what it is for, and its handler. The router and the OpenAPI
//! document are both built from what stands here; an entry without a policy does not compile.

mod administer;
mod guests;

use super::gate::Policy;
use super::{
    Office, admin, bundles, calls, codes, docs, documents, enrol, executions, invited, links, oidc,
    openapi, pages, ready, receipts, session, sync, wipe,
};
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
    /// What a body without a shape is.
    pub takes_bytes: Option<&'static str>,
    /// What a reply without a shape is sent as.
    pub sends: &'static str,
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
        takes_bytes: None,
        sends: "application/octet-stream",
        query: &[],
        handler,
    }
}

/// The table.
pub fn routes() -> Vec<Route> {
    let mut all = people();
    all.extend(put_out());
    all.extend(syncing());
    all.extend(papers());
    all.extend(by_hand());
    all.extend(one_time_codes());
    all.extend(telephone());
    all.extend(upload_links());
    all.extend(administer::whole());
    all.extend(administer::people());
    all.extend(administer::desks());
    all.extend(guests::asked());
    all.extend(guests::open());
    all.extend(guests::parts());
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
            summary: "A person who was invited, or forgot a password, chooses one by a one-time code and is signed in.",
            takes: Some("InvitedRequest"),
            gives: Some("SessionReply"),
            ..route(
                Method::POST,
                "/v1/session/invited",
                Policy::Device,
                post(invited::redeem),
            )
        },
        Route {
            summary: "Begins a sign-in by the identity provider: where the browser is sent.",
            takes: Some("OidcBegin"),
            gives: Some("OidcBegun"),
            ..route(
                Method::POST,
                "/v1/session/oidc/begin",
                Policy::Device,
                post(oidc::begin),
            )
        },
        Route {
            summary: "Ends it with the code that the browser brought back; an invitation binds the person.",
            takes: Some("OidcFinish"),
            gives: Some("SessionReply"),
            ..route(
                Method::POST,
                "/v1/session/oidc",
                Policy::Device,
                post(oidc::finish),
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

fn put_out() -> Vec<Route> {
    vec![Route {
        summary: "A desk says that it has destroyed what it held, as it was ordered to.",
        takes: Some("WipedRequest"),
        gives: Some("WipedReply"),
        ..route(
            Method::POST,
            "/v1/device/wiped",
            Policy::Device,
            post(wipe::wiped),
        )
    }]
}

fn by_hand() -> Vec<Route> {
    vec![Route {
        summary: "Takes in a bundle that came by hand; answers with the return bundle for its desk.",
        takes_bytes: Some("application/octet-stream"),
        sends: bundles::BUNDLE_TYPE,
        ..route(
            Method::POST,
            "/v1/bundles",
            Policy::User,
            post(bundles::take_in),
        )
    }]
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

fn telephone() -> Vec<Route> {
    vec![
        Route {
            summary: "The calls of this desk's office that concern whoever asks; waits until they change if asked to.",
            gives: Some("CallsReply"),
            query: &["cursor", "wait_ms"],
            ..route(Method::GET, "/v1/calls", Policy::Scope, get(calls::listen))
        },
        Route {
            summary: "An event of a call, from a telephone system under its own token.",
            takes: Some("CallEvent"),
            sends: "application/json",
            ..route(
                Method::POST,
                "/hooks/cti/{token}",
                Policy::Public,
                post(calls::take),
            )
        },
    ]
}

fn upload_links() -> Vec<Route> {
    vec![
        Route {
            summary: "Makes an upload link for a case, to be shown or texted to the merchant.",
            takes: Some("LinkMakeRequest"),
            gives: Some("LinksReply"),
            ..route(Method::POST, "/v1/links", Policy::Scope, post(links::make))
        },
        Route {
            summary: "How the upload links of a case stand, and what is on its way by them.",
            takes: Some("LinkCaseRequest"),
            gives: Some("LinksReply"),
            ..route(
                Method::POST,
                "/v1/links/look",
                Policy::Scope,
                post(links::look),
            )
        },
        Route {
            summary: "Ends every upload link of a case.",
            takes: Some("LinkCaseRequest"),
            gives: Some("LinksReply"),
            ..route(
                Method::POST,
                "/v1/links/end",
                Policy::Scope,
                post(links::end),
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
            takes_bytes: Some("application/octet-stream"),
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
            summary: "The database and the object store answer; `only` asks for one of them.",
            gives: Some("Ready"),
            query: &["only"],
            ..route(Method::GET, "/readyz", Policy::Public, get(ready::readyz))
        },
        Route {
            summary: "Version of the server and of the protocol.",
            gives: Some("Version"),
            ..route(Method::GET, "/version", Policy::Public, get(pages::version))
        },
        Route {
            summary: "Delivery reports of a provider of messages, under this installation's token.",
            takes: Some("Receipts"),
            ..route(
                Method::POST,
                "/hooks/sms/{provider}/{token}",
                Policy::Public,
                post(receipts::take),
            )
        },
        Route {
            summary: "Result of an execution, signed by the core system, under this installation's token.",
            takes: Some("ExecutionAnswer"),
            gives: Some("ExecutionTaken"),
            ..route(
                Method::POST,
                "/hooks/execution/{token}",
                Policy::Public,
                post(executions::take),
            )
        },
        Route {
            summary: "This document.",
            sends: "application/json",
            ..route(
                Method::GET,
                "/openapi.json",
                Policy::Public,
                get(openapi::serve),
            )
        },
        Route {
            summary: "This document as a page for people.",
            sends: docs::HTML,
            ..route(Method::GET, "/docs", Policy::Public, get(docs::page))
        },
    ]
}

/// The routes of the admin listener: those that tell of the process, and the metrics. None of them is in the OpenAPI
/// document, which is for desks.
pub fn admin() -> Vec<Route> {
    let mut all = public();
    all.retain(|route| matches!(route.path, "/livez" | "/readyz" | "/version"));
    all.push(Route {
        summary: "Figures in Prometheus' text format.",
        sends: crate::metrics::CONTENT_TYPE,
        ..route(Method::GET, "/metrics", Policy::Public, get(admin::metrics))
    });
    all
}
