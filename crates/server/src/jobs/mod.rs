//! Work that nobody waits for, one loop of each kind a node. What is to be done stands in the database and is claimed for
//! a while, so that any node may do it and a dead one is no loss.

pub mod delivering;
pub mod executing;
pub mod forgetting;
pub mod rounds;
pub mod sending;
