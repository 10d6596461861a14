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
    /// A CSV file with a header line, or a JSON file with one object per line
    pub(super) file: PathBuf,
    /// The format, if it is not clear from the file's name
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// The product that exported the file; "postern" means the member names of the API
    #[arg(long = "from", value_enum, default_value = "postern", value_name = "SOURCE")]
    pub(super) source: Source,
    /// Read a member from another name, for example login=mail; can be repeated
    #[arg(long = "field", value_name = "MEMBER=NAME", value_parser = renamed)]
    pub(super) fields: Vec<(String, String)>,
    /// Ignore unknown members instead of refusing the row
    #[arg(long)]
    pub(super) ignore_other: bool,
    /// Import users without a usable hash: they set a password with a one-time token. Without this
    /// flag, such rows are refused
    #[arg(long)]
    pub(super) without_password: bool,
    /// Check every row on this machine, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The file for the progress. The default is FILE.journal
    #[arg(long, value_name = "PATH", conflicts_with = "dry_run")]
    pub(super) journal: Option<PathBuf>,
    /// The file for refused rows and their reasons. The default is FILE.rejects
    #[arg(long, value_name = "PATH", conflicts_with = "dry_run")]
    pub(super) rejects: Option<PathBuf>,
    /// Start from the first row and ignore the journal; existing users are not changed
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) restart: bool,
    /// Rows per request
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=MAX_ROWS as u64), value_name = "ROWS")]
    pub(super) batch: u64,
    /// Concurrent requests
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32), value_name = "REQUESTS")]
    pub(super) in_flight: u8,
    /// How often to retry a failed request, with growing pauses
    #[arg(long, default_value_t = 10, value_name = "TIMES")]
    pub(super) retries: u32,
    // The last: the heading would hold for what follows.
    #[command(flatten, next_help_heading = "Defaults for rows without them")]
    pub(super) grants: Grants,
}

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values (RFC 4180); the first line has the names
    Csv,
    /// JSON, one object per line
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
    /// The member names of the API
    Postern,
    /// Auth0's export of users with `passwordHash`
    Auth0,
    /// `users` of a realm export of Keycloak
    Keycloak,
    /// `users` of `firebase auth:export`; its hashes cannot be used
    Firebase,
    /// `Users` of `aws cognito-idp list-users`; it contains no hashes
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
