//! The office as desks see it: real sockets, a real database in a temporary folder, injected time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must stop; helpers of tests are tests to a reader, not to clippy"
)]

mod admin;
mod administer;
mod ahead;
mod audit;
mod backup;
mod bounds;
mod bundles;
mod call_backs;
mod calls;
mod codes;
mod crash;
mod cti_commands;
mod demo;
mod digest;
mod docs_page;
mod doctor;
mod documents;
mod events;
mod execution_nodes;
mod execution_refusals;
mod executions;
mod feed;
mod ghosts;
mod groups;
mod invitation_commands;
mod invitations;
mod life;
mod limits;
mod links;
mod logs;
mod many;
mod matrix;
mod metrics;
mod notices;
mod objects;
mod oidc;
mod oidc_commands;
mod openapi;
mod outbox;
mod poison;
mod policy;
mod push;
mod ready;
mod registry;
mod registry_refusals;
mod registry_runs;
mod rooms;
mod schema;
mod scope;
mod second_factor;
mod sessions;
mod skew;
mod slow;
mod stops;
mod submit;
mod support;
mod two_admins;
mod unjudged;
mod webhook_commands;
mod webhooks;
mod wipes;
