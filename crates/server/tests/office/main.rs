//! The office as desks see it: real sockets, a real database in a temporary folder, injected time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must stop; helpers of tests are tests to a reader, not to clippy"
)]

mod backup;
mod bounds;
mod codes;
mod crash;
mod demo;
mod digest;
mod documents;
mod events;
mod feed;
mod groups;
mod limits;
mod logs;
mod openapi;
mod poison;
mod push;
mod rooms;
mod scope;
mod sessions;
mod submit;
mod support;
mod unjudged;
