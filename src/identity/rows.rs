//! Users as rows of D1, without D1: statements with their values, and rows back into users.
//! The edge binds the values and runs the text. The table is `migrations/0001_users.sql`.

use serde::{Deserialize, Serialize};

use super::{Login, NewUser, PasswordHash, User};
use crate::{
    ids::AccountId,
    json,
    ports::{Fault, Part},
    time::Timestamp,
};

/// A value to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlValue {
    /// TEXT.
    Text(String),
    /// INTEGER; what is bound here is far below 2^53.
    Integer(u64),
    /// NULL.
    Null,
}

/// A statement and the values of its `?1`, `?2`, ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL text.
    pub sql: &'static str,
    /// The values in order.
    pub values: Vec<SqlValue>,
}

const FIND_BY_LOGIN: &str = "SELECT account_id, login, password_hash, scopes, roles, tenant_id, disabled, \
     email_verified, created_at FROM users WHERE login = ?1";

const FIND: &str = "SELECT account_id, login, password_hash, scopes, roles, tenant_id, disabled, \
     email_verified, created_at FROM users WHERE account_id = ?1";

const INSERT: &str = "INSERT INTO users (account_id, login, password_hash, scopes, roles, tenant_id, \
     created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING account_id";

const REPLACE_PASSWORD_HASH: &str = "UPDATE users SET password_hash = ?3 \
     WHERE account_id = ?1 AND password_hash = ?2 RETURNING account_id";

/// Answers one row when the store and its table are there.
pub const PING: &str = "SELECT count(*) AS found FROM (SELECT 1 FROM users LIMIT 1)";

/// At most one [`UserRow`].
pub fn find_by_login(login: &Login) -> Statement {
    Statement { sql: FIND_BY_LOGIN, values: vec![text(login.as_str())] }
}

/// At most one [`UserRow`].
pub fn find(account: AccountId) -> Statement {
    Statement { sql: FIND, values: vec![text(account.to_string())] }
}

/// One [`Changed`] row when the user was made, none when the login or the id is taken.
pub fn insert(user: &NewUser) -> Statement {
    let values = vec![
        text(user.account.to_string()),
        text(user.login.as_str()),
        text(user.password_hash.as_str()),
        text(json_list(&user.scopes)),
        text(json_list(&user.roles)),
        user.tenant_id.as_deref().map_or(SqlValue::Null, text),
        SqlValue::Integer(user.created_at.millis()),
    ];
    Statement { sql: INSERT, values }
}

/// One [`Changed`] row when the hash was replaced, none when it is not `current` any more.
pub fn replace_password_hash(
    account: AccountId,
    current: &PasswordHash,
    replacement: &PasswordHash,
) -> Statement {
    let values = vec![text(account.to_string()), text(current.as_str()), text(replacement.as_str())];
    Statement { sql: REPLACE_PASSWORD_HASH, values }
}

fn text(value: impl Into<String>) -> SqlValue {
    SqlValue::Text(value.into())
}

fn json_list(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

/// What a statement that changes a user returns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Changed {
    /// The user.
    pub account_id: String,
}

/// A row of `users` as D1 gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// 22 characters of base64url.
    pub account_id: String,
    /// The login in its one spelling.
    pub login: String,
    /// A PHC string.
    pub password_hash: String,
    /// A JSON array of strings.
    pub scopes: String,
    /// A JSON array of strings.
    pub roles: String,
    /// The tenant, if any.
    pub tenant_id: Option<String>,
    /// 0 or 1.
    pub disabled: u8,
    /// 0 or 1.
    pub email_verified: u8,
    /// Milliseconds since the epoch.
    pub created_at: u64,
}

impl core::fmt::Debug for UserRow {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("UserRow").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

impl UserRow {
    /// The user of this row.
    ///
    /// # Errors
    /// A fault of the database when a column does not hold what it should: a broken row is
    /// neither an unknown login nor a wrong password.
    pub fn into_user(self) -> Result<User, Fault> {
        let broken = |column| {
            Fault::new(Part::Database, format_args!("users.{column} of {} is broken", self.account_id))
        };
        let list = |json: &str, column| json::read::<Vec<String>>(json).map_err(|_| broken(column));
        let login = Login::from_stored(&self.login).map_err(|_| broken("login"))?;
        Ok(User {
            account: self.account_id.parse().map_err(|_| broken("account_id"))?,
            login,
            password_hash: PasswordHash::parse(&self.password_hash).map_err(|_| broken("password_hash"))?,
            scopes: list(&self.scopes, "scopes")?,
            roles: list(&self.roles, "roles")?,
            tenant_id: self.tenant_id.clone(),
            disabled: self.disabled != 0,
            email_verified: self.email_verified != 0,
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            account_id: user.account.to_string(),
            login: user.login.as_str().to_owned(),
            password_hash: user.password_hash.as_str().to_owned(),
            scopes: json_list(&user.scopes),
            roles: json_list(&user.roles),
            tenant_id: user.tenant_id.clone(),
            disabled: user.disabled.into(),
            email_verified: user.email_verified.into(),
            created_at: user.created_at.millis(),
        }
    }
}

#[cfg(test)]
mod tests;
