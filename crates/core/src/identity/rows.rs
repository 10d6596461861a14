//! Users as rows of D1, without D1: statements with their values, and rows back into users.
//! The edge binds the values and runs the text. The table is `migrations/0001_users.sql`.

use serde::{Deserialize, Serialize};

use super::{Grants, Login, PasswordHash, User, UserChange, UserQuery};
use crate::{
    ids::AccountId,
    ports::{Component, Fault},
};
use postern_jose::{json, time::Timestamp};

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
     email_verified, created_at, credential_version FROM users WHERE login = ?1";

const FIND: &str = "SELECT account_id, login, password_hash, scopes, roles, tenant_id, disabled, \
     email_verified, created_at, credential_version FROM users WHERE account_id = ?1";

const LIST: &str = "SELECT account_id, login, password_hash, scopes, roles, tenant_id, disabled, \
     email_verified, created_at, credential_version FROM users WHERE login >= ?1 AND login < ?2 \
     ORDER BY login LIMIT ?3";

/// First the logins, then their rows. A scan of the index of logins reads nothing else: to look at the id there, too, would
/// read the row of every user, which takes ten times as long. Ids are a scan of the table in its own order, which the `+`
/// makes sure of, and only where the text can be a part of one.
const LIST_CONTAINING: &str = "SELECT account_id, login, password_hash, scopes, roles, tenant_id, disabled, \
     email_verified, created_at, credential_version FROM users WHERE login IN (\
     SELECT login FROM (SELECT login FROM users WHERE login >= ?1 AND login < ?2 AND instr(login, ?4) > 0 \
     ORDER BY login LIMIT ?3) UNION SELECT login FROM (SELECT login FROM users WHERE ?5 <> '' \
     AND +login >= ?1 AND +login < ?2 AND instr(account_id, ?5) > 0 ORDER BY +login LIMIT ?3)) \
     ORDER BY login LIMIT ?3";

const INSERT: &str = "INSERT INTO users (account_id, login, password_hash, scopes, roles, tenant_id, \
     disabled, email_verified, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
     ON CONFLICT DO NOTHING RETURNING login";

/// The users come as one JSON text: D1 binds at most 100 values to a statement, and a batch of
/// statements would count as many queries.
const INSERT_ALL: &str = "INSERT INTO users (account_id, login, password_hash, scopes, roles, tenant_id, \
     disabled, email_verified, created_at) \
     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8 \
     FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING RETURNING account_id, login";

/// Two look-ups by index; an `OR` of both conditions would read the whole table.
const HOLDERS: &str = "SELECT account_id, login FROM users \
     WHERE login IN (SELECT value->>1 FROM json_each(?1)) \
     UNION SELECT account_id, login FROM users \
     WHERE account_id IN (SELECT value->>0 FROM json_each(?1))";

/// Each change is at the time `?2`, which its version shows.
const CHANGE_PASSWORD: &str = "UPDATE users SET password_hash = ?4, \
     credential_version = max(credential_version + 1, ?2) \
     WHERE account_id = ?1 AND credential_version = ?3 RETURNING login, credential_version";

const SET_DISABLED: &str = "UPDATE users SET disabled = ?3, \
     credential_version = max(credential_version + 1, ?2) \
     WHERE account_id = ?1 RETURNING login, credential_version";

const SET_GRANTS: &str = "UPDATE users SET scopes = ?4, roles = ?5, tenant_id = ?6, \
     credential_version = max(credential_version + 1, ?2) \
     WHERE account_id = ?1 AND credential_version = ?3 RETURNING login, credential_version";

const SET_EMAIL_VERIFIED: &str =
    "UPDATE users SET email_verified = 1 WHERE account_id = ?1 RETURNING login, credential_version";

const REMOVE: &str = "DELETE FROM users WHERE account_id = ?1 RETURNING login";

const REPLACE_PASSWORD_HASH: &str = "UPDATE users SET password_hash = ?3 \
     WHERE account_id = ?1 AND password_hash = ?2 RETURNING login";

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
pub fn insert(user: &User) -> Statement {
    Statement { sql: INSERT, values: columns(user) }
}

/// A [`Holder`] for each user that was made.
pub fn insert_all(users: &[User]) -> Statement {
    let json = |value| match value {
        SqlValue::Text(text) => serde_json::Value::String(text),
        SqlValue::Integer(number) => number.into(),
        SqlValue::Null => serde_json::Value::Null,
    };
    let rows: serde_json::Value =
        users.iter().map(|user| columns(user).into_iter().map(json).collect::<serde_json::Value>()).collect();
    Statement { sql: INSERT_ALL, values: vec![text(rows.to_string())] }
}

/// [`Holder`]s of any of the users' logins and ids.
pub fn holders(users: &[User]) -> Statement {
    let mut names = Vec::new();
    for user in users {
        names.push(serde_json::Value::from(vec![user.account.to_string(), user.login.as_str().to_owned()]));
    }
    Statement { sql: HOLDERS, values: vec![text(serde_json::Value::from(names).to_string())] }
}

fn columns(user: &User) -> Vec<SqlValue> {
    vec![
        text(user.account.to_string()),
        text(user.login.as_str()),
        text(user.password_hash.as_str()),
        text(json_list(&user.grants.scopes)),
        text(json_list(&user.grants.roles)),
        user.grants.tenant_id.as_deref().map_or(SqlValue::Null, text),
        SqlValue::Integer(user.disabled.into()),
        SqlValue::Integer(user.email_verified.into()),
        SqlValue::Integer(user.created_at.millis()),
    ]
}

/// One [`Changed`] row with the new version, none when there is nothing to change.
pub fn change(account: AccountId, change: &UserChange, now: Timestamp) -> Statement {
    let mut values = vec![text(account.to_string())];
    let sql = match change {
        UserChange::Password { credential_version, hash } => {
            values.extend([at(now), SqlValue::Integer(*credential_version), text(hash.as_str())]);
            CHANGE_PASSWORD
        }
        UserChange::Disabled(disabled) => {
            values.extend([at(now), SqlValue::Integer((*disabled).into())]);
            SET_DISABLED
        }
        UserChange::Grants { credential_version, grants } => {
            let tenant = grants.tenant_id.as_deref().map_or(SqlValue::Null, text);
            let (scopes, roles) = (text(json_list(&grants.scopes)), text(json_list(&grants.roles)));
            values.extend([at(now), SqlValue::Integer(*credential_version), scopes, roles, tenant]);
            SET_GRANTS
        }
        UserChange::EmailVerified => SET_EMAIL_VERIFIED,
    };
    Statement { sql, values }
}

const fn at(now: Timestamp) -> SqlValue {
    SqlValue::Integer(now.millis())
}

/// One [`Changed`] row when the user was there.
pub fn remove(account: AccountId) -> Statement {
    Statement { sql: REMOVE, values: vec![text(account.to_string())] }
}

/// [`UserRow`]s in the order of their logins.
pub fn list(query: &UserQuery) -> Statement {
    // Logins hold no control characters: nothing lies between a login and itself with one.
    let after = query.after.as_ref().map(|after| format!("{}\u{1}", after.as_str())).unwrap_or_default();
    let mut values = vec![
        text(after.max(query.prefix.clone())),
        text(format!("{}\u{10ffff}", query.prefix)),
        SqlValue::Integer(query.limit.into()),
    ];
    if query.contains.is_empty() {
        return Statement { sql: LIST, values };
    }
    values.extend([text(query.part_of_login()), text(query.part_of_id())]);
    Statement { sql: LIST_CONTAINING, values }
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

/// Who holds a login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// 22 characters of base64url.
    pub account_id: String,
    /// The login in its one spelling.
    pub login: String,
}

/// The holders by their ids.
///
/// # Errors
/// A fault of the database when an id is none.
pub fn accounts(rows: Vec<Holder>) -> Result<Vec<(AccountId, String)>, Fault> {
    let mut holders = Vec::with_capacity(rows.len());
    for Holder { account_id, login } in rows {
        let account = account_id.parse().map_err(|error| Fault::new(Component::Database, error))?;
        holders.push((account, login));
    }
    Ok(holders)
}

/// What a statement that changes a user returns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Changed {
    /// The user.
    pub login: String,
    /// The version of the credentials after the change, where it is asked for.
    #[serde(default)]
    pub credential_version: u64,
}

/// A row of `users` as D1 gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// 22 characters of base64url.
    pub account_id: String,
    /// The login in its one spelling.
    pub login: String,
    /// A PHC string, or bcrypt's own form.
    pub password_hash: String,
    /// A JSON array of strings.
    pub scopes: String,
    /// A JSON array of strings.
    pub roles: String,
    /// The tenant, if any.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// 0 or 1.
    pub disabled: u8,
    /// 0 or 1.
    pub email_verified: u8,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Goes up when a sign-in under way must fail: see [`User::credential_version`].
    pub credential_version: u64,
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
    /// A fault of the database when a column does not hold what it should. A hash that is none is
    /// not one: the sign-in tells the operator, and the client what a wrong password does.
    pub fn into_user(self) -> Result<User, Fault> {
        let broken = |column| {
            Fault::new(
                Component::Database,
                format_args!("users.{column} of {} is not valid", self.account_id),
            )
        };
        let list = |json: &str, column| json::read::<Vec<String>>(json).map_err(|_| broken(column));
        let login = Login::from_stored(&self.login).map_err(|_| broken("login"))?;
        Ok(User {
            account: self.account_id.parse().map_err(|_| broken("account_id"))?,
            login,
            password_hash: PasswordHash::from_stored(&self.password_hash),
            grants: Grants {
                scopes: list(&self.scopes, "scopes")?,
                roles: list(&self.roles, "roles")?,
                tenant_id: self.tenant_id.clone(),
            },
            disabled: self.disabled != 0,
            email_verified: self.email_verified != 0,
            created_at: Timestamp::from_millis(self.created_at),
            credential_version: self.credential_version,
        })
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            account_id: user.account.to_string(),
            login: user.login.as_str().to_owned(),
            password_hash: user.password_hash.as_str().to_owned(),
            scopes: json_list(&user.grants.scopes),
            roles: json_list(&user.grants.roles),
            tenant_id: user.grants.tenant_id.clone(),
            disabled: user.disabled.into(),
            email_verified: user.email_verified.into(),
            created_at: user.created_at.millis(),
            credential_version: user.credential_version,
        }
    }
}

#[cfg(test)]
mod tests;
