//! The encrypted file as its users meet it. One program: each one more would carry SQLCipher once more.

#![cfg(test)]

mod copies;
mod crash;
mod documents;
mod epochs;
mod forgotten;
mod house;
mod journal;
mod lists;
mod opening;
mod overlay;
mod parked;
mod register;
mod retention;
mod salvage;
mod searching;
