//! What the Worker asks of an Account object. With [`answers`](super::answers) these are the messages between the two,
//! typed once for both sides.
//!
//! They travel as JSON. No secret is in them: a refresh secret is present only as its
//! SHA-256, and the successor's secret likewise, derived by the Worker before it asks.

use serde::{Deserialize, Serialize};

use super::{activity::ActivityKind, oauth_messages::OauthRequest, one_time::Purpose, stored::is_zero};
use crate::{
    ids::{FamilyId, QuestionId},
    message::Message,
    refresh::{
        Binding, Context, DriftPolicy, FamilyKind, Grant, Lifetimes, Limits, Presented, Revocation,
        SecretHash,
    },
};
use postern_jose::time::Timestamp;

/// What the Worker asks of an Account object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRequest {
    /// Begins a family at a sign-in, with rotation count 0. Asked twice for the same family and
    /// secret, it answers the same.
    Open {
        /// The new family's id, random.
        family: FamilyId,
        /// SHA-256 of the first secret.
        secret_hash: SecretHash,
        /// The master key id the first refresh token is made under.
        master: u8,
        /// What the sign-in granted.
        grant: Grant,
        /// Idle and absolute lifetime.
        lifetimes: Lifetimes,
        /// What a change of context leads to.
        #[serde(default, skip_serializing_if = "DriftPolicy::is_log")]
        drift: DriftPolicy,
        /// What the family is for.
        #[serde(default, skip_serializing_if = "FamilyKind::is_session")]
        kind: FamilyKind,
        /// The key the tokens are bound to, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binding: Option<Binding>,
        /// The device's name, from the user or the client; cut to 64 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device_name: Option<String>,
        /// Where the request came from.
        context: Context,
        /// The most live families a subject may have; the longest idle goes. Zero counts as one.
        max_families: u16,
        /// The version of the credentials that were checked; below the fence nothing is opened.
        #[serde(default, skip_serializing_if = "is_zero")]
        credential_version: u64,
    },
    /// Presents a refresh token whose MAC the Worker has checked.
    Rotate {
        /// Its family.
        family: FamilyId,
        /// What it carries, and the successor it derives.
        presented: Presented,
        /// The windows in force.
        limits: Limits,
        /// Where the request came from.
        context: Context,
    },
    /// The gate saw an access token issued at this rotation count: the client received it.
    Confirm {
        /// The session.
        family: FamilyId,
        /// The `rot` claim seen.
        rotation_count: u32,
    },
    /// Presents the cookie of a browser session whose MAC the Worker has checked.
    Browse {
        /// The browser session.
        family: FamilyId,
        /// SHA-256 of its secret.
        secret_hash: SecretHash,
        /// Where the request came from.
        context: Context,
    },
    /// A browser session answers a question to its user, once.
    Answer {
        /// The browser session.
        family: FamilyId,
        /// The question.
        question: QuestionId,
        /// Until when it can be answered.
        until: Timestamp,
    },
    /// Ends one family. Ending an ended or unknown one is no error.
    Revoke {
        /// The family.
        family: FamilyId,
        /// Why.
        reason: Revocation,
    },
    /// Ends all families and sets the subject's not-before to now.
    RevokeAll {
        /// Why.
        reason: Revocation,
        /// A family that stays (end all *other* sessions); not-before is then left alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<FamilyId>,
    },
    /// The live sessions.
    Sessions,
    /// Whether an access token of this session, issued at this time, is still good
    /// (revocation level `strong`).
    Check {
        /// The session.
        family: FamilyId,
        /// The token's `iat`.
        issued_at: Timestamp,
        /// The session may also be a grant to an OAuth client. A Worker of a version that does not know grants asks without
        /// it, and an object of such a version answers as without it: neither lets a grant's token pass.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        grants: bool,
    },
    /// About authorization codes, grants, and consent.
    Oauth(OauthRequest),
    /// Ends all sessions or all others because of a change to the user, who is `subject`, and
    /// for a while refuses sign-ins with credentials of an earlier version than `fence`. Another
    /// password and a disabled user void the open tokens for a reset of the password.
    ///
    /// Asked twice: with a `fence` of 0 before the database is written, for that write's answer may
    /// be lost, and then no session and no token may be left that the change was to end; and after
    /// it, for what came in between.
    UserChanged {
        /// The user's subject.
        subject: String,
        /// What changed, for the activity.
        kind: ActivityKind,
        /// Where the request came from.
        context: Context,
        /// The version of the credentials after the change; 0 when it is about to be made.
        fence: u64,
        /// Which sessions end.
        ends: Ends,
        /// Why.
        reason: Revocation,
    },
    /// Keeps a one-time token, unless too many of its purpose are open.
    IssueOneTime {
        /// SHA-256 of its secret.
        hash: SecretHash,
        /// What for.
        purpose: Purpose,
        /// Where the request came from.
        context: Context,
    },
    /// Redeems a one-time token; for a password that also ends all sessions.
    RedeemOneTime {
        /// SHA-256 of its secret.
        hash: SecretHash,
        /// What for.
        purpose: Purpose,
        /// Where the request came from.
        context: Context,
    },
    /// What a token was redeemed for has failed: it may serve again.
    GiveBackOneTime {
        /// SHA-256 of its secret.
        hash: SecretHash,
    },
    /// Something that was decided elsewhere, for the activity.
    Note {
        /// What.
        kind: ActivityKind,
        /// The session concerned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        family: Option<FamilyId>,
        /// Where the request came from.
        context: Context,
    },
    /// The activity, newest first.
    Activity,
    /// Ends all sessions before the user's row is removed. Unless the user signs in again, the object
    /// erases itself a while later: so it does when [`Self::Erase`] never comes.
    BeginErase,
    /// Ends all sessions and forgets everything about the subject. For an hour a mark stays
    /// that refuses the sign-ins that were under way.
    Erase,
}

impl Message for AccountRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            Self::Oauth(request) => request.is_repeatable(),
            // They read; or what they do is done already, and the answer is the same; or both times
            // the same sessions end.
            Self::Open { .. }
            | Self::Rotate { .. }
            | Self::Confirm { .. }
            | Self::Browse { .. }
            | Self::RevokeAll { .. }
            | Self::Revoke { .. }
            | Self::Sessions
            | Self::Check { .. }
            | Self::UserChanged { .. }
            | Self::IssueOneTime { .. }
            | Self::Activity
            | Self::BeginErase
            | Self::Erase => true,
            // The second time the token is spent, and the answer would be a refusal; between the two,
            // another request may have redeemed what is given back; a note would be written twice.
            Self::Answer { .. }
            | Self::RedeemOneTime { .. }
            | Self::GiveBackOneTime { .. }
            | Self::Note { .. } => false,
        }
    }
}

/// Which sessions a change to the user ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// All.
    All,
    /// All but this one.
    Others(FamilyId),
    /// None.
    None,
    /// All, if one that is alive was granted more than this. The object judges by what its
    /// sessions have, so that other changes of the user, and repetitions after a fault, do not
    /// matter.
    Beyond {
        /// What the user may do from now on.
        scopes: Vec<String>,
        /// See there.
        roles: Vec<String>,
        /// See there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant_id: Option<String>,
    },
}
