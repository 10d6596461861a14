//! The messages to the `RevocationFeed` object, and what a caller of the service revokes.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CLIENT_HORIZON, IN_FLIGHT, Kind, OWN_HORIZON, RevocationKey};
use crate::{
    ids::{AccountId, FamilyId},
    message::Message,
};
use postern_jose::time::Timestamp;

/// Something to revoke, as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One session of ours: its refresh token and its access tokens.
    Session {
        /// Whose.
        account: AccountId,
        /// The `sid`.
        session: FamilyId,
    },
    /// All sessions of one subject of ours.
    Account {
        /// Whose.
        account: AccountId,
    },
    /// One access token and nothing else.
    AccessToken {
        /// Who issued it; `None` is ourselves.
        issuer: Option<String>,
        /// Its `jti`.
        jti: String,
        /// When it expires: known of another issuer's token, and worth saying when it lives longer
        /// than [`super::FOREIGN_HORIZON`].
        expires_at: Option<Timestamp>,
    },
    /// All that was issued to a client of ours until now. Its sessions end when they are refreshed
    /// next.
    Client {
        /// The `client_id`.
        client_id: String,
        /// Of what was issued until then alone; `None` is until now.
        not_before: Option<Timestamp>,
    },
    /// All that a signing key of ours signed. The ring has revoked it already: this tells isolates
    /// before they renew their copy of the key set.
    Key {
        /// The `kid`.
        kid: String,
    },
    /// All access tokens that another issuer issued to a subject until now.
    ForeignSubject {
        /// Its `iss`.
        issuer: String,
        /// Its `sub`.
        subject: String,
        /// Of what was issued until then alone; `None` is until now.
        not_before: Option<Timestamp>,
        /// When the last of them expires; `None` is [`super::FOREIGN_HORIZON`] from now.
        expires_at: Option<Timestamp>,
    },
    /// All access tokens that another issuer issued to a client until now.
    ForeignClient {
        /// Its `iss`.
        issuer: String,
        /// The client, as the claim says that is configured for the issuer.
        client_id: String,
        /// Of what was issued until then alone; `None` is until now.
        not_before: Option<Timestamp>,
        /// When the last of them expires; `None` is [`super::FOREIGN_HORIZON`] from now.
        expires_at: Option<Timestamp>,
    },
    /// All access tokens of another issuer's session.
    ForeignSession {
        /// Its `iss`.
        issuer: String,
        /// Its `sid`.
        session: String,
        /// When the last of them expires; `None` is [`super::FOREIGN_HORIZON`] from now.
        expires_at: Option<Timestamp>,
    },
}

impl Target {
    /// What kind of thing it is: the stable name in events.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Session { .. } | Self::ForeignSession { .. } => "session",
            Self::Account { .. } | Self::ForeignSubject { .. } => "subject",
            Self::AccessToken { .. } => "access_token",
            Self::Client { .. } | Self::ForeignClient { .. } => "client",
            Self::Key { .. } => "key",
        }
    }
}

/// One line of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEntry {
    /// What.
    pub mark: RevocationKey,
    /// How.
    pub rule: Rule,
    /// Until when it must be listed: nothing that it is about lives longer.
    pub until: Timestamp,
}

/// What an entry says about an access token that bears its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Revoked: a session of ours. Its Account object knows of it too, so these may be too many
    /// for the feed.
    OwnSession,
    /// Revoked if it was issued no later than this: a subject of ours. As with sessions, its
    /// Account object knows.
    OwnSubject(Timestamp),
    /// Revoked.
    Listed,
    /// Revoked if it was issued no later than this.
    NotBefore(Timestamp),
}

impl Rule {
    /// Whether an Account object could be asked instead.
    pub(crate) const fn has_account(self) -> bool {
        matches!(self, Self::OwnSession | Self::OwnSubject(_))
    }

    /// The time before which everything is revoked, if it is a rule of that kind.
    pub(crate) const fn not_before(self) -> Option<Timestamp> {
        match self {
            Self::OwnSubject(at) | Self::NotBefore(at) => Some(at),
            Self::OwnSession | Self::Listed => None,
        }
    }
}

impl FeedEntry {
    /// A session of ours that ended at `at`.
    pub fn session(session: FamilyId, at: Timestamp) -> Self {
        let mark = RevocationKey::own(Kind::Session, &session.to_string());
        Self { mark, rule: Rule::OwnSession, until: at.plus(OWN_HORIZON) }
    }

    /// A subject of ours whose sessions all ended at `at`.
    pub fn subject(subject: &str, at: Timestamp) -> Self {
        let mark = RevocationKey::own(Kind::Subject, subject);
        Self { mark, rule: Rule::OwnSubject(at.plus(IN_FLIGHT)), until: at.plus(OWN_HORIZON) }
    }

    /// What a client of ours was issued until `at`; ordered now.
    pub fn client(client_id: &str, at: Timestamp, now: Timestamp) -> Self {
        let mark = RevocationKey::own(Kind::Client, client_id);
        Self { mark, rule: Rule::NotBefore(at), until: now.plus(CLIENT_HORIZON) }
    }

    /// A signing key of ours: for as long as anybody may verify with an old copy of the key set.
    pub fn key(kid: &str, hard_age: Duration, now: Timestamp) -> Self {
        let mark = RevocationKey::own(Kind::Key, kid);
        Self { mark, rule: Rule::Listed, until: now.plus(hard_age + OWN_HORIZON) }
    }

    /// One access token of ours.
    pub fn access_token(jti: &str, now: Timestamp) -> Self {
        let mark = RevocationKey::own(Kind::AccessToken, jti);
        Self { mark, rule: Rule::Listed, until: now.plus(OWN_HORIZON) }
    }

    /// Something of another issuer's, until all of it has expired.
    pub fn foreign(kind: Kind, issuer: &str, value: &str, rule: Rule, until: Timestamp) -> Self {
        Self { mark: RevocationKey::of(kind, issuer, value), rule, until }
    }
}

/// What is asked of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedRequest {
    /// Puts these into the feed. May be repeated.
    Add {
        /// At most [`super::MAX_BATCH`].
        entries: Vec<FeedEntry>,
    },
    /// Whether a token that bears these marks is revoked: the exact answer to a hit.
    Confirm {
        /// Its marks.
        marks: Vec<RevocationKey>,
        /// Its `iat`.
        issued_at: Timestamp,
    },
    /// The feed as it is now: for an isolate that finds none in KV.
    Snapshot {},
}

impl Message for FeedRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // An entry that is there stays as it is.
            Self::Add { .. } | Self::Confirm { .. } | Self::Snapshot {} => true,
        }
    }
}

/// What the object answers. Only transport can fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedAnswer {
    /// They are in the feed, and will be in KV.
    Taken,
    /// There is no room for them; nothing was taken.
    Full,
    /// The answer.
    Confirmed {
        /// Whether one of the marks is listed for this token.
        revoked: bool,
    },
    /// The feed.
    Snapshot {
        /// As it would stand in KV.
        feed: String,
        /// How many writes to KV have failed since the last good one.
        #[serde(default, skip_serializing_if = "is_none")]
        failed_writes: u32,
    },
    /// The object's storage failed: ask again.
    Unavailable {
        /// For the log.
        cause: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}
