//! The kinds of events, with what each tells.

use serde::Serialize;

use crate::{
    audit::chain::{ActResult, Digest},
    keys::{Kid, messages::RetiredCause, ring::Step},
    ports::{Component, Fault},
};

/// What happened. Causes and codes are the stable codes of the modules that refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A session began.
    SignedIn,
    /// A sign-in failed.
    SignInRefused {
        /// The exact cause. The answer to the client is less exact.
        cause: &'static str,
    },
    /// A user was made.
    Registered,
    /// A registration failed.
    RegistrationRefused {
        /// Why.
        cause: &'static str,
    },
    /// A refresh token was rotated.
    Refreshed {
        /// The count after it.
        rotation_count: u64,
    },
    /// The predecessor was presented again and got the identical successor.
    Retried {
        /// After the short reuse interval, in the lost-response window.
        late: bool,
    },
    /// A refresh token that had been replaced was used: the family is revoked.
    ReuseDetected {
        /// How many rotations ago it was replaced.
        distance: u64,
    },
    /// A refresh token was refused for another reason.
    RefreshRefused {
        /// Why.
        cause: &'static str,
    },
    /// A refresh token that we never issued so, though its MAC is right: a leaked master
    /// secret, or a state restored from a backup.
    RefreshForged {
        /// Which of the two.
        cause: &'static str,
    },
    /// A session was ended from another one, or by an operator.
    SessionRevoked,
    /// A session was ended by its own client.
    SignedOut,
    /// All sessions of the account were ended.
    SignedOutEverywhere {
        /// How many were alive.
        sessions: u64,
    },
    /// The oldest session made room for a new one.
    FamilyDisplaced,
    /// A user authorized an OAuth client: it gets a code.
    ClientAuthorized {
        /// Whether the user was asked, or had consented before.
        asked: bool,
    },
    /// An authorization request was refused.
    AuthorizationRefused {
        /// Why: the code of the page, or of the error that the client gets.
        cause: &'static str,
    },
    /// A client registered itself (RFC 7591).
    ClientRegistered,
    /// A code was redeemed: a grant began, named by `session_id`.
    GrantOpened,
    /// An authorization code was refused.
    CodeRefused {
        /// Why.
        cause: &'static str,
    },
    /// A code was redeemed again: its grant has ended.
    CodeReplayed,
    /// A client did not prove at the token endpoint that it is this client.
    ClientRefused {
        /// Why: the error that it gets.
        cause: &'static str,
    },
    /// A grant was ended by its user, its client, or an operator.
    GrantEnded,
    /// The oldest grant made room for a new one.
    GrantDisplaced,
    /// Something about the client changed within a session.
    ContextChanged {
        /// How much, 1 to 100.
        risk: u8,
    },
    /// The gate refused a request.
    AccessRefused {
        /// The precise reason.
        code: &'static str,
        /// The name of the route, if one matched.
        #[serde(skip_serializing_if = "Option::is_none")]
        route: Option<String>,
        /// The last 6 characters of the token's signature.
        #[serde(skip_serializing_if = "Option::is_none")]
        signature_tail: Option<String>,
        /// What the refusal is about: `claim roles`, `header member crit`.
        #[serde(skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// What that has to be.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected: Option<&'static str>,
        /// The setting that would change the answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        setting: Option<&'static str>,
        /// The trusted issuer whose token it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
    },
    /// A call that a browser made for a page of an origin that is neither ours nor listed.
    CrossOrigin {
        /// The origin that came; absent when the browser hides it.
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<String>,
        /// Those that are ours: as the request reached us, and as the issuer says. Listed ones are
        /// taken too.
        expected: Vec<String>,
        /// The name of the gate's route; absent for our own endpoints.
        #[serde(skip_serializing_if = "Option::is_none")]
        route: Option<String>,
    },
    /// A call was refused because there were too many. Told once for as long as it holds.
    Throttled {
        /// Which limit: what is limited, and by what.
        limit: String,
        /// Seconds until the next one is taken.
        retry_after: u64,
    },
    /// Failures locked something.
    Locked {
        /// What: `account` (for strangers), `session` (for a signed-in user who enters the password
        /// again), `device` or `ip`.
        what: &'static str,
        /// For how many seconds.
        seconds: u64,
    },
    /// Guessing with leaked lists: limits are tightened.
    StuffingDetected {
        /// `many_accounts` from one network, or `many_networks` on one account.
        pattern: &'static str,
    },
    /// A user changed the password.
    PasswordChanged,
    /// A signed-in user gave a wrong current password.
    PasswordRefused,
    /// A reset was requested; without `account` the login is unknown.
    PasswordResetRequested,
    /// A password was set by a one-time token.
    PasswordReset,
    /// A user asked to verify the address.
    EmailVerificationRequested,
    /// An address was verified by a one-time token.
    EmailVerified,
    /// A one-time token was refused.
    OneTimeTokenRefused {
        /// Why.
        cause: &'static str,
    },
    /// A user took a copy of what is stored.
    AccountExported,
    /// All that was stored about an account was erased.
    AccountErased,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled.
    UserEnabled,
    /// A user's scopes, roles or tenant were changed.
    UserChanged,
    /// Users were imported.
    UsersImported {
        /// How many were made.
        created: u64,
        /// How many were there already.
        existing: u64,
        /// How many lines were refused.
        invalid: u64,
    },
    /// A password hash was made again, with today's cost and master.
    PasswordRehashed,
    /// A signing key entered the key set.
    KeyPublished {
        /// The key.
        kid: Kid,
    },
    /// Another key signs from now on.
    KeyRotated {
        /// The key that signs.
        kid: Kid,
        /// The one before.
        former: Kid,
    },
    /// A key left the key set at the end of its life.
    KeyRetired {
        /// The key.
        kid: Kid,
    },
    /// A key was revoked by an operator.
    KeyRevoked {
        /// The key.
        kid: Kid,
    },
    /// A private key was sealed under the current master.
    KeyRewrapped {
        /// The key.
        kid: Kid,
        /// The master.
        master: u8,
    },
    /// A private key does not open with the master secrets in force.
    MasterMismatch {
        /// The key.
        kid: Kid,
    },
    /// Something was presented that names a master above all in force: another version of the
    /// deployment made it, or it is invented. The answer was 503.
    NewerMaster {
        /// What.
        what: &'static str,
        /// The id it names.
        master: u8,
    },
    /// An operator revoked something.
    Revoked {
        /// What kind of thing.
        what: &'static str,
    },
    /// More sessions were revoked than the feed lists: the gate asks about all of their time.
    FeedOverflow {
        /// How many entries the feed has.
        entries: u64,
    },
    /// An administrative act was written to the audit log. The event repeats the entry's hash, so
    /// that a second place knows the chain.
    AdminAction {
        /// Its name.
        action: String,
        /// To what.
        target: String,
        /// Who.
        who: String,
        /// How far it has come.
        result: ActResult,
        /// Its entry in the log.
        seq: u64,
        /// The hash of that entry.
        hash: Digest,
    },
    /// Another issuer's key set was fetched and is not the one before.
    IssuerKeysChanged {
        /// Whose.
        issuer: String,
        /// How many usable keys it has.
        keys: u64,
        /// Entries that cannot be used: the place in `keys`, the `kid`, and why.
        left_out: Vec<String>,
    },
    /// The document of a client could not be fetched, or cannot be used.
    ClientDocumentRefused {
        /// Why: the code of the page.
        cause: &'static str,
        /// At which place, and what is wrong there.
        document: String,
    },
    /// A part of ours failed.
    Fault {
        /// Which.
        part: Component,
        /// The cause.
        cause: String,
    },
    /// A route table was read from KV and is in force in this isolate.
    RoutesLoaded {
        /// Its version.
        version: u64,
        /// How many routes it has.
        routes: u64,
    },
    /// The route table in KV has mistakes; the one before stays in force.
    RoutesRefused {
        /// How many.
        count: u64,
        /// The first of them, each `PATH: PROBLEM`.
        mistakes: Vec<String>,
    },
    /// The configuration has mistakes; nothing is served.
    ConfigRefused {
        /// How many.
        mistakes: u64,
    },
}

impl From<Fault> for EventKind {
    fn from(Fault { part, cause }: Fault) -> Self {
        Self::Fault { part, cause }
    }
}

impl EventKind {
    /// A request that the gate refused, by its code alone.
    pub const fn access_refused(code: &'static str, route: Option<String>) -> Self {
        Self::AccessRefused {
            code,
            route,
            signature_tail: None,
            about: None,
            expected: None,
            setting: None,
            issuer: None,
        }
    }

    /// The event of a step of the key ring; forgetting a retired key's name is none.
    pub const fn of_key_step(step: Step) -> Option<Self> {
        match step {
            Step::Founded { kid } | Step::Published { kid } => Some(Self::KeyPublished { kid }),
            Step::Promoted { kid, former } => Some(Self::KeyRotated { kid, former }),
            Step::Retired { kid, cause: RetiredCause::Revoked } => Some(Self::KeyRevoked { kid }),
            Step::Retired { kid, cause: RetiredCause::Expired | RetiredCause::Unused } => {
                Some(Self::KeyRetired { kid })
            }
            Step::Rewrapped { kid, master } => Some(Self::KeyRewrapped { kid, master }),
            Step::Sealed { kid } => Some(Self::MasterMismatch { kid }),
            Step::Removed { .. } => None,
        }
    }
}
