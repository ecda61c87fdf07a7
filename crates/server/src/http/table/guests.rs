//! Routes of merchants' phones.

use super::super::gate::Policy;
use super::super::{guest, guest_pages};
use super::{Route, route};
use axum::http::Method;
use axum::routing::{get, post, put};

/// What their scripts ask.
pub fn asked() -> Vec<Route> {
    vec![
        Route {
            summary: "What the merchant behind a link is asked for.",
            gives: Some("GuestCase"),
            ..route(
                Method::GET,
                "/v1/guest/case",
                Policy::Link,
                get(guest::case),
            )
        },
        Route {
            summary: "A file is about to come; the same file again goes on where it was cut.",
            takes: Some("UploadBegin"),
            gives: Some("UploadState"),
            ..route(
                Method::POST,
                "/v1/guest/uploads",
                Policy::Link,
                post(guest::begin),
            )
        },
        Route {
            summary: "One chunk of 256 KiB; the last may be shorter.",
            takes_bytes: Some("application/octet-stream"),
            gives: Some("UploadState"),
            ..route(
                Method::PUT,
                "/v1/guest/uploads/{id}/chunks/{i}",
                Policy::Link,
                put(guest::chunk),
            )
        },
        Route {
            summary: "Opens the file in the box; a paper is on the case when the answer comes.",
            gives: Some("UploadState"),
            ..route(
                Method::POST,
                "/v1/guest/uploads/{id}/complete",
                Policy::Link,
                post(guest::complete),
            )
        },
    ]
}

/// What is asked without a link to a case's papers.
pub fn open() -> Vec<Route> {
    vec![
        Route {
            summary: "How far a case is, by its number and its code.",
            takes: Some("ProgressRequest"),
            gives: Some("ProgressReply"),
            ..route(
                Method::POST,
                "/v1/guest/progress",
                Policy::Public,
                post(guest::progress),
            )
        },
        Route {
            summary: "How an announced unbind stands, by the token of its message.",
            takes: Some("StopRequest"),
            gives: Some("StopReply"),
            ..route(
                Method::POST,
                "/v1/guest/stop/look",
                Policy::Public,
                post(guest::stop_look),
            )
        },
        Route {
            summary: "The merchant of record stops an announced unbind; once is enough.",
            takes: Some("StopRequest"),
            gives: Some("StopReply"),
            ..route(
                Method::POST,
                "/v1/guest/stop",
                Policy::Public,
                post(guest::stop),
            )
        },
    ]
}

/// The pages, and what they are made of.
pub fn parts() -> Vec<Route> {
    vec![
        Route {
            summary: "The page on which a merchant sends papers.",
            sends: guest_pages::HTML,
            ..route(Method::GET, "/u", Policy::Public, get(guest_pages::upload))
        },
        Route {
            summary: "The page that tells how far a case is.",
            sends: guest_pages::HTML,
            ..route(
                Method::GET,
                "/p",
                Policy::Public,
                get(guest_pages::progress),
            )
        },
        Route {
            summary: "The page on which a merchant stops an announced unbind.",
            sends: guest_pages::HTML,
            ..route(Method::GET, "/s", Policy::Public, get(guest_pages::stop))
        },
        Route {
            summary: "Script and style of the pages.",
            ..route(
                Method::GET,
                "/guest/{file}",
                Policy::Public,
                get(guest_pages::part),
            )
        },
    ]
}
