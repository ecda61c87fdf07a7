//! The wire
