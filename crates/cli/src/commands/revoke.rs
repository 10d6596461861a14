//! `postern revoke`.

use clap::Subcommand;
use postern_app::{encoding::from_base64url, time::Timestamp};
use serde_json::{Value, json};

use super::keys::revoked_key;
use crate::{
    context::Context,
    failure::Failure,
    http::Client,
    named_user::{find, resolve},
    report::{Report, relative},
};

/// Whatever can be revoked.
#[derive(Debug, Subcommand)]
pub(crate) enum Revoke {
    /// Revoke one session: its refresh token and its access tokens
    #[command(
        override_usage = "postern revoke session USER SESSION\n       postern revoke session SESSION --issuer URL"
    )]
    Session {
        /// The user's id (the `sub` of the access tokens) or login, then the session's id; with --issuer only the `sid`
        #[arg(num_args = 1..=2, required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        foreign: Foreign,
    },
    /// End all sessions of a subject, and refuse every access token that it has now
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
    /// Refuse every access token that a client has now; its sessions end at their next refresh
    Client {
        /// The `client_id`; with --issuer the value of the claim that is configured for it
        client_id: String,
        #[command(flatten)]
        foreign: Foreign,
        #[command(flatten)]
        since: Since,
    },
    /// Revoke a signing key, as `postern key revoke` does
    Key {
        /// The key's id, as `postern key list` shows it
        kid: String,
    },
}

/// What another issuer issued.
#[derive(Debug, clap::Args)]
pub(crate) struct Foreign {
    /// A trusted issuer whose session, subject, token or client it is, instead of the deployment
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// When the last affected token expires, in seconds since 1970. The default is a day from now
    #[arg(long, value_name = "SECONDS", requires = "issuer")]
    expires_at: Option<u64>,
}

/// From when on things are good again.
#[derive(Debug, clap::Args)]
pub(crate) struct Since {
    /// Revoke only tokens issued until this time, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
}

impl Revoke {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = context.admin()?;
        let Ordered { body, what, doubt } = self.order(&client)?;
        let mut answer = client.admin("POST", "/revocations", Some(&body))?;
        if let Self::Key { kid } = self {
            return Ok(revoked_key(kid, answer, context));
        }
        let doubt = doubt.or_else(|| self.doubt(&answer));
        if let Some(members) = answer.as_object_mut() {
            members.insert("note".to_owned(), doubt.clone().map_or(Value::Null, Value::from));
        }
        let mut lines = vec![format!("{what} is revoked")];
        lines.extend(doubt.map(|doubt| format!("  but {doubt}")));
        if let Some(ended) = answer.get("sessions_ended").and_then(Value::as_u64) {
            lines.push(format!("  live sessions that it ended            {ended}"));
            lines.push("  refused by routes with `strong`        from the next request on".to_owned());
        }
        if let Some(at) = answer.get("refused_by_the_feed_at").and_then(Value::as_u64) {
            let at = relative(Timestamp::from_seconds(at), context.now());
            lines.push(format!("  refused by routes with `feed`          {at}"));
        }
        Ok(Report::lines(answer, lines))
    }

    /// What the answer leaves open, or says against what was meant.
    fn doubt(&self, answer: &Value) -> Option<String> {
        let none_ended = answer.get("sessions_ended").and_then(Value::as_u64) == Some(0);
        match self {
            Self::Session { foreign, .. } | Self::Subject { foreign, .. } | Self::Token { foreign, .. }
                if foreign.issuer.is_some() =>
            {
                Some("only its issuer knows whether it exists; check the spelling".to_owned())
            }
            Self::Session { ids, .. } if none_ended => Some(format!(
                "no live session has this id: it has ended already, or the id is misspelled (see `postern session list {}`)",
                ids.first().map(String::as_str).unwrap_or_default()
            )),
            Self::Token { .. } => Some(
                "access tokens are not stored, so Postern cannot tell whether one has this id".to_owned(),
            ),
            Self::Client { foreign, .. } if foreign.issuer.is_some() => {
                Some("only its issuer knows whether this client exists; check the spelling".to_owned())
            }
            Self::Client { .. } if answer.get("known") == Some(&Value::Bool(false)) => {
                Some("POSTERN_CLIENTS does not contain this client. It is revoked nevertheless".to_owned())
            }
            _ => None,
        }
    }

    /// What to send.
    fn order(&self, client: &Client) -> Result<Ordered, Failure> {
        let mut doubt = None;
        let (body, what) = match self {
            Self::Session { ids, foreign } => match (ids.as_slice(), &foreign.issuer) {
                ([user, session], None) => (
                    json!({ "kind": "session", "sub": resolve(client, user)?, "session_id": session }),
                    format!("session {session} of {user}"),
                ),
                ([session], Some(issuer)) => (
                    json!({ "kind": "session", "session_id": session, "issuer": issuer, "expires_at": foreign.expires_at }),
                    format!("session {session} of {issuer}"),
                ),
                ([_], None) => {
                    return Err(Failure::usage("the user is missing: pass USER SESSION".to_owned()));
                }
                _ => return Err(Failure::usage("with --issuer, pass only the session".to_owned())),
            },
            Self::Subject { subject, foreign, since } => {
                let id = if foreign.issuer.is_some() {
                    subject.clone()
                } else {
                    let named = find(client, subject)?;
                    doubt = named.note();
                    named.id
                };
                (
                    json!({ "kind": "subject", "sub": id, "issuer": foreign.issuer, "expires_at": foreign.expires_at, "not_before": since.not_before }),
                    format!("subject {subject}"),
                )
            }
            // Refused here with the words that a person needs; the deployment has the last one.
            Self::Token { jti, foreign } if foreign.issuer.is_none() && !is_own_jti(jti) => {
                return Err(Failure::usage(format!(
                    "{jti:?} is not the id of an access token. The id is the `jti`, 22 characters of A-Z a-z 0-9 - _, \
                     which `postern token inspect` shows. For another issuer's token, pass --issuer URL"
                )));
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
        };
        Ok(Ordered { body, what, doubt })
    }
}

/// An order as it is sent.
struct Ordered {
    /// The body of the call.
    body: Value,
    /// What to call the thing.
    what: String,
    /// What was found against it beforehand.
    doubt: Option<String>,
}

/// Whether an access token of ours can have this id: 16 bytes in base64url.
fn is_own_jti(jti: &str) -> bool {
    from_base64url(jti).is_some_and(|bytes| bytes.len() == 16)
}
