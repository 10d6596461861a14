//! Users from elsewhere: one row of an import, from untyped JSON to a [`User`]
//! (`docs/reference/users.md`).
//!
//! A row's id is its own, or is derived from its login and its hash: the same row sent again is
//! recognised by the id of the user who holds the login, and another user's row is not taken for
//! it.

use serde_json::{Map, Value};

use super::{
    ADMIN_SCOPE, Grants, HashParameters, Login, LoginError, MalformedHash, Normalizer, PasswordHash, User,
};
use crate::{
    ids::AccountId,
    ports::{Fault, Randomness},
    secrets::{Master, Masters},
};
use postern_jose::time::Timestamp;

/// The members of a row. `password_hash` may be null, and must be there.
pub const MEMBERS: [&str; 9] = [
    "login",
    "password_hash",
    "sub",
    "scopes",
    "roles",
    "tenant_id",
    "email_verified",
    "disabled",
    "created_at",
];

/// A row that is sound in itself. Whether its login is free is the store's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    login: Login,
    /// None for a user who has to set a password first.
    hash: Option<PasswordHash>,
    account: Option<AccountId>,
    grants: Grants,
    email_verified: bool,
    disabled: bool,
    created_at: Option<Timestamp>,
}

/// Why a row is refused. Says which member, and never what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// No JSON object.
    #[error("the row is not a JSON object")]
    NotAnObject,
    /// A member that no row has, by its name.
    #[error("is unknown")]
    UnknownMember(String),
    /// This member must be there.
    #[error("is missing")]
    Missing(&'static str),
    /// This member has another type or value than its place takes.
    #[error("has a wrong type or value")]
    Invalid(&'static str),
    /// The login.
    #[error(transparent)]
    Login(LoginError),
    /// The hash.
    #[error(transparent)]
    Hash(MalformedHash),
    /// The hash was made by a Postern, under a master secret that is not in force here.
    #[error("was made with a master secret that is not in force")]
    UnknownMaster,
    /// The row asks for the administrators' scope.
    #[error("must not contain the administrators' scope: imports add no administrators")]
    AdminScope,
    /// The access tokens of these scopes and roles could not be used.
    #[error("and roles do not fit into a usable access token")]
    GrantsTooLarge,
    /// Another user has this login: another id, or another hash when the row names no id.
    #[error("another user has this login")]
    LoginTaken,
    /// Another login has this id.
    #[error("another login has this id")]
    UserIdTaken,
}

impl RowError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::UnknownMember(_) => "unknown_member",
            Self::Missing(_) => "missing_member",
            Self::Invalid(_) => "invalid_member",
            Self::Login(_) => "invalid_login",
            Self::Hash(MalformedHash::Form) => "invalid_hash",
            Self::Hash(MalformedHash::TooCostly) => "hash_too_costly",
            Self::UnknownMaster => "hash_of_unknown_master",
            Self::AdminScope => "admin_scope",
            Self::GrantsTooLarge => "grants_too_large",
            Self::LoginTaken => "login_taken",
            Self::UserIdTaken => "user_id_taken",
        }
    }

    /// The member concerned.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::NotAnObject => None,
            Self::UnknownMember(name) => Some(name),
            Self::Missing(name) | Self::Invalid(name) => Some(name),
            Self::Login(_) | Self::LoginTaken => Some("login"),
            Self::Hash(_) | Self::UnknownMaster => Some("password_hash"),
            Self::AdminScope | Self::GrantsTooLarge => Some("scopes"),
            Self::UserIdTaken => Some("sub"),
        }
    }
}

impl ImportRow {
    /// Reads a row; `created_at` may not be after `now`.
    ///
    /// # Errors
    /// What is wrong with it, the first that is found.
    pub fn parse(value: &Value, normalizer: &impl Normalizer, now: Timestamp) -> Result<Self, RowError> {
        let members = value.as_object().ok_or(RowError::NotAnObject)?;
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(RowError::UnknownMember(shown(unknown)));
        }
        let login = text(members, "login")?.ok_or(RowError::Missing("login"))?;
        let login = Login::parse(login, normalizer).map_err(RowError::Login)?;
        // Left out by mistake it must not lock out everybody: no hash is said as null.
        if !members.contains_key("password_hash") {
            return Err(RowError::Missing("password_hash"));
        }
        let hash =
            text(members, "password_hash")?.map(PasswordHash::parse).transpose().map_err(RowError::Hash)?;
        let account =
            text(members, "sub")?.map(|text| account_of(text).ok_or(RowError::Invalid("sub"))).transpose()?;
        let grants = Grants::read(&|name| present(members, name)).map_err(RowError::Invalid)?;
        // Administrators are made one by one, under a name that the audit log keeps.
        if grants.scopes.iter().any(|scope| scope == ADMIN_SCOPE) {
            return Err(RowError::AdminScope);
        }
        let created_at = match present(members, "created_at").map(Value::as_u64) {
            None => None,
            Some(Some(seconds)) if seconds <= now.seconds() => Some(Timestamp::from_seconds(seconds)),
            Some(_) => return Err(RowError::Invalid("created_at")),
        };
        let (email_verified, disabled) = (flag(members, "email_verified")?, flag(members, "disabled")?);
        Ok(Self { login, hash, account, grants, email_verified, disabled, created_at })
    }

    /// The user that the row makes.
    ///
    /// # Errors
    /// [`RowError::UnknownMaster`] for a hash that could never be verified here; a [`Fault`]
    /// without randomness.
    pub fn user(
        &self,
        now: Timestamp,
        parameters: HashParameters,
        masters: &Masters,
        randomness: &impl Randomness,
    ) -> Result<Result<User, RowError>, Fault> {
        let password_hash = match &self.hash {
            Some(hash) if hash.master().is_some_and(|master| masters.find(master).is_none()) => {
                return Ok(Err(RowError::UnknownMaster));
            }
            Some(hash) => hash.clone(),
            None => PasswordHash::unusable(parameters, randomness)?,
        };
        let account = self.account.unwrap_or_else(|| self.derived(masters.current()));
        let created_at = self.created_at.unwrap_or(now);
        let (disabled, email_verified) = (self.disabled, self.email_verified);
        let user = User::new(account, self.login.clone(), password_hash, self.grants.clone(), created_at);
        Ok(Ok(User { disabled, email_verified, ..user }))
    }

    /// What became of a row whose login or id was taken: those of `holders` who have one of them.
    ///
    /// # Errors
    /// When they are not this row's user.
    pub fn found(&self, holders: &[(AccountId, String)], masters: &Masters) -> Result<AccountId, RowError> {
        let Some((account, _)) = holders.iter().find(|(_, login)| login == self.login.as_str()) else {
            return Err(RowError::UserIdTaken);
        };
        let own = match self.account {
            Some(own) => own == *account,
            None => masters.all().any(|master| self.derived(master) == *account),
        };
        if own { Ok(*account) } else { Err(RowError::LoginTaken) }
    }

    /// How much text of free length the row has, in bytes, and what JSON puts around it.
    pub fn weight(&self) -> usize {
        let lists = self.grants.scopes.iter().chain(&self.grants.roles).chain(&self.grants.tenant_id);
        // A comma and two quotes, which are escaped once more where the list is a text.
        lists.fold(self.login.as_str().len(), |sum, text| sum + text.len() + 5)
    }

    /// The first 16 bytes of HMAC-SHA-256 over `import`, login and hash, each ended by a zero
    /// byte but the last. The login cannot be found from the id without the master.
    fn derived(&self, master: &Master) -> AccountId {
        let hash = self.hash.as_ref().map(PasswordHash::as_str).unwrap_or_default();
        let mac =
            master.pseudonym.mac(&[b"import\0", self.login.as_str().as_bytes(), b"\0", hash.as_bytes()]);
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = mac;
        AccountId::from_bytes(id)
    }
}

fn present<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn text<'v>(members: &'v Map<String, Value>, name: &'static str) -> Result<Option<&'v str>, RowError> {
    present(members, name).map(|value| value.as_str().ok_or(RowError::Invalid(name))).transpose()
}

fn flag(members: &Map<String, Value>, name: &'static str) -> Result<bool, RowError> {
    match present(members, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(RowError::Invalid(name)),
    }
}

/// An id in our form, or a UUID (RFC 9562 section 4), which has as many bytes.
fn account_of(text: &str) -> Option<AccountId> {
    if let Ok(account) = text.parse() {
        return Some(account);
    }
    let dashes = [8, 13, 18, 23];
    if text.len() != 36 || !dashes.iter().all(|at| text.as_bytes().get(*at) == Some(&b'-')) {
        return None;
    }
    let mut digits = text.bytes().filter(|byte| *byte != b'-');
    let mut id = [0; 16];
    for byte in &mut id {
        let mut digit = || digits.next().and_then(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
    }
    digits.next().is_none().then(|| AccountId::from_bytes(id))
}

/// A member's name as an answer may show it: short, and only plain characters.
fn shown(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
