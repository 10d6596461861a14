//! What an Account object answers.

use serde::{Deserialize, Serialize};

use super::{activity::ActivityEntry, oauth_messages::OauthAnswer};
use crate::{
    ids::FamilyId,
    message::RetiredList,
    refresh::{Binding, Context, Evidence, Family, FamilyKind, Grant, RefusalCause},
};
use postern_jose::time::Timestamp;

/// What an Account object answers. Only transport can fail; every decision is a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountAnswer {
    /// The family is open; these were ended to make room.
    Opened {
        /// Families that the cap ended.
        displaced: Vec<FamilyId>,
    },
    /// Rotated, or a retry that is owed the identical successor.
    Rotated(Rotated),
    /// Refused, with evidence for the log.
    Refused(Refusal),
    /// Done.
    Revoked {
        /// The families that were alive and are not now.
        ended: Vec<FamilyId>,
        /// Version 0.1.0 requires it.
        #[serde(skip_deserializing)]
        denylist: RetiredList,
    },
    /// The browser session is alive.
    Browsing(Browsing),
    /// Noted, or nothing to note.
    Confirmed,
    /// The live sessions, most recently refreshed first.
    Sessions {
        /// One row each.
        sessions: Vec<SessionView>,
    },
    /// The check's result.
    Checked {
        /// Whether the session is alive and the token not older than the subject's not-before.
        alive: bool,
    },
    /// The one-time token is kept (again).
    OneTimeIssued {},
    /// The one-time token is unknown, was used, has expired, is for something else; or too many
    /// are open.
    OneTimeRefused {},
    /// What happened, newest first.
    Activity {
        /// The entries.
        entries: Vec<ActivityEntry>,
    },
    /// About authorization codes, grants, and consent.
    Oauth(OauthAnswer),
    /// The object's storage failed, and no decision was made. It is never a cause to give up a
    /// token: ask again. (A write that failed may yet be there; every request may be repeated.)
    Unavailable {
        /// For the log.
        cause: String,
    },
}

impl AccountAnswer {
    /// The answer after the end of these families.
    pub(super) const fn revoked(ended: Vec<FamilyId>) -> Self {
        Self::Revoked { ended, denylist: RetiredList }
    }
}

/// A granted refresh: what the Worker needs to make both tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// The count of the refresh token to seal, and the `rot` of the access token.
    pub rotation_count: u32,
    /// The id of the master to seal it under.
    pub master: u8,
    /// New, or owed again.
    pub granted: Granted,
    /// What the sign-in granted.
    pub grant: Grant,
    /// The key both tokens are bound to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the refresh token expires if it is not used.
    pub expires_at: Timestamp,
    /// For the log.
    pub evidence: Evidence,
}

/// A browser session that is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browsing {
    /// What the sign-in at the pages granted, and when it was.
    pub grant: Grant,
}

/// How a refresh was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granted {
    /// The current token was rotated.
    Rotate,
    /// The parent came again inside the reuse interval.
    Retry,
    /// The parent came again after it: the answer was lost, or the request on its way when it
    /// came. An event.
    LateRetry,
}

/// A refused request, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why; its `code()` is stable.
    pub cause: RefusalCause,
    /// What the decision rests on, if there is a family.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

impl Refusal {
    /// A refusal without a family.
    pub(super) const fn without_family(cause: RefusalCause) -> Self {
        Self { cause, evidence: None }
    }
}

/// One session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The `sid`.
    pub session_id: FamilyId,
    /// The device's name, if it gave one.
    #[serde(default)]
    pub device_name: Option<String>,
    /// The client that signed in.
    pub client_id: String,
    /// What the session is: an app's, or that of a browser at the pages.
    #[serde(default, skip_serializing_if = "FamilyKind::is_session")]
    pub kind: FamilyKind,
    /// When the sign-in was.
    pub created_at: Timestamp,
    /// The last rotation, or the sign-in.
    pub refreshed_at: Timestamp,
    /// The last sign of life the object knows of: a refresh or a confirmed receipt.
    pub seen_at: Timestamp,
    /// When it ends if nothing happens.
    pub expires_at: Timestamp,
    /// Where it was last refreshed from.
    pub context: Context,
    /// How often it was refreshed.
    pub rotation_count: u32,
}

impl SessionView {
    /// The view of a stored family.
    pub(crate) fn of(session_id: FamilyId, family: &Family) -> Self {
        Self {
            session_id,
            device_name: family.device_name.clone(),
            client_id: family.grant.client_id.clone(),
            kind: family.kind,
            created_at: family.created_at,
            refreshed_at: family.rotated_at,
            seen_at: family.seen_at,
            expires_at: family.expires_at(),
            context: family.context.clone(),
            rotation_count: family.rotation_count,
        }
    }
}
