//! The users in D1, for administrators. The callers have authenticated the administrator; `setting` is the context for
//! events.
//!
//! Where another service keeps the users ([`has_users`] is false), only [`Users::erase`] has something to do: sessions are
//! stored here in any case.

use crate::{
    account::{Accounts as _, ActivityKind, ChangeNotice, Ends},
    auth::user_changes::{TRIES, UserChanges, fits_a_token},
    config::{Config, IdentitySource, TokenTooLarge},
    events::{EventContext, EventKind},
    identity::{Grants, GrantsOrder, IdentityStore as _, Login, PasswordHash, User, UserChange, UserQuery},
    ids::AccountId,
    ports::{Component, Fault},
    refresh::{Context, Revocation},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::pseudonym::pseudonym,
    web::{caller::Caller, error::ApiError},
};

/// The grants of a user before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Regranted {
    /// The grants before the change.
    pub before: Grants,
    /// The grants after the change.
    pub now: Grants,
}

/// Why a change of grants was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantsRefused {
    /// The user would have too many of these.
    TooMany(&'static str),
    /// The user's access tokens would be too large.
    TooLarge(TokenTooLarge),
    /// A component failed. The change may have been made, and can be repeated.
    Fault(Fault),
}

impl From<Fault> for GrantsRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TokenTooLarge> for GrantsRefused {
    fn from(error: TokenTooLarge) -> Self {
        Self::TooLarge(error)
    }
}

/// The highest number of users on a page.
pub(crate) const MAX_USERS_ON_A_PAGE: u16 = 200;

/// Whether Postern keeps the users in D1.
pub(crate) fn has_users(config: &Config) -> bool {
    config.identity == IdentitySource::Store
}

/// Refuses a call that only a deployment with its own users offers.
pub(crate) fn keeps_users(config: &Config) -> Result<(), ApiError> {
    if has_users(config) { Ok(()) } else { Err(ApiError::NotOffered) }
}

/// Finds and changes the users in D1.
pub(crate) struct Users<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Users<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Users in the order of their logins, at most one more than [`MAX_USERS_ON_A_PAGE`]. The additional one shows that
    /// another page follows. The last login of a page is `after` of the next query.
    pub(crate) async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        let limit = query.limit.clamp(1, MAX_USERS_ON_A_PAGE + 1);
        self.0.ports.identity().list(&UserQuery { limit, ..query.clone() }).await
    }

    /// The user with this account id.
    pub(crate) async fn find_user(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.0.ports.identity().find(account).await
    }

    /// The user with this login.
    pub(crate) async fn find_user_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.0.ports.identity().find_by_login(login).await
    }

    /// Adds a user. `None` means that the login is taken.
    pub(crate) async fn add_user(
        &self,
        login: &Login,
        password_hash: PasswordHash,
        grants: Grants,
        setting: EventContext,
    ) -> Result<Option<AccountId>, Fault> {
        let user = User::new(
            AccountId::random(self.0.ports.platform())?,
            login.clone(),
            password_hash,
            grants,
            self.0.now(),
        );
        if !UserChanges::of(self.0).insert_user(&user, &setting).await? {
            return Ok(None);
        }
        let setting = EventContext {
            account: Some(user.account),
            login: Some(pseudonym(&self.0.isolate.masters, login)),
            ..setting
        };
        Events::of(self.0).record(self.0.now(), EventKind::Registered, setting);
        Ok(Some(user.account))
    }

    /// Disables or enables a user. `false` means that the user does not exist. The sessions of a disabled user end,
    /// sign-ins in progress are refused, and access tokens are refused wherever revocation is checked. The call can be
    /// repeated, also after a fault half-way.
    pub(crate) async fn set_disabled(
        &self,
        account: AccountId,
        disabled: bool,
        setting: EventContext,
    ) -> Result<bool, Fault> {
        if self.find_user(account).await?.is_none() {
            return Ok(false);
        }
        let (kind, ends, happening) = if disabled {
            (ActivityKind::UserDisabled, Ends::All, EventKind::UserDisabled)
        } else {
            (ActivityKind::UserEnabled, Ends::None, EventKind::UserEnabled)
        };
        let told = by_operator(kind, ends, Revocation::Disabled);
        if disabled {
            self.0.ports.accounts().user_will_change(account, &told).await?;
        }
        let change = UserChange::Disabled(disabled);
        let Some(fence) = UserChanges::of(self.0).change_user(account, &change, &setting).await? else {
            return Ok(false);
        };
        self.tell_change(account, fence, &told, happening, setting).await?;
        Ok(true)
    }

    /// Changes scopes, roles and tenant, and returns them before and after. `None` means that the user does not exist.
    /// If something is taken away, all sessions end, because each session keeps the grants of its sign-in. Added grants
    /// take effect at the next sign-in. The call can be repeated, also after a fault half-way.
    ///
    /// # Errors
    /// Returns [`GrantsRefused`].
    pub(crate) async fn set_grants(
        &self,
        account: AccountId,
        order: &GrantsOrder,
        setting: EventContext,
    ) -> Result<Option<Regranted>, GrantsRefused> {
        for _ in 0..TRIES {
            let Some(user) = self.find_user(account).await? else { return Ok(None) };
            let grants = order.on(&user.grants).map_err(GrantsRefused::TooMany)?;
            fits_a_token(&self.0.isolate.config, &grants)?;
            let Grants { scopes, roles, tenant_id } = grants.clone();
            // Not by what the user had before: after a fault half-way that is what they have now.
            let ends = Ends::Beyond { scopes, roles, tenant_id };
            let told = by_operator(ActivityKind::UserChanged, ends, Revocation::Operator);
            self.0.ports.accounts().user_will_change(account, &told).await?;
            let credential_version = user.credential_version;
            let change = UserChange::Grants { credential_version, grants: grants.clone() };
            let changed =
                UserChanges::of(self.0).change_user(account, &change, &setting).await.map_err(Fault::from)?;
            if let Some(fence) = changed {
                self.tell_change(account, fence, &told, EventKind::UserChanged, setting).await?;
                return Ok(Some(Regranted { before: user.grants, now: grants }));
            }
            // Another request changed the user meanwhile.
        }
        Err(Fault::new(Component::Database, "other requests changed the user during every attempt").into())
    }

    /// Informs the Account object of a change by an administrator, and records its event.
    async fn tell_change(
        &self,
        account: AccountId,
        fence: u64,
        told: &ChangeNotice,
        happening: EventKind,
        setting: EventContext,
    ) -> Result<(), Fault> {
        self.0.ports.accounts().user_changed(account, told, fence).await?;
        Events::of(self.0).record(
            self.0.now(),
            happening,
            EventContext { account: Some(account), ..setting },
        );
        Ok(())
    }

    /// Erases everything that is stored about an account: the user, sessions, activity, tokens. `false` means that
    /// there was no user; the rest is erased nevertheless, so the call can be repeated after a fault. Events keep the
    /// account's id and the login's pseudonym.
    pub(crate) async fn erase(&self, account: AccountId, setting: EventContext) -> Result<bool, Fault> {
        // Sessions end first, so that a later failure leaves no session in an account that is partly erased. If the call is
        // not repeated, the object erases itself later.
        self.0.ports.accounts().begin_erase(account).await?;
        let there = match self.0.isolate.config.identity {
            IdentitySource::Store => self.0.ports.identity().remove(account).await?,
            IdentitySource::Service { .. } => false,
        };
        if let Err(fault) = self.0.ports.accounts().erase(account).await {
            // What it was told first it does all the same, a little later.
            Events::of(self.0).record_fault(&fault, &Caller::default());
        }
        Events::of(self.0).record(
            self.0.now(),
            EventKind::AccountErased,
            EventContext { account: Some(account), ..setting },
        );
        Ok(there)
    }
}

/// Removes the network data of the administrator, which users must not see in their activity.
fn by_operator(kind: ActivityKind, ends: Ends, reason: Revocation) -> ChangeNotice {
    ChangeNotice { kind, context: Context::default(), ends, reason }
}
