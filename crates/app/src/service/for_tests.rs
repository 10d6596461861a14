//! Calls into the rooms without an HTTP request, for tests.

use super::{Ports, Service};
use crate::{
    admin::{
        audit_trail::{Announced, AuditTrail},
        revoking::{RevocationRefused, Revoked, Revoking},
    },
    audit::{Act, ActResult},
    auth::users::{GrantsRefused, Regranted, Users},
    events::EventContext,
    identity::{GrantsOrder, User, UserQuery},
    ids::AccountId,
    ports::Fault,
    revocation::Target,
    web::caller::Caller,
};

impl<P: Ports> Service<P> {
    /// Revokes `target`. When it returns, the revocation is stored: sessions in their Account object, which tells the feed
    /// by itself, everything else in the feed's object. `setting` is where the order came from, for the log.
    ///
    /// # Errors
    /// Returns [`RevocationRefused`]. The call can be repeated.
    pub(crate) async fn revoke_target(
        &self,
        target: &Target,
        setting: EventContext,
    ) -> Result<Revoked, RevocationRefused> {
        Revoking::of(&self.0).revoke_target(target, setting).await
    }

    /// Users in the order of their logins.
    ///
    /// # Errors
    /// Returns a fault of the database.
    pub(crate) async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        Users::of(&self.0).list_users(query).await
    }

    /// Disables or enables a user. `false` means that the user does not exist.
    ///
    /// # Errors
    /// Returns a fault. The call can be repeated.
    pub(crate) async fn set_disabled(
        &self,
        account: AccountId,
        disabled: bool,
        setting: EventContext,
    ) -> Result<bool, Fault> {
        Users::of(&self.0).set_disabled(account, disabled, setting).await
    }

    /// Changes scopes, roles and tenant, and returns them before and after. `None` means that the user does not exist.
    ///
    /// # Errors
    /// Returns [`GrantsRefused`].
    pub(crate) async fn set_grants(
        &self,
        account: AccountId,
        order: &GrantsOrder,
        setting: EventContext,
    ) -> Result<Option<Regranted>, GrantsRefused> {
        Users::of(&self.0).set_grants(account, order, setting).await
    }

    /// Erases everything that is stored about an account. `false` means that there was no user.
    ///
    /// # Errors
    /// Returns a fault. The call can be repeated.
    pub(crate) async fn erase(&self, account: AccountId, setting: EventContext) -> Result<bool, Fault> {
        Users::of(&self.0).erase(account, setting).await
    }

    /// Writes an action to the audit log before it is carried out.
    ///
    /// # Errors
    /// Returns a fault if the log cannot be written. The action must then not be carried out, and the answer is 503.
    pub(crate) async fn announce(&self, caller: &Caller, act: Act) -> Result<Announced, Fault> {
        AuditTrail::of(&self.0).announce(caller, act).await
    }

    /// Writes the result of an action to the audit log.
    pub(crate) async fn conclude(&self, caller: &Caller, announced: Announced, result: ActResult) {
        AuditTrail::of(&self.0).conclude(caller, announced, result).await;
    }
}
