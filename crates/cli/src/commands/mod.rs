//! One file or folder for each group of subcommands: a clap type, and a `run` that answers with a
//! [`Report`](crate::report::Report) or a [`Failure`](crate::failure::Failure).

pub(crate) mod audit;
pub(crate) mod clients;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod revoke;
pub(crate) mod routes;
pub(crate) mod sessions;
pub(crate) mod throttle;
pub(crate) mod tokens;
pub(crate) mod users;
