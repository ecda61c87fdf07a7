//! Routes of those who administer.

use super::super::administer as done;
use super::super::gate::Policy;
use super::{Route, route};
use axum::http::Method;
use axum::routing::{get, post};

/// Offices, the policy, and what admins did.
pub fn whole() -> Vec<Route> {
    vec![
        Route {
            summary: "The admin's offices, the safeguards, and which policy is in force or waits.",
            gives: Some("AdminOverview"),
            ..route(
                Method::GET,
                "/v1/admin/office",
                Policy::Admin,
                get(done::overview),
            )
        },
        Route {
            summary: "Adds an office under one of the admin's, or gives one of them another name or place.",
            takes: Some("PutOffice"),
            gives: Some("AdminOverview"),
            ..route(
                Method::POST,
                "/v1/admin/office",
                Policy::Admin,
                post(done::put_office),
            )
        },
        Route {
            summary: "The second admin's word on a policy that waits.",
            takes: Some("ApprovePolicy"),
            gives: Some("AdminOverview"),
            ..route(
                Method::POST,
                "/v1/admin/policy/approve",
                Policy::Admin,
                post(done::approve_policy),
            )
        },
        Route {
            summary: "What admins did in the admin's offices, the newest first.",
            gives: Some("AdminLog"),
            query: &["before"],
            ..route(Method::GET, "/v1/admin/log", Policy::Admin, get(done::log))
        },
    ]
}

/// People.
pub fn people() -> Vec<Route> {
    vec![
        Route {
            summary: "People of the admin's offices, by login.",
            gives: Some("AdminPeople"),
            query: &["after", "find", "office"],
            ..route(
                Method::GET,
                "/v1/admin/people",
                Policy::Admin,
                get(done::people),
            )
        },
        Route {
            summary: "An account without a password, and a one-time code by which its owner chooses one.",
            takes: Some("InvitePerson"),
            gives: Some("PersonDone"),
            ..route(
                Method::POST,
                "/v1/admin/people",
                Policy::Admin,
                post(done::invite),
            )
        },
        Route {
            summary: "Rights, password, second factor and departure of one person.",
            takes: Some("PersonAct"),
            gives: Some("PersonDone"),
            ..route(
                Method::POST,
                "/v1/admin/people/{user}",
                Policy::Admin,
                post(done::act_on_person),
            )
        },
    ]
}

/// Desks.
pub fn desks() -> Vec<Route> {
    vec![
        Route {
            summary: "Desks of the admin's offices: those that wait first.",
            gives: Some("AdminDesks"),
            query: &["after", "office"],
            ..route(
                Method::GET,
                "/v1/admin/desks",
                Policy::Admin,
                get(done::desks),
            )
        },
        Route {
            summary: "A one-time code for a new desk.",
            takes: Some("NewDesk"),
            gives: Some("IssuedCode"),
            ..route(
                Method::POST,
                "/v1/admin/desks",
                Policy::Admin,
                post(done::new_desk),
            )
        },
        Route {
            summary: "Lets a desk in, puts it out, or orders it to destroy what it holds.",
            takes: Some("DeskAct"),
            gives: Some("AdminDesk"),
            ..route(
                Method::POST,
                "/v1/admin/desks/{device}",
                Policy::Admin,
                post(done::act_on_desk),
            )
        },
    ]
}
