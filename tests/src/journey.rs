//! journey follows
