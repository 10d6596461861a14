//! The state of one family: a constant amount of it, however often it rotates.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Context, DriftPolicy, Grant, Lifetime, Lifetimes, SecretHash};
use crate::{ids::QuestionId, rate::FullAt};
use postern_jose::time::Timestamp;

/// A user's device name is cut to this many characters: a session list shows no more.
const DEVICE_NAME_MAX_CHARS: usize = 64;

/// One sign-in on one device: the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// What the sign-in granted.
    pub grant: Grant,
    /// How long it may live.
    pub lifetimes: Lifetimes,
    /// What a change of context leads to, by the client's policy at the sign-in.
    #[serde(default, skip_serializing_if = "DriftPolicy::is_log")]
    pub drift: DriftPolicy,
    /// Its kind. Records of before there were several leave it out.
    #[serde(default, skip_serializing_if = "FamilyKind::is_session")]
    pub kind: FamilyKind,
    /// The key its tokens are bound to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// What the user or the client calls the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The sign-in.
    pub created_at: Timestamp,
    /// The last sign of life: a rotation, a late retry or a confirmed receipt.
    pub seen_at: Timestamp,
    /// Where the last rotation came from, or the sign-in.
    pub context: Context,
    /// How many rotations there were.
    pub rotation_count: u32,
    /// When the last one was; the sign-in before the first. The reuse interval and the
    /// lost-response window are anchored here.
    pub rotated_at: Timestamp,
    /// The bucket that rotations are taken from, where their pace is limited.
    #[serde(default, skip_serializing_if = "FullAt::is_untouched")]
    pub pace: FullAt,
    /// The questions that a browser session has answered, while they could be answered again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Answered>,
    /// Alive or ended.
    pub state: State,
}

/// A question that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Which.
    pub question: QuestionId,
    /// Until when it could be answered again.
    pub until: Timestamp,
}

/// How many answered questions a browser session remembers: more than pages that a user has open at once.
const ANSWERED_KEPT: usize = 16;

/// What a family is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKind {
    /// A session of an app, which has access tokens and refresh tokens.
    #[default]
    Session,
    /// A browser that is signed in at the pages of the authorization server. It has a cookie and no tokens.
    Browser,
}

impl FamilyKind {
    /// Whether it is the default, which records leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) const fn is_session(&self) -> bool {
        matches!(self, Self::Session)
    }
}

/// Whether refreshes are possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The current token may be rotated.
    Alive(Alive),
    /// Nothing is accepted any more, for good.
    Ended(End),
}

/// What a live family knows of its current token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alive {
    /// The hash of the current secret.
    pub secret_hash: SecretHash,
    /// The id of the master the current token was sealed under.
    pub master: u8,
    /// Whether the current token is known to have arrived.
    pub receipt: Receipt,
    /// Late retries granted for the current token.
    pub late_retries: u16,
    /// Rotations in a row, before the current one, that arrived only through a late retry.
    pub late_only_rotations: u16,
}

/// Whether the client is known to have received the current token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// The gate has seen no access token of this rotation yet.
    Unconfirmed,
    /// The gate saw one: the answer was not lost.
    Confirmed {
        /// When it was told first. Nothing moves this until the next rotation.
        at: Timestamp,
    },
}

/// How a family ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
}

/// Why a family ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A token was presented that only a thief or his victim can still hold.
    Reuse {
        /// How many rotations behind the current token it was, 1 or more.
        distance: u32,
    },
    /// A token was presented that this state has not issued yet: the state is an older copy.
    AheadOfState {
        /// How many rotations ahead it was, 1 or more.
        ahead: u32,
    },
    /// A lifetime was over.
    Expired {
        /// Which.
        lifetime: Lifetime,
    },
    /// The rules demand a new sign-in.
    SignIn {
        /// Which rule.
        rule: SignInReason,
    },
    /// The subject had too many families; this one was idle for longest.
    Displaced,
    /// The authorization code that opened it was presented again. Only grants to OAuth clients end so.
    CodeReplayed,
    /// An order ended it.
    Revoked {
        /// Who, or what for.
        by: Revocation,
    },
}

/// A rule that demands a new sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInReason {
    /// Too many rotations in a row arrived only through a late retry.
    LateRetries,
    /// The context changed too much.
    Drift,
    /// The rotation count is used up (2³² - 1).
    Exhausted,
}

/// Who revokes a family, or what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// The session logged itself out.
    Logout,
    /// The user logged out everywhere.
    LogoutAll,
    /// The user ended it from the list of sessions.
    User,
    /// The client revoked its token (RFC 7009).
    Client,
    /// The user's password was changed or reset.
    PasswordChanged,
    /// An operator ended it.
    Operator,
    /// The user was disabled or deleted.
    Disabled,
}

/// The public key that a family's tokens are bound to: its SHA-256 thumbprint (RFC 7638), the
/// `jkt` of RFC 9449.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Binding(#[serde(with = "postern_jose::encoding::base64url_32")] pub [u8; 32]);

/// What begins a family, besides the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFamily {
    /// What the sign-in granted.
    pub grant: Grant,
    /// How long the family may live.
    pub lifetimes: Lifetimes,
    /// What a change of context leads to.
    pub drift: DriftPolicy,
    /// What the family is for.
    pub kind: FamilyKind,
    /// The key its tokens are bound to.
    pub binding: Option<Binding>,
    /// What the device is called.
    pub device_name: Option<String>,
    /// Where the sign-in came from.
    pub context: Context,
    /// The hash of the first secret.
    pub secret_hash: SecretHash,
    /// The master the first token is sealed under.
    pub master: u8,
}

impl Family {
    /// A new family, with rotation count 0.
    pub(crate) fn open(opening: NewFamily, now: Timestamp) -> Self {
        Self {
            grant: opening.grant,
            lifetimes: opening.lifetimes,
            drift: opening.drift,
            kind: opening.kind,
            binding: opening.binding,
            device_name: opening.device_name.map(|name| name.chars().take(DEVICE_NAME_MAX_CHARS).collect()),
            created_at: now,
            seen_at: now,
            context: opening.context,
            rotation_count: 0,
            rotated_at: now,
            pace: FullAt::default(),
            answered: Vec::new(),
            state: State::Alive(Alive {
                secret_hash: opening.secret_hash,
                master: opening.master,
                receipt: Receipt::Unconfirmed,
                late_retries: 0,
                late_only_rotations: 0,
            }),
        }
    }

    /// The lifetime that is over, if one is. The absolute one is named first.
    pub(crate) fn lifetime_over(&self, now: Timestamp) -> Option<Lifetime> {
        if now >= self.absolute_end() {
            Some(Lifetime::Absolute)
        } else if now >= self.rotated_at.plus(self.lifetimes.idle) {
            Some(Lifetime::Idle)
        } else {
            None
        }
    }

    /// When it ends if nothing happens.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.rotated_at.plus(self.lifetimes.idle).min(self.absolute_end())
    }

    /// When its absolute lifetime is over: fixed at the sign-in. Until then its record is kept,
    /// ended or not, so that a replay is still recognised as one.
    pub(crate) fn absolute_end(&self) -> Timestamp {
        self.created_at.plus(self.lifetimes.absolute)
    }

    /// Whether a refresh is possible now.
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Alive(_)) && self.lifetime_over(now).is_none()
    }

    /// How it ended, if it did.
    pub(crate) const fn end(&self) -> Option<&End> {
        match &self.state {
            State::Alive(_) => None,
            State::Ended(end) => Some(end),
        }
    }

    /// The time since the last rotation.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        now.since(self.rotated_at)
    }

    /// The gate saw an access token of this rotation: the client has it. An older or a
    /// future count says nothing about the current token and changes nothing; nor does a count
    /// that was confirmed before.
    #[must_use]
    pub(crate) fn confirm(mut self, rotation_count: u32, now: Timestamp) -> Self {
        if let State::Alive(alive) = &mut self.state
            && rotation_count == self.rotation_count
            && alive.receipt == Receipt::Unconfirmed
        {
            alive.receipt = Receipt::Confirmed { at: now };
            self.seen_at = self.seen_at.max(now);
        }
        self
    }

    /// Whether a browser session has this secret. It is compared in constant time.
    pub(crate) fn is_browser_with(&self, secret_hash: &SecretHash) -> bool {
        match &self.state {
            State::Alive(alive) => self.kind == FamilyKind::Browser && alive.secret_hash == *secret_hash,
            State::Ended(_) => false,
        }
    }

    /// A browser session in which a question is answered. `None` if it was answered before, or may have been.
    ///
    /// The questions with the latest ends are kept. Those that made room ended no later than the first of a full list, and
    /// that end grows; so a question that ends later was not answered and forgotten. When an entry of the list is over, they
    /// are over, too.
    pub(crate) fn answer(mut self, question: QuestionId, until: Timestamp, now: Timestamp) -> Option<Self> {
        self.answered.retain(|one| now < one.until);
        if now >= until || self.answered.iter().any(|one| one.question == question) {
            return None;
        }
        if self.answered.len() >= ANSWERED_KEPT {
            let (first, _) = self.answered.iter().enumerate().min_by_key(|(_, one)| one.until)?;
            if until <= self.answered.get(first)?.until {
                return None;
            }
            self.answered.swap_remove(first);
        }
        self.answered.push(Answered { question, until });
        Some(self)
    }

    /// A browser session that was used: its idle time begins anew.
    #[must_use]
    pub(crate) fn used(mut self, context: &Context, now: Timestamp) -> Self {
        self.seen_at = self.seen_at.max(now);
        self.rotated_at = self.rotated_at.max(now);
        self.context = context.clone();
        self
    }

    /// Ends the family by order. Ending an ended family changes nothing: the first reason stays.
    #[must_use]
    pub(crate) fn revoke(self, by: Revocation, now: Timestamp) -> Self {
        self.ended(EndReason::Revoked { by }, now)
    }

    /// Ends it if a lifetime is over.
    #[must_use]
    pub(crate) fn expire(self, now: Timestamp) -> Self {
        match self.lifetime_over(now) {
            Some(lifetime) => self.ended(EndReason::Expired { lifetime }, now),
            None => self,
        }
    }

    /// Ended for this reason, unless it has ended already.
    #[must_use]
    pub(crate) fn ended(mut self, reason: EndReason, now: Timestamp) -> Self {
        if matches!(self.state, State::Alive(_)) {
            self.state = State::Ended(End { reason, at: now });
        }
        self
    }
}
