//! What the state machine decides, and the evidence it decides by.

use serde::{Deserialize, Serialize};

use super::{Context, Drift, EndReason, Lifetime, SignInReason};

/// The decision on a presented refresh token: the rows of the table in
/// `docs/concepts/refresh-families.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The current token: the rotation count went up by one.
    Rotate,
    /// The current token's parent: the identical successor is owed again.
    Retry {
        /// After the reuse interval: the answer was lost, or the request on its way when it came.
        /// An event.
        late: bool,
    },
    /// A token that was replaced: the family was alive and has ended.
    Reuse,
    /// A lifetime is over: the family has ended.
    Expire {
        /// Which.
        lifetime: Lifetime,
    },
    /// Not granted for another cause.
    Refuse {
        /// The cause.
        cause: RefusalCause,
    },
}

impl Decision {
    /// Why it was refused, if it was.
    pub(crate) const fn refusal(self) -> Option<RefusalCause> {
        match self {
            Self::Rotate | Self::Retry { .. } => None,
            Self::Reuse => Some(RefusalCause::Reuse),
            Self::Expire { lifetime } => Some(RefusalCause::Expired { lifetime }),
            Self::Refuse { cause } => Some(cause),
        }
    }
}

/// Why a refresh token was refused by the Account object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// It was replaced before: evidence of theft. This presentation ended the family.
    Reuse,
    /// A lifetime is over. This presentation found it.
    Expired {
        /// Which.
        lifetime: Lifetime,
    },
    /// The rules demand a new sign-in. This presentation ended the family.
    SignIn {
        /// Which rule.
        rule: SignInReason,
    },
    /// It is newer than the state: a backup was restored. This presentation ended the family.
    AheadOfState,
    /// The current count with a secret we never issued: an alert, and no change.
    Forged,
    /// Too many late retries: 429, and no change.
    Throttled,
    /// The family rotates too fast: 429, and no change.
    TooFast {
        /// Seconds until the next rotation, 1 or more.
        retry_after: u32,
    },
    /// It was issued to another client (RFC 6749 section 6). No change.
    WrongClient,
    /// The family is bound to a key that was not proved (RFC 9449 section 5). No change.
    WrongBinding,
    /// The family had ended before.
    Ended {
        /// How.
        reason: EndReason,
    },
    /// There is no such family: removed, erased, or never there.
    UnknownFamily,
    /// The object holds another subject. For `Open` alone.
    WrongSubject,
    /// A family of this id is there already. For `Open` alone.
    FamilyExists,
    /// The credentials that were checked are of before a change. For `Open` alone.
    StaleCredentials,
}

impl RefusalCause {
    /// The stable code, for logs and first-party clients. A family that ended gives the code of
    /// its end, so every later presentation is refused alike.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reuse => "refresh_token_reused",
            Self::Expired { .. } => "session_expired",
            Self::SignIn { .. } => "sign_in_required",
            Self::AheadOfState => "refresh_token_ahead_of_state",
            Self::Forged => "refresh_token_forged",
            Self::Throttled => "refresh_throttled",
            Self::TooFast { .. } => "refresh_too_fast",
            Self::WrongClient => "refresh_token_wrong_client",
            Self::WrongBinding => "refresh_token_wrong_binding",
            Self::Ended { reason } => match reason {
                EndReason::Reuse { .. } => Self::Reuse.code(),
                EndReason::CodeReplayed => "authorization_code_replayed",
                EndReason::AheadOfState { .. } => Self::AheadOfState.code(),
                EndReason::Expired { .. } => "session_expired",
                EndReason::SignIn { .. } => "sign_in_required",
                EndReason::Displaced => "session_displaced",
                EndReason::Revoked { .. } => "session_revoked",
            },
            Self::UnknownFamily => "session_unknown",
            Self::WrongSubject => "account_wrong_subject",
            Self::FamilyExists => "session_exists",
            Self::StaleCredentials => "credentials_stale",
        }
    }
}

/// What a decision rests on: for the audit trail. Without secrets and hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Version 0.1.0 requires this and the other private members.
    #[serde(skip_deserializing)]
    presented_count: u8,
    #[serde(skip_deserializing)]
    stored_count: u8,
    /// Stored minus presented: 0 is the current token, 1 its parent, negative is ahead of the
    /// state. Exact however long ago the token was replaced.
    pub distance: i64,
    #[serde(skip_deserializing)]
    age_ms: u8,
    #[serde(skip_deserializing)]
    late_retries: u8,
    /// How the context differs from the last rotation's.
    pub drift: Drift,
    #[serde(skip_deserializing)]
    last_context: Context,
}

impl Evidence {
    /// The evidence of one presentation.
    pub(super) fn new(distance: i64, drift: Drift) -> Self {
        let last_context = Context::default();
        Self {
            distance,
            drift,
            presented_count: 0,
            stored_count: 0,
            age_ms: 0,
            late_retries: 0,
            last_context,
        }
    }
}

/// A decision with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The row of the table.
    pub decision: Decision,
    /// What it rests on.
    pub evidence: Evidence,
}
