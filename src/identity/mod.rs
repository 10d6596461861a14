//! The users kept here: their logins, their passwords, and the store they live in.
//!
//! Elsewhere a person is a *subject*; a *user* exists only in this module.

pub mod common;
pub mod login;
pub mod normal;
pub mod password;
pub mod rows;
pub mod seed;

#[cfg(not(target_family = "wasm"))]
pub mod memory;

pub use login::{Login, LoginError};
pub use normal::Normalizer;
#[cfg(not(target_family = "wasm"))]
pub use normal::UnicodeTables;
pub use password::{HashParameters, MalformedHash, Password, PasswordError, PasswordHash, Verdict};

use crate::{ids::AccountId, ports::Fault, time::Timestamp};

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names the user's Account object, and is the `sub` of the access tokens.
    pub account: AccountId,
    /// Unique.
    pub login: Login,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// OAuth scopes an access token may carry (RFC 6749 section 3.3).
    pub scopes: Vec<String>,
    /// Roles (RFC 9068 section 2.2.3.1).
    pub roles: Vec<String>,
    /// The tenant the user belongs to, if tenants are used.
    pub tenant_id: Option<String>,
    /// May not sign in.
    pub disabled: bool,
    /// Whether the user has shown that the login, if it is an address, is theirs.
    pub email_verified: bool,
    /// When the user was made.
    pub created_at: Timestamp,
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// A fresh id.
    pub account: AccountId,
    /// The login wanted.
    pub login: Login,
    /// The hash of the password chosen.
    pub password_hash: PasswordHash,
    /// Scopes granted from the start.
    pub scopes: Vec<String>,
    /// Roles granted from the start.
    pub roles: Vec<String>,
    /// The tenant, if any.
    pub tenant_id: Option<String>,
    /// Now.
    pub created_at: Timestamp,
}

impl NewUser {
    /// The user as it will be read back.
    pub fn into_user(self) -> User {
        User {
            account: self.account,
            login: self.login,
            password_hash: self.password_hash,
            scopes: self.scopes,
            roles: self.roles,
            tenant_id: self.tenant_id,
            disabled: false,
            email_verified: false,
            created_at: self.created_at,
        }
    }
}

/// Where users live: D1 on the Worker.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait IdentityStore {
    /// The user of this login.
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault>;

    /// The user of this account.
    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault>;

    /// Makes the user. `false` when the login (or the id) is taken: the store's unique index
    /// decides, not a look-up before.
    async fn insert(&self, user: &NewUser) -> Result<bool, Fault>;

    /// Puts `replacement` in the place of `current`. `false` when the user's hash is another by
    /// now: a rehash at sign-in must not undo a change of password that came in between.
    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Fault>;
}
