//! The Account objects as the authorization server calls them: one method for each request.

use super::{
    answers::{AccountAnswer, Refusal},
    client::{Accounts, misplaced},
    messages::AccountRequest,
    oauth_messages::{
        CodeRefusal, Consent, GrantRotated, GrantView, NotGranted, OauthAnswer, OauthRequest, PendingCode,
        PresentedCode, Redeemed, Wanted,
    },
};
use crate::{
    ids::{AccountId, FamilyId},
    ports::{Component, Fault},
    refresh::{Context, Limits, Presented, Revocation, SecretHash},
};

/// The answer to an authorization code.
#[derive(Debug, Clone, PartialEq)]
pub enum CodeOutcome {
    /// The grant is open.
    Redeemed(Box<Redeemed>),
    /// The code opens nothing. With `ended`, its grant was alive and has ended by this.
    Refused {
        /// Why.
        cause: CodeRefusal,
        /// Whether the grant has ended by this.
        ended: bool,
    },
}

/// The answer to a refresh token of a grant.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantRefresh {
    /// The token was rotated, or is a retry that is owed the identical successor.
    Granted(Box<GrantRotated>),
    /// The token does not refresh.
    Refused(Refusal),
    /// The client asks for more than was granted. Nothing has changed.
    NotGranted(NotGranted),
}

/// The Account objects, as the authorization server reaches them. The methods fail as those of [`Accounts`] do.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait OauthAccounts: Accounts {
    /// Sends one message about OAuth clients. Callers use the methods below.
    async fn ask_oauth(&self, account: AccountId, request: OauthRequest) -> Result<OauthAnswer, Fault> {
        match self.ask(account, &AccountRequest::Oauth(request)).await? {
            AccountAnswer::Oauth(answer) => Ok(answer),
            other => Err(misplaced(other)),
        }
    }

    /// Keeps a code, and remembers a consent. `false` when the session in which the user authorized the client is over: the
    /// user has to sign in again.
    async fn issue_code(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        code: PendingCode,
        (session, consent): (FamilyId, Option<Consent>),
    ) -> Result<bool, Fault> {
        match self.ask_oauth(account, OauthRequest::IssueCode { grant_id, code, session, consent }).await? {
            OauthAnswer::CodeIssued {} => Ok(true),
            OauthAnswer::SignInOutdated {} => Ok(false),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// Redeems a code. Of all calls with one code, the first that shows everything opens the grant; each later one that does
    /// ends it.
    async fn redeem_code(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        presented: PresentedCode,
        context: Context,
    ) -> Result<CodeOutcome, Fault> {
        match self.ask_oauth(account, OauthRequest::RedeemCode { grant_id, presented, context }).await? {
            OauthAnswer::Redeemed(redeemed) => Ok(CodeOutcome::Redeemed(Box::new(redeemed))),
            OauthAnswer::CodeRefused { cause, ended } => Ok(CodeOutcome::Refused { cause, ended }),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// Presents a refresh token of a grant, whose MAC was checked.
    async fn rotate_grant(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        presented: Presented,
        (limits, context): (Limits, Context),
        wanted: Wanted,
    ) -> Result<GrantRefresh, Fault> {
        let request = OauthRequest::RotateGrant { grant_id, presented, limits, context, wanted };
        match self.ask_oauth(account, request).await? {
            OauthAnswer::GrantRotated(rotated) => Ok(GrantRefresh::Granted(Box::new(rotated))),
            OauthAnswer::GrantRefused(refusal) => Ok(GrantRefresh::Refused(refusal)),
            OauthAnswer::NotGranted { what } => Ok(GrantRefresh::NotGranted(what)),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// Ends the grant that the redemption with this secret may have opened, after a fault. Another grant stays.
    async fn take_back(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        secret_hash: SecretHash,
    ) -> Result<(), Fault> {
        match self.ask_oauth(account, OauthRequest::TakeBack { grant_id, secret_hash }).await? {
            OauthAnswer::GrantEnded { .. } => Ok(()),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// Ends a grant, of this client if one is named. Returns it if it was alive: to end an ended or unknown one is no error.
    async fn end_grant(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        client_id: Option<String>,
        reason: Revocation,
    ) -> Result<Option<GrantView>, Fault> {
        match self.ask_oauth(account, OauthRequest::EndGrant { grant_id, client_id, reason }).await? {
            OauthAnswer::GrantEnded { grant } => Ok(grant),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// The grant of a refresh token, if that is the current one of a live grant.
    async fn inspect_grant(
        &self,
        account: AccountId,
        grant_id: FamilyId,
        rotation_count: u32,
        secret_hash: SecretHash,
    ) -> Result<Option<GrantView>, Fault> {
        let request = OauthRequest::InspectGrant { grant_id, rotation_count, secret_hash };
        match self.ask_oauth(account, request).await? {
            OauthAnswer::Inspected { grant } => Ok(grant),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// The live grants, most recently used first.
    async fn grants(&self, account: AccountId) -> Result<Vec<GrantView>, Fault> {
        match self.ask_oauth(account, OauthRequest::Grants).await? {
            OauthAnswer::Grants { grants } => Ok(grants),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }

    /// The scopes that the user has allowed this client before, for this redirect URI and resource.
    async fn consent(
        &self,
        account: AccountId,
        client_id: String,
        redirect_uri: String,
        resource: Option<String>,
    ) -> Result<Option<Vec<String>>, Fault> {
        let request = OauthRequest::Consent { client_id, redirect_uri, resource };
        match self.ask_oauth(account, request).await? {
            OauthAnswer::Consented { scopes } => Ok(scopes),
            _ => Err(Fault::misplaced(Component::Account)),
        }
    }
}

impl<A: Accounts> OauthAccounts for A {}
