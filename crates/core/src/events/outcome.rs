//! The name of each kind of event, and how it ended.

use serde::Serialize;

use super::EventKind;
use crate::audit::chain::ActResult;

/// How it ended, for counting and for alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As asked.
    Success,
    /// A rule said no.
    Refused,
    /// A person should look: theft, forgery, or a broken set-up.
    Alert,
    /// A part of ours failed.
    Fault,
}
impl EventKind {
    /// Its name: the member `event` of its line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInRefused { .. } => "sign_in_refused",
            Self::Registered => "registered",
            Self::RegistrationRefused { .. } => "registration_refused",
            Self::Refreshed { .. } => "refreshed",
            Self::Retried { .. } => "retried",
            Self::ReuseDetected { .. } => "reuse_detected",
            Self::RefreshRefused { .. } => "refresh_refused",
            Self::RefreshForged { .. } => "refresh_forged",
            Self::SessionRevoked => "session_revoked",
            Self::SignedOut => "signed_out",
            Self::SignedOutEverywhere { .. } => "signed_out_everywhere",
            Self::FamilyDisplaced => "family_displaced",
            Self::ClientAuthorized { .. } => "client_authorized",
            Self::AuthorizationRefused { .. } => "authorization_refused",
            Self::ClientRegistered => "client_registered",
            Self::GrantOpened => "grant_opened",
            Self::CodeRefused { .. } => "code_refused",
            Self::CodeReplayed => "code_replayed",
            Self::ClientRefused { .. } => "client_refused",
            Self::GrantEnded => "grant_ended",
            Self::GrantDisplaced => "grant_displaced",
            Self::ContextChanged { .. } => "context_changed",
            Self::AccessRefused { .. } => "access_refused",
            Self::CrossOrigin { .. } => "cross_origin",
            Self::PasswordRehashed => "password_rehashed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordRefused => "password_refused",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::EmailVerificationRequested => "email_verification_requested",
            Self::EmailVerified => "email_verified",
            Self::OneTimeTokenRefused { .. } => "one_time_token_refused",
            Self::AccountExported => "account_exported",
            Self::AccountErased => "account_erased",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::UserChanged => "user_changed",
            Self::UsersImported { .. } => "users_imported",
            Self::KeyPublished { .. } => "key_published",
            Self::KeyRotated { .. } => "key_rotated",
            Self::KeyRetired { .. } => "key_retired",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::KeyRewrapped { .. } => "key_rewrapped",
            Self::MasterMismatch { .. } => "master_mismatch",
            Self::NewerMaster { .. } => "newer_master",
            Self::AdminAction { .. } => "admin_action",
            Self::Revoked { .. } => "revoked",
            Self::FeedOverflow { .. } => "feed_overflow",
            Self::Fault { .. } => "fault",
            Self::ConfigRefused { .. } => "config_refused",
            Self::Throttled { .. } => "throttled",
            Self::Locked { .. } => "locked",
            Self::StuffingDetected { .. } => "stuffing_detected",
            Self::IssuerKeysChanged { .. } => "issuer_keys_changed",
            Self::ClientDocumentRefused { .. } => "client_document_refused",
            Self::RoutesLoaded { .. } => "routes_loaded",
            Self::RoutesRefused { .. } => "routes_refused",
        }
    }

    /// How it ended.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::SignedIn
            | Self::Registered
            | Self::Refreshed { .. }
            | Self::Retried { .. }
            | Self::SessionRevoked
            | Self::Revoked { .. }
            | Self::SignedOut
            | Self::SignedOutEverywhere { .. }
            | Self::FamilyDisplaced
            | Self::ClientAuthorized { .. }
            | Self::ClientRegistered
            | Self::GrantOpened
            | Self::GrantEnded
            | Self::GrantDisplaced
            | Self::ContextChanged { .. }
            | Self::PasswordRehashed
            | Self::PasswordChanged
            | Self::PasswordResetRequested
            | Self::PasswordReset
            | Self::EmailVerificationRequested
            | Self::EmailVerified
            | Self::AccountExported
            | Self::AccountErased
            | Self::UserDisabled
            | Self::UserEnabled
            | Self::UserChanged
            | Self::UsersImported { .. }
            | Self::KeyPublished { .. }
            | Self::KeyRotated { .. }
            | Self::KeyRetired { .. }
            | Self::KeyRevoked { .. }
            | Self::KeyRewrapped { .. }
            | Self::IssuerKeysChanged { .. }
            | Self::RoutesLoaded { .. } => Outcome::Success,
            Self::AdminAction { result, .. } => match result {
                ActResult::Requested | ActResult::Done => Outcome::Success,
                ActResult::Refused => Outcome::Refused,
                ActResult::Failed => Outcome::Fault,
            },
            Self::SignInRefused { .. }
            | Self::RegistrationRefused { .. }
            | Self::RefreshRefused { .. }
            | Self::AuthorizationRefused { .. }
            | Self::CodeRefused { .. }
            | Self::ClientRefused { .. }
            | Self::ClientDocumentRefused { .. }
            | Self::Throttled { .. }
            | Self::Locked { .. }
            | Self::PasswordRefused
            | Self::OneTimeTokenRefused { .. }
            | Self::CrossOrigin { .. }
            | Self::AccessRefused { .. } => Outcome::Refused,
            Self::ReuseDetected { .. }
            | Self::CodeReplayed
            | Self::RefreshForged { .. }
            | Self::FeedOverflow { .. }
            | Self::StuffingDetected { .. }
            | Self::MasterMismatch { .. } => Outcome::Alert,
            Self::Fault { .. }
            | Self::NewerMaster { .. }
            | Self::ConfigRefused { .. }
            | Self::RoutesRefused { .. } => Outcome::Fault,
        }
    }
}

impl Outcome {
    /// The stable name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Alert => "alert",
            Self::Fault => "fault",
        }
    }
}
