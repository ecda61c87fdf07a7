//! The box from outside: a real child process for every file.

mod abuse;
mod cage;
mod common;
mod intake;
