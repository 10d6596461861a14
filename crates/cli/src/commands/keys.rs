//! `postern key`.

use clap::Subcommand;
use postern_app::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::Failure,
    http::segment,
    report::{Column, Report, Shown, plain, relative},
};

/// Signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the signing keys and their states
    List,
    /// Activate the next key now
    Rotate {
        /// Rotate even if some clients do not have the next key yet; they refuse new tokens until they read the key set again
        #[arg(long)]
        force: bool,
        /// Use this algorithm from now on: ES256, EdDSA or RS256
        #[arg(long, value_name = "ALG")]
        algorithm: Option<String>,
    },
    /// Revoke a compromised key now: every token that it signed is refused
    Revoke {
        /// The key's id, as `postern key list` shows it
        kid: String,
    },
}

const COLUMNS: [Column; 6] = [
    Column { title: "KID", member: "kid", shown: Shown::Plain },
    Column { title: "ALG", member: "alg", shown: Shown::Plain },
    Column { title: "STATE", member: "state", shown: Shown::Plain },
    Column { title: "SINCE", member: "since", shown: Shown::Time },
    Column { title: "UNTIL", member: "until", shown: Shown::Time },
    Column { title: "CAUSE", member: "cause", shown: Shown::Plain },
];

impl Keys {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = context.admin()?;
        match self {
            Self::List => {
                let answer = client.admin("GET", "/keys", None)?;
                Ok(Report::table(answer, "keys", &COLUMNS))
            }
            Self::Rotate { force, algorithm } => {
                let body = json!({ "force": force, "algorithm": algorithm });
                let answer = client.admin("POST", "/keys/rotate", Some(&body))?;
                let line = match text(&answer, "status").as_str() {
                    "scheduled" => format!(
                        "{} is published now and signs {}, when the clients' caches have it. `--force` does not wait",
                        text(&answer, "kid"),
                        when(&answer, "at", context)
                    ),
                    _ => format!(
                        "{} signs now. Tokens that {} signed stay valid until they expire",
                        text(&answer, "kid"),
                        text(&answer, "former_kid")
                    ),
                };
                Ok(Report::lines(answer, [line]))
            }
            Self::Revoke { kid } => {
                let answer = client.admin("POST", &format!("/keys/{}/revoke", segment(kid)?), None)?;
                Ok(revoked_key(kid, answer, context))
            }
        }
    }
}

/// What came of revoking a key.
pub(crate) fn revoked_key(kid: &str, answer: Value, context: &Context) -> Report {
    let lines = [
        format!("{kid} is revoked; {} signs", text(&answer, "active_kid")),
        format!("  the last Worker stops signing     {}", when(&answer, "no_longer_signs_at", context)),
        format!("  refused by routes with the feed   {}", when(&answer, "refused_by_the_feed_at", context)),
        format!("  refused by every route            {}", when(&answer, "refused_at_the_gate_at", context)),
        format!(
            "  refused by clients that cache     {}",
            when(&answer, "refused_by_caching_clients_at", context)
        ),
        "Sessions continue: clients refresh and get tokens of the new key.".to_owned(),
    ];
    Report::lines(answer, lines)
}

fn text(answer: &Value, member: &str) -> String {
    answer.get(member).map(plain).unwrap_or_default()
}

fn when(answer: &Value, member: &str, context: &Context) -> String {
    let at = answer.get(member).and_then(Value::as_u64);
    at.map_or_else(
        || "at an unknown time".to_owned(),
        |at| relative(Timestamp::from_seconds(at), context.now()),
    )
}
