//! Room 2, rules: what is a valid number, what may happen to a case, who may do it, and when.
//!
//! Invariants: every function is pure; the same input gives the same answer on a desk and on the server.
//! [`decide::decide`] is the only place where a case changes. Illegal text never becomes a typed value.
//!
//! It must never know: files, SQL, the network, a clock, a random source, async, or any front end.

pub mod assurance;
pub mod calendar;
pub mod canonical;
pub mod case;
pub mod case_no;
pub mod checklist;
pub mod clocks;
pub mod decide;
pub mod diagnosis;
pub mod digest;
pub mod field;
pub mod group;
pub mod guest;
pub mod ident;
pub mod ids;
pub mod invoice_qr;
pub mod knowledge;
pub mod manifest;
pub mod mask;
pub mod money;
pub mod names;
pub mod op;
pub mod outcome;
pub mod people;
pub mod policy;
pub mod refusal;
pub mod registry;
pub mod risk;
pub mod secret_trap;
#[cfg(any(test, feature = "testkit"))]
#[doc(hidden)]
pub mod testkit;
pub mod time;
