//! `postern revoke`.

use clap::Subcommand;
use postern::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    client::Client,
    context::Context,
    failure::Failure,
    keys::revoked_key,
    report::{Report, relative},
    users::resolve,
};

/// Whatever can be revoked.
#[derive(Debug, Subcommand)]
pub(crate) enum Revoke {
    /// End one session: its refresh token and its access tokens
    #[command(
        override_usage = "postern revoke session USER SESSION\n       postern revoke session SESSION --issuer URL"
    )]
    Session {
        /// The user's id (the `sub` of the access tokens) or login, then the session's id; with --issuer the `sid` alone
        #[arg(num_args = 1..=2, required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        foreign: Foreign,
    },
    /// End all sessions of a subject, and refuse all that was issued to it until now
    Subject {
        /// The user's id or login; with --issuer the `sub`
        subject: String,
        #[command(flatten)]
        foreign: Foreign,
        #[command(flatten)]
        since: Since,
    },
    /// Refuse one access token
    Token {
        /// Its `jti`, as `postern token inspect` shows it
        jti: String,
        #[command(flatten)]
        foreign: Foreign,
    },
    /// Refuse all that a client was issued until now; its sessions end when they are refreshed
    Client {
        /// The `client_id`; with --issuer what the claim says that is configured for it
        client_id: String,
        #[command(flatten)]
        foreign: Foreign,
        #[command(flatten)]
        since: Since,
    },
    /// Take a signing key out of use: as `postern key revoke`
    Key {
        /// The key's id, as `postern key list` shows it
        kid: String,
    },
}

/// What another issuer issued.
#[derive(Debug, clap::Args)]
pub(crate) struct Foreign {
    /// Of this trusted issuer, in place of ours
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// When the last of it expires by itself, in seconds since 1970; a day from now when not given
    #[arg(long, value_name = "SECONDS", requires = "issuer")]
    expires_at: Option<u64>,
}

/// From when on things are good again.
#[derive(Debug, clap::Args)]
pub(crate) struct Since {
    /// Only what was issued until then, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
}

impl Revoke {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = context.admin()?;
        let (body, what) = self.order(&client)?;
        let answer = client.admin("POST", "/revocations", Some(&body))?;
        if let Self::Key { kid } = self {
            return Ok(revoked_key(kid, answer, context));
        }
        let mut lines = vec![format!("{what} is revoked")];
        if let Some(ended) = answer.get("sessions_ended").and_then(Value::as_u64) {
            lines.push(format!("  sessions that were alive               {ended}"));
            lines.push("  refused where the level is `strong`    with the next request".to_owned());
        }
        if let Some(at) = answer.get("refused_by_the_feed_at").and_then(Value::as_u64) {
            let at = relative(Timestamp::from_seconds(at), context.now());
            lines.push(format!("  refused where the level is `feed`      {at}"));
        }
        Ok(Report::lines(answer, lines))
    }

    /// The body of the call, and what to call the thing.
    fn order(&self, client: &Client) -> Result<(Value, String), Failure> {
        Ok(match self {
            Self::Session { ids, foreign } => match (ids.as_slice(), &foreign.issuer) {
                ([user, session], None) => (
                    json!({ "kind": "session", "subject": resolve(client, user)?, "session_id": session }),
                    format!("session {session} of {user}"),
                ),
                ([session], Some(issuer)) => (
                    json!({ "kind": "session", "session_id": session, "issuer": issuer, "expires_at": foreign.expires_at }),
                    format!("session {session} of {issuer}"),
                ),
                ([_], None) => {
                    return Err(Failure::usage(
                        "whose session it is must come first: USER SESSION".to_owned(),
                    ));
                }
                _ => return Err(Failure::usage("with --issuer there is the session alone".to_owned())),
            },
            Self::Subject { subject, foreign, since } => {
                let id = if foreign.issuer.is_some() { subject.clone() } else { resolve(client, subject)? };
                (
                    json!({ "kind": "subject", "subject": id, "issuer": foreign.issuer, "expires_at": foreign.expires_at, "not_before": since.not_before }),
                    format!("subject {subject}"),
                )
            }
            Self::Token { jti, foreign } => (
                json!({ "kind": "access_token", "jti": jti, "issuer": foreign.issuer, "expires_at": foreign.expires_at }),
                format!("access token {jti}"),
            ),
            Self::Client { client_id, foreign, since } => (
                json!({ "kind": "client", "client_id": client_id, "issuer": foreign.issuer, "expires_at": foreign.expires_at, "not_before": since.not_before }),
                format!("client {client_id}"),
            ),
            Self::Key { kid } => (json!({ "kind": "key", "kid": kid }), format!("key {kid}")),
        })
    }
}
