//! The users kept here: their logins, their passwords, and the store they live in.
//!
//! Elsewhere a person is a *subject*; a *user* exists only in this module.

pub mod common_passwords;
pub mod grants;
pub mod import;
pub mod login;
pub mod password;
pub mod rows;
pub mod seed;
pub mod unicode;

#[cfg(not(target_family = "wasm"))]
pub mod memory;

pub use grants::{ADMIN_SCOPE, Grants, GrantsOrder};
pub use login::{Login, LoginError};
pub use password::{
    HashParameters, MalformedHash, Password, PasswordError, PasswordHash, Unverifiable, Verdict,
};
pub use unicode::Normalizer;
#[cfg(not(target_family = "wasm"))]
pub use unicode::UnicodeTables;

use crate::{ids::AccountId, ports::Fault};
use postern_jose::time::Timestamp;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names the user's Account object, and is the `sub` of the access tokens.
    pub account: AccountId,
    /// Unique.
    pub login: Login,
    /// What the password is checked against.
    pub password_hash: PasswordHash,
    /// What the access tokens may carry.
    pub grants: Grants,
    /// May not sign in.
    pub disabled: bool,
    /// Whether the user has shown that the login, if it is an address, is theirs.
    pub email_verified: bool,
    /// When the user was made; for an imported user when they were made elsewhere.
    pub created_at: Timestamp,
    /// 0 at first. Goes up with every change after which a sign-in under way must not succeed any
    /// more: another password, disabled, other scopes. It is then the time of the change in
    /// milliseconds, or one more than before where the clock has not moved on: a database that was
    /// restored to an earlier point never gives out a version again that it gave out before.
    pub credential_version: u64,
}

impl User {
    /// A user to be made, `created_at` as a rule now: may sign in, and has shown nothing.
    pub const fn new(
        account: AccountId,
        login: Login,
        password_hash: PasswordHash,
        grants: Grants,
        created_at: Timestamp,
    ) -> Self {
        Self {
            account,
            login,
            password_hash,
            grants,
            disabled: false,
            email_verified: false,
            created_at,
            credential_version: 0,
        }
    }
}

/// What changes in a user. Each but the verified address raises the version of the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Another password, in place of the one of this version of the credentials.
    Password {
        /// The version that was read with the password that is replaced.
        credential_version: u64,
        /// The new hash.
        hash: PasswordHash,
    },
    /// Whether the user may not sign in.
    Disabled(bool),
    /// Other scopes, roles and tenant, in place of those of this version of the credentials.
    Grants {
        /// The version that was read with the grants that are replaced.
        credential_version: u64,
        /// The new ones.
        grants: Grants,
    },
    /// The address is the user's.
    EmailVerified,
}

impl UserChange {
    /// Whether `user`, read after the change was sent and its answer lost, is as it asks. No other
    /// change makes the same password hash, whose salt is random.
    pub fn is_made_in(&self, user: &User) -> bool {
        match self {
            Self::Password { hash, .. } => user.password_hash == *hash,
            Self::Disabled(disabled) => user.disabled == *disabled,
            Self::Grants { grants, .. } => user.grants == *grants,
            Self::EmailVerified => user.email_verified,
        }
    }
}

/// Which users to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserQuery {
    /// Only logins that begin so, in their one spelling.
    pub prefix: String,
    /// Only users whose login or id has this anywhere. Empty for all. The store reads every login for it, and every id if
    /// it can be a part of one.
    pub contains: String,
    /// Only logins after this one: the last of the page before.
    pub after: Option<Login>,
    /// How many at most.
    pub limit: u16,
}

/// The fewest characters that are looked for in ids: fewer are in too many of them.
const LEAST_OF_AN_ID: usize = 4;

impl UserQuery {
    /// The part of a login, in the spelling that logins are stored in, as far as a part has one.
    pub(crate) fn part_of_login(&self) -> String {
        self.contains.to_lowercase()
    }

    /// The part of an id, which has both cases. Empty if the text is too short for one, or has other characters.
    pub(crate) fn part_of_id(&self) -> &str {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let may_be = self.contains.len() >= LEAST_OF_AN_ID && self.contains.bytes().all(plain);
        if may_be { &self.contains } else { "" }
    }
}

/// Where users live: D1 on the Worker.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait IdentityStore {
    /// The user of this login.
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault>;

    /// The user of this account.
    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault>;

    /// Makes the user, whose version of the credentials is 0. `false` when the login (or the id) is
    /// taken: the store's unique index decides, not a look-up before.
    async fn insert(&self, user: &User) -> Result<bool, Fault>;

    /// Puts `replacement` in the place of `current`. `false` when the user's hash is another by
    /// now: a rehash at sign-in must not undo a change of password that came in between.
    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault>;

    /// Changes the user at `now`; the version of the credentials after it. `None` when there is no
    /// such user, or the user is not of the version given any more. After a [`Fault`] the change
    /// may have been made all the same.
    async fn change(
        &self,
        account: AccountId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault>;

    /// Removes the user; `false` when there is none.
    async fn remove(&self, account: AccountId) -> Result<bool, Fault>;

    /// Users in the order of their logins.
    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, Fault>;

    /// Makes many users at once, and gives back account and login of those that it made: the
    /// others' logins or ids were taken. May be repeated.
    async fn insert_all(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault>;

    /// Who holds the login or the id of any of these: account and login of each.
    async fn holders(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Fault>;
}
