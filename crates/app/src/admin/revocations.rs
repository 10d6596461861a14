//! `POST /admin/revocations`: one call for everything that can be revoked.

use postern_oauth::stored::StoredId;
use serde_json::Value;

use crate::{
    access::revocation_cache::RevocationCache,
    admin::{
        keys::{AdminKeys, promised},
        request::{AdminRequest, object},
        revoking::{RevocationRefused, Revoking},
    },
    encoding::from_base64url,
    http::{Problem, Reply},
    isolate::Isolate,
    oauth::stored_clients::StoredClients,
    ports::Clock as _,
    revocation::{CLIENT_HORIZON, Target},
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
    web::{body::BodyError, endpoints::REVOCATION_MEMBERS, error::ApiError},
};

/// The longest id that is accepted, in bytes: longer than any `sub` or `jti` in use, and short enough for the audit log
/// to show it in full.
const MAX_ID_BYTES: usize = 400;

/// The number of random bytes in the id of the deployment's access tokens.
const OWN_JTI_BYTES: usize = 16;

/// The `Retry-After` for a full feed, in seconds. Its next entries may expire in a minute.
const FULL_RETRY_AFTER: u32 = 60;

/// The target for the audit log: the kind, the id, and the issuer if it is another one.
pub(crate) fn named(target: &Target) -> String {
    let mut parts = vec![target.kind().to_owned()];
    match target {
        Target::Session { account, session } => parts.extend([account.to_string(), session.to_string()]),
        Target::Account { account } => parts.push(account.to_string()),
        Target::AccessToken { issuer, jti, .. } => {
            parts.push(jti.clone());
            parts.extend(issuer.clone());
        }
        Target::Client { client_id: id, .. } | Target::Key { kid: id } => parts.push(id.clone()),
        Target::ForeignSubject { issuer, subject: id, .. }
        | Target::ForeignClient { issuer, client_id: id, .. }
        | Target::ForeignSession { issuer, session: id, .. } => parts.extend([id.clone(), issuer.clone()]),
    }
    parts.join(" ")
}

/// What `POST /admin/revocations` needs.
/// The answer to a revocation that the feed has no room for.
pub(crate) fn feed_full() -> Reply {
    Problem::new(503, "revocation_feed_full", "Too many individual revocations; nothing was added")
        .with_detail("Sessions and users of this deployment can still be revoked")
        .with_retry_after(FULL_RETRY_AFTER)
        .into()
}

pub(crate) struct AdminRevocations<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    revocation_cache: RevocationCache<'r, P>,
    admin_keys: AdminKeys<'r, P>,
    revoking: Revoking<'r, P>,
    clients: StoredClients<'r, P>,
}

impl<'r, P: Ports> AdminRevocations<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            revocation_cache: RevocationCache::of(runtime),
            admin_keys: AdminKeys::of(runtime),
            revoking: Revoking::of(runtime),
            clients: StoredClients::of(runtime),
        }
    }

    /// `POST /admin/revocations`: 200 when the revocation is stored; 400 for a target that is not valid, or an issuer
    /// that is not trusted; 503 `revocation_feed_full`.
    pub(crate) async fn revoke(&self, asked: &AdminRequest<'_>, target: &Target) -> Result<Reply, ApiError> {
        if let Target::Key { kid } = target {
            return self.admin_keys.revoke_key(asked, kid).await;
        }
        match self.revoking.revoke_target(target, asked.caller.setting()).await {
            Ok(revoked) => {
                let ours = matches!(target, Target::Session { .. } | Target::Account { .. });
                let ended = if ours { revoked.sessions.len().into() } else { Value::Null };
                // One that was taken out of the settings may still have tokens: it is no error.
                let known = match target {
                    Target::Client { client_id, .. } => self.knows(client_id).await,
                    _ => Value::Null,
                };
                Ok(Reply::json(
                    200,
                    &object([
                        ("status", "revoked".into()),
                        ("kind", target.kind().into()),
                        ("sessions_ended", ended),
                        ("known", known),
                        (
                            "refused_by_the_feed_at",
                            promised(self.platform.now().plus(self.revocation_cache.feed_delay())),
                        ),
                    ]),
                ))
            }
            Err(RevocationRefused::UntrustedIssuer) => Ok(Problem::new(
                400,
                "untrusted_issuer",
                "The issuer is not trusted, so none of its tokens are accepted",
            )
            .with_error("issuer", "is not a trusted issuer")
            .into()),
            Err(RevocationRefused::FeedFull) => Ok(feed_full()),
            Err(RevocationRefused::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Whether a client has this id; null if that cannot be looked up.
    async fn knows(&self, client_id: &str) -> Value {
        if self.isolate.config.has_client(client_id) {
            return true.into();
        }
        match StoredId::parse(client_id).filter(|_| self.clients.are_on()) {
            None => false.into(),
            Some(client_id) => {
                self.clients.read(&client_id).await.map_or(Value::Null, |found| found.is_some().into())
            }
        }
    }

    /// Reads the target. Members that do not belong to its kind are refused, because the caller means something else.
    pub(crate) fn target_to_revoke(&self, asked: &AdminRequest<'_>) -> Result<Target, ApiError> {
        let body = &asked.body;
        let id = |name: &'static str| {
            let text = body.text(name)?;
            let sound = !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(char::is_control);
            if sound { Ok(text.to_owned()) } else { Err(BodyError::InvalidMember(name)) }
        };
        let issuer = match body.value("issuer") {
            None => None,
            // Our own name means the same as none.
            Some(_) => Some(id("issuer")?).filter(|issuer| *issuer != self.isolate.config.issuer),
        };
        let foreign = issuer.is_some();
        let (members, target): (&[&str], _) = match (body.text("kind")?, issuer) {
            ("session", None) => (
                &["sub", "session_id"],
                Target::Session {
                    account: own(&id("sub")?, "sub")?,
                    session: own(&id("session_id")?, "session_id")?,
                },
            ),
            ("session", Some(issuer)) => (
                &["session_id", "expires_at"],
                Target::ForeignSession {
                    issuer,
                    session: id("session_id")?,
                    expires_at: self.expires_at(asked)?,
                },
            ),
            ("subject", None) => (&["sub"], Target::Account { account: own(&id("sub")?, "sub")? }),
            ("subject", Some(issuer)) => (
                &["sub", "not_before", "expires_at"],
                Target::ForeignSubject {
                    issuer,
                    subject: id("sub")?,
                    not_before: self.not_before(asked)?,
                    expires_at: self.expires_at(asked)?,
                },
            ),
            ("access_token", issuer) => {
                let jti = id("jti")?;
                if issuer.is_none() && !is_own_jti(&jti) {
                    return Err(BodyError::InvalidMember("jti").into());
                }
                (
                    if foreign { &["jti", "expires_at"] } else { &["jti"] },
                    Target::AccessToken { issuer, jti, expires_at: self.expires_at(asked)? },
                )
            }
            ("client", None) => (
                &["client_id", "not_before"],
                Target::Client { client_id: id("client_id")?, not_before: self.not_before(asked)? },
            ),
            ("client", Some(issuer)) => (
                &["client_id", "not_before", "expires_at"],
                Target::ForeignClient {
                    issuer,
                    client_id: id("client_id")?,
                    not_before: self.not_before(asked)?,
                    expires_at: self.expires_at(asked)?,
                },
            ),
            ("key", None) => (&["kid"], Target::Key { kid: id("kid")? }),
            ("key", Some(_)) => return Err(BodyError::InvalidMember("issuer").into()),
            _ => return Err(BodyError::InvalidMember("kind").into()),
        };
        let stray = REVOCATION_MEMBERS.iter().find(|name| {
            !matches!(**name, "kind" | "issuer") && !members.contains(*name) && body.value(name).is_some()
        });
        match stray {
            None => Ok(target),
            Some(name) => Err(BodyError::InvalidMember(name).into()),
        }
    }

    /// A time in the past: tokens that are not issued yet cannot be revoked.
    fn not_before(&self, asked: &AdminRequest<'_>) -> Result<Option<Timestamp>, BodyError> {
        let now = self.platform.now();
        time(asked, "not_before", |at| at <= now)
    }

    /// A time in the future, at most the longest time for which entries are listed.
    fn expires_at(&self, asked: &AdminRequest<'_>) -> Result<Option<Timestamp>, BodyError> {
        let now = self.platform.now();
        time(asked, "expires_at", |at| now < at && at.since(now) <= CLIENT_HORIZON)
    }
}

fn time(
    asked: &AdminRequest<'_>,
    name: &'static str,
    is_sound: impl Fn(Timestamp) -> bool,
) -> Result<Option<Timestamp>, BodyError> {
    let at = asked.body.optional_number(name)?.map(Timestamp::from_seconds);
    if at.is_none_or(is_sound) { Ok(at) } else { Err(BodyError::InvalidMember(name)) }
}

/// Whether an access token of the deployment can have this id. Another id would never match.
fn is_own_jti(text: &str) -> bool {
    from_base64url(text).is_some_and(|bytes| bytes.len() == OWN_JTI_BYTES)
}

/// An id of the deployment.
fn own<T: core::str::FromStr>(text: &str, name: &'static str) -> Result<T, BodyError> {
    text.parse().map_err(|_| BodyError::InvalidMember(name))
}
