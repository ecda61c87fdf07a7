//! Whole-house tests and what they need: an office (a real server process), desks, a loopback host, a real window.
//!
//! Invariants: everything listens and talks on loopback only; every process started here is ended by its pid when its
//! owner is dropped. It knows every room but the shell, whose window it sees from outside only.

pub mod balancer;
pub mod bare_desk;
pub mod bucket;
pub mod carry;
pub mod case_script;
pub mod cluster;
pub mod core_system;
pub mod courier_desk;
pub mod desk;
pub mod failure;
pub mod gatekeeper;
pub mod hand_desk;
pub mod journey;
pub mod ledger;
pub mod loopback;
pub mod office;
pub mod papers;
pub mod programs;
pub mod proxy;
pub mod shared;
pub mod telephone;
pub mod window;

pub use failure::Failure;
