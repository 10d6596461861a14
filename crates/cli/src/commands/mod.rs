//! One file or folder for each group of subcommands: a clap type, and a `run` that answers with a
//! [`Report`](crate::report::Report) or a [`Failure`](crate::failure::Failure).
//!
//! The program of the npm package (WASM) has the commands that check something. The others keep a sign-in, ask for
//! passwords or write files.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod audit;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod clients;
pub(crate) mod config;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod cost;
pub(crate) mod doctor;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod import;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod init;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod keys;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod login;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod revoke;
pub(crate) mod routes;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod sessions;
pub(crate) mod tail;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod throttle;
pub(crate) mod tokens;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod users;
