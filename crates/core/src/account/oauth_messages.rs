//! The messages about authorization codes, grants, and consent, beside those of [`messages`](super::messages).
//!
//! A grant to an OAuth client is a refresh family of its own, apart from the sessions.

use serde::{Deserialize, Serialize};

use super::{answers::Refusal, answers::Rotated, authorization_code::CodeChallenge};
use crate::{
    ids::FamilyId,
    refresh::{Context, DriftPolicy, Grant, Lifetimes, Limits, Presented, Revocation, SecretHash},
};
use postern_jose::time::Timestamp;

/// What the Worker asks of an Account object about OAuth clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OauthRequest {
    /// Keeps a code for a minute, and with it what the user has consented to.
    IssueCode {
        /// The id of the grant that the code opens, random.
        grant_id: FamilyId,
        /// The code.
        code: PendingCode,
        /// The browser's session, in which the user authorized the client. It must be alive.
        session: FamilyId,
        /// The consent to remember, if the user was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consent: Option<Consent>,
    },
    /// Redeems a code: opens its grant. A code that was redeemed before ends its grant.
    RedeemCode {
        /// The id of the grant that the code opens.
        grant_id: FamilyId,
        /// What the request shows.
        presented: PresentedCode,
        /// Where the request came from.
        context: Context,
    },
    /// Presents a refresh token of a grant, whose MAC the Worker has checked.
    RotateGrant {
        /// The grant.
        grant_id: FamilyId,
        /// What the token carries, with the client that presents it.
        presented: Presented,
        /// The windows in force.
        limits: Limits,
        /// Where the request came from.
        context: Context,
        /// What the client asks for.
        wanted: Wanted,
    },
    /// Ends one grant. Ending an ended or unknown one is no error.
    EndGrant {
        /// The grant.
        grant_id: FamilyId,
        /// The client that asks for it: a grant of another one stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// Why.
        reason: Revocation,
    },
    /// Ends a grant that this redemption of a code may have opened, after a fault: no client has its tokens. A grant that
    /// another redemption opened stays, and so does one that was refreshed.
    TakeBack {
        /// The grant.
        grant_id: FamilyId,
        /// SHA-256 of the secret of the first refresh token, as the redemption had it.
        secret_hash: SecretHash,
    },
    /// What a refresh token of a grant stands for, if it is the current one.
    InspectGrant {
        /// The grant.
        grant_id: FamilyId,
        /// The rotation count of the token.
        rotation_count: u32,
        /// SHA-256 of its secret.
        secret_hash: SecretHash,
    },
    /// The live grants.
    Grants,
    /// What the user has consented to before.
    Consent {
        /// The client.
        client_id: String,
        /// The redirect URI, as registered.
        redirect_uri: String,
        /// The resource.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
    },
}

impl OauthRequest {
    /// Whether asking twice leaves everything as asking once does. A code that is redeemed twice by one message (the same
    /// secret of the first refresh token) gets the same answer.
    pub(super) const fn is_repeatable(&self) -> bool {
        match self {
            Self::IssueCode { .. }
            | Self::RedeemCode { .. }
            | Self::RotateGrant { .. }
            | Self::EndGrant { .. }
            | Self::TakeBack { .. }
            | Self::InspectGrant { .. }
            | Self::Grants
            | Self::Consent { .. } => true,
        }
    }
}

/// An authorization code, as the object keeps it: what was granted, and what its redemption must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCode {
    /// SHA-256 of the code's secret.
    pub hash: SecretHash,
    /// The challenge that the verifier must have.
    pub challenge: CodeChallenge,
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// What was granted; its `client_id` is the client that may redeem the code.
    pub grant: Grant,
    /// The resource that the tokens are for. None means the deployment's audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Whether the client gets a refresh token.
    pub offline: bool,
    /// How long the grant may live.
    pub lifetimes: Lifetimes,
    /// What a change of context leads to.
    #[serde(default, skip_serializing_if = "DriftPolicy::is_log")]
    pub drift: DriftPolicy,
}

/// A code as a token request shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedCode {
    /// SHA-256 of the code's secret.
    pub hash: SecretHash,
    /// The client, authenticated if it has a secret.
    pub client_id: String,
    /// The challenge of the verifier.
    pub challenge: CodeChallenge,
    /// The redirect URI, if the request has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The resource, if the request has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// SHA-256 of the secret of the grant's first refresh token.
    pub secret_hash: SecretHash,
    /// The id of the master that token is made under.
    pub master: u8,
}

/// What a refresh asks for, of what was granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// The scopes that the access token should have. None means those of the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The resource. None means that of the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// What a user has consented to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The client.
    pub client_id: String,
    /// The redirect URI, as registered.
    pub redirect_uri: String,
    /// The resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The scopes, with those that were allowed before.
    pub scopes: Vec<String>,
}

/// What an Account object answers about OAuth clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OauthAnswer {
    /// The code is kept.
    CodeIssued {},
    /// The session in which the user authorized the client is over.
    SignInOutdated {},
    /// The grant is open.
    Redeemed(Redeemed),
    /// The code opens nothing.
    CodeRefused {
        /// Why.
        cause: CodeRefusal,
        /// The grant was alive and has ended by this.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        ended: bool,
    },
    /// The refresh token was rotated, or is a retry that is owed the identical successor.
    GrantRotated(GrantRotated),
    /// The refresh token does not refresh.
    GrantRefused(Refusal),
    /// The refresh token would, but not for what the client asks. Nothing has changed.
    NotGranted {
        /// What it asks for.
        what: NotGranted,
    },
    /// The grant has ended.
    GrantEnded {
        /// The grant, if it was alive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantView>,
    },
    /// What a refresh token stands for; none if it is not the current one of a live grant.
    Inspected {
        /// The grant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantView>,
    },
    /// The live grants, most recently used first.
    Grants {
        /// One row each.
        grants: Vec<GrantView>,
    },
    /// What the user has consented to before.
    Consented {
        /// The scopes; none if there is no consent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
    },
}

/// A redeemed code: what the Worker needs to make the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// What was granted.
    pub grant: Grant,
    /// The resource that the tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Whether the client gets a refresh token.
    pub offline: bool,
    /// When the grant began.
    pub created_at: Timestamp,
    /// Grants that made room for this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaced: Vec<FamilyId>,
}

/// Why a code opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// It was redeemed before.
    Replayed,
    /// There is none: it expired, made room for others, or its user's sessions were ended.
    Unknown,
    /// Its minute is over.
    Expired,
    /// It is another client's.
    WrongClient,
    /// The redirect URI is another than that of the request.
    WrongRedirect,
    /// The verifier does not have the challenge.
    WrongVerifier,
    /// The resource is another than that of the request.
    WrongResource,
}

impl CodeRefusal {
    /// The stable code, for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Replayed => "authorization_code_replayed",
            Self::Unknown => "authorization_code_unknown",
            Self::Expired => "authorization_code_expired",
            Self::WrongClient => "authorization_code_wrong_client",
            Self::WrongRedirect => "authorization_code_wrong_redirect",
            Self::WrongVerifier => "authorization_code_wrong_verifier",
            Self::WrongResource => "authorization_code_wrong_resource",
        }
    }
}

/// A granted refresh of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRotated {
    /// As for a session.
    pub rotated: Rotated,
    /// The resource that the tokens are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// What a client asks for that was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotGranted {
    /// A scope (RFC 6749 section 6).
    Scope,
    /// A resource (RFC 8707 section 2.2).
    Resource,
}

/// One grant as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// The id of its family, the `sid` of its access tokens.
    pub grant_id: FamilyId,
    /// The client.
    pub client_id: String,
    /// Whose it is.
    pub subject: String,
    /// The scopes, as granted.
    pub scope: String,
    /// The resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// When the user granted it.
    pub created_at: Timestamp,
    /// The last sign of life that the object knows of.
    pub used_at: Timestamp,
    /// When it ends if nothing happens.
    pub expires_at: Timestamp,
}
