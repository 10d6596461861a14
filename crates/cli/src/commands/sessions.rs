//! `postern session`.

use clap::Subcommand;
use serde_json::json;

use crate::{
    context::Context,
    failure::Failure,
    http::segment,
    named_user::{find, resolve},
    report::{Column, Report, Shown},
};

/// Sessions of a user.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List a user's live sessions
    List {
        /// The user's id (the `sub` of the access tokens) or login
        user: String,
    },
    /// End one session of a user, or all sessions
    #[command(
        override_usage = "postern session revoke <USER> <SESSION>\n       postern session revoke <USER> --all"
    )]
    Revoke {
        /// The user's id (the `sub` of the access tokens) or login
        user: String,
        /// The session's id, as `postern session list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        session: Option<String>,
        /// Every session of the user
        #[arg(long)]
        all: bool,
    },
}

const COLUMNS: [Column; 8] = [
    Column { title: "SESSION", member: "session_id", shown: Shown::Plain },
    Column { title: "DEVICE", member: "device_name", shown: Shown::Plain },
    Column { title: "CLIENT", member: "client_id", shown: Shown::Plain },
    Column { title: "BEGAN", member: "created_at", shown: Shown::Time },
    Column { title: "SEEN", member: "seen_at", shown: Shown::Time },
    Column { title: "ENDS", member: "expires_at", shown: Shown::Time },
    Column { title: "IP", member: "ip", shown: Shown::Plain },
    Column { title: "COUNTRY", member: "country", shown: Shown::Plain },
];

impl Sessions {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = context.admin()?;
        match self {
            Self::List { user } => {
                let named = find(&client, user)?;
                let answer = client.admin("GET", &format!("/users/{}/sessions", named.id), None)?;
                Ok(Report::table(answer, "sessions", &COLUMNS).with_note(named.note()))
            }
            Self::Revoke { user, session: Some(session), .. } => {
                let path = format!("/users/{}/sessions/{}", resolve(&client, user)?, segment(session)?);
                client.admin("DELETE", &path, None)?;
                let value = json!({ "sub": user, "session_id": session, "status": "revoked" });
                Ok(Report::lines(value, [format!("session {session} of {user} has ended")]))
            }
            Self::Revoke { user, session: None, .. } => {
                let named = find(&client, user)?;
                client.admin("DELETE", &format!("/users/{}/sessions", named.id), None)?;
                let value = json!({ "sub": named.id, "status": "revoked", "known": named.known });
                let line = format!("all sessions of {user} have ended");
                Ok(Report::lines(value, [line]).with_note(named.note()))
            }
        }
    }
}
