//! The arguments of `postern user import`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use postern_app::{identity::import::MEMBERS, service::admin::MAX_ROWS};

use crate::{args::Grants, failure::Failure};

/// The most text of one batch in bytes: a quarter of what the call takes.
pub(super) const BATCH_BYTES: usize = 256 * 1024;

/// What to import, and how.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Import {
    /// A CSV file with a line of names, or JSON, one object a line
    pub(super) file: PathBuf,
    /// Which of the two, if the name of the file does not say so
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Whose export it is; "postern" has the names of the API
    #[arg(long = "from", value_enum, default_value = "postern", value_name = "SOURCE")]
    pub(super) source: Source,
    /// Take a member from another name, for example login=mail; may be repeated
    #[arg(long = "field", value_name = "MEMBER=NAME", value_parser = renamed)]
    pub(super) fields: Vec<(String, String)>,
    /// Leave out what is no member of a user, in place of refusing the row
    #[arg(long)]
    pub(super) ignore_other: bool,
    /// Users without a hash that can be used get one that no password matches: they set a
    /// password by one-time token. Without this such a row is refused
    #[arg(long)]
    pub(super) without_password: bool,
    /// Read and check every row here, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Where to write how far it has come, if not FILE.journal
    #[arg(long, value_name = "PATH", conflicts_with = "dry_run")]
    pub(super) journal: Option<PathBuf>,
    /// Where to write refused rows and why, if not FILE.rejects
    #[arg(long, value_name = "PATH", conflicts_with = "dry_run")]
    pub(super) rejects: Option<PathBuf>,
    /// Begin anew, whatever the journal says; users who are there stay as they are
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) restart: bool,
    /// Rows of one request
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=MAX_ROWS as u64), value_name = "ROWS")]
    pub(super) batch: u64,
    /// Requests at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32), value_name = "REQUESTS")]
    pub(super) in_flight: u8,
    /// How often a request is repeated that the deployment could not do, with growing pauses
    #[arg(long, default_value_t = 10, value_name = "TIMES")]
    pub(super) retries: u32,
    // The last: the heading would hold for what follows.
    #[command(flatten, next_help_heading = "For rows that name none")]
    pub(super) grants: Grants,
}

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values (RFC 4180), the first line being names
    Csv,
    /// JSON, one object a line
    Jsonl,
}

impl Format {
    /// By the ending of the name.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" | "json" => Ok(Self::Jsonl),
            _ => Err(Failure::usage(format!("{}: pass --format csv or --format jsonl", path.display()))),
        }
    }
}

/// Whose export it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The members of the API by their names
    Postern,
    /// Auth0's export of users with `passwordHash`
    Auth0,
    /// `users` of a realm export of Keycloak
    Keycloak,
    /// `users` of `firebase auth:export`; its hashes cannot be used
    Firebase,
    /// `Users` of `aws cognito-idp list-users`; it gives no hashes away
    Cognito,
}

/// `MEMBER=NAME` of the command line.
pub(super) fn renamed(text: &str) -> Result<(String, String), String> {
    let (member, name) = text.split_once('=').ok_or("must be MEMBER=NAME")?;
    if MEMBERS.contains(&member) && !name.is_empty() {
        Ok((member.to_owned(), name.to_owned()))
    } else {
        Err(format!("the member must be one of {}", MEMBERS.join(", ")))
    }
}
