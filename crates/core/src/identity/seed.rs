//! The two users of the local profile. Their password is public: nothing outside that profile
//! may plant them.

use super::{Grants, HashParameters, Login, LoginError, Normalizer, Password, PasswordHash, User};
use crate::{
    ids::AccountId,
    ports::{Component, Fault, Randomness},
    secrets::Master,
};
use postern_jose::time::Timestamp;

/// The password of both.
pub const PASSWORD: &str = "correct horse battery staple";

/// A user of the local profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedUser {
    /// The same in every local database, so that examples can name it.
    pub account: AccountId,
    /// The login.
    pub login: &'static str,
    /// Scopes.
    pub scopes: &'static [&'static str],
    /// Roles.
    pub roles: &'static [&'static str],
    /// The tenant.
    pub tenant_id: Option<&'static str>,
}

/// Reads and writes orders, for tenant `acme`.
pub const ALICE: SeedUser = SeedUser {
    account: AccountId::from_bytes(*b"local-user-alice"),
    login: "alice@example.com",
    scopes: &["read:orders", "write:orders"],
    roles: &[],
    tenant_id: Some("acme"),
};

/// May see the reports, and administers Postern itself.
pub const ADMIN: SeedUser = SeedUser {
    account: AccountId::from_bytes(*b"local-user-admin"),
    login: "admin@example.com",
    scopes: &[super::ADMIN_SCOPE],
    roles: &["admin"],
    tenant_id: None,
};

/// Both, ready for [`super::IdentityStore::insert`], which leaves a user alone that is there.
///
/// # Errors
/// A [`Fault`] without randomness or without memory for the hash.
pub fn users(
    parameters: HashParameters,
    master: &Master,
    platform: &(impl Randomness + Normalizer),
    now: Timestamp,
) -> Result<[User; 2], Fault> {
    let plant = |seed: SeedUser| {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let fault = |error: LoginError| Fault::new(Component::Database, error);
        let password =
            Password::choose(PASSWORD, platform).map_err(|error| Fault::new(Component::Database, error))?;
        let login = Login::parse(seed.login, platform).map_err(fault)?;
        let hash = PasswordHash::make(&password, parameters, master, platform)?;
        let grants = Grants {
            scopes: owned(seed.scopes),
            roles: owned(seed.roles),
            tenant_id: seed.tenant_id.map(str::to_owned),
        };
        Ok::<_, Fault>(User::new(seed.account, login, hash, grants, now))
    };
    Ok([plant(ALICE)?, plant(ADMIN)?])
}
