//! Rows as other products export them, as rows of the API (`docs/reference/users.md`).

use postern_app::{
    identity::{
        PasswordHash,
        import::{MEMBERS, RowError},
    },
    time::Timestamp,
};
use serde_json::{Map, Value, json};

use super::options::{BATCH_BYTES, Import, Source};

/// A row that is not taken, and why. Holds no hash.
#[derive(Debug, Clone)]
pub(super) struct Rejected {
    pub(super) code: String,
    login: Option<String>,
    field: Option<String>,
    detail: String,
}

impl Rejected {
    pub(super) fn new(code: &str, detail: &str) -> Self {
        Self { code: code.to_owned(), login: None, field: None, detail: detail.to_owned() }
    }

    pub(super) fn of(error: &RowError, row: &Value) -> Self {
        let field = error.field().map(str::to_owned);
        Self { field, login: login_of(row), ..Self::new(error.code(), &error.to_string()) }
    }

    /// By what the deployment says of it.
    pub(super) fn answered(outcome: &Value, row: &Value) -> Self {
        let text = |name: &str| outcome.get(name).and_then(Value::as_str);
        let code = text("code").unwrap_or("unknown_answer");
        let field = text("field").map(str::to_owned);
        Self { field, login: login_of(row), ..Self::new(code, text("detail").unwrap_or_default()) }
    }

    /// The line of the file of refused rows.
    pub(super) fn line(&self, number: u64) -> String {
        let Self { code, login, field, detail } = self;
        json!({ "row": number, "login": login, "code": code, "field": field, "detail": detail }).to_string()
            + "\n"
    }

    /// For a person; logins stay out of the terminal.
    pub(super) fn shown(&self, number: u64) -> String {
        let field = self.field.as_deref().map(|field| format!("{field} ")).unwrap_or_default();
        let text = format!("row {number}: {field}{} [{}]", self.detail, self.code);
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }
}

fn login_of(row: &Value) -> Option<String> {
    row.get("login").and_then(Value::as_str).map(str::to_owned)
}

/// The row of the API that a record is. What cannot be made sense of is left as it is, for the
/// deployment to refuse by its name.
pub(super) fn of(import: &Import, mut record: Map<String, Value>) -> Value {
    let mut row = Map::new();
    for (member, name) in &import.fields {
        if let Some(value) = record.remove(name) {
            row.insert(member.clone(), value);
        }
    }
    let theirs = match import.source {
        Source::Postern => record,
        Source::Auth0 => auth0(&record),
        Source::Keycloak => keycloak(&record),
        Source::Firebase => firebase(&record),
        Source::Cognito => cognito(&record),
    };
    for (name, value) in theirs {
        if !value.is_null() && (MEMBERS.contains(&name.as_str()) || !import.ignore_other) {
            row.entry(name).or_insert(value);
        }
    }
    for (name, default) in [("scopes", &import.grants.scopes), ("roles", &import.grants.roles)] {
        if !default.is_empty() {
            row.entry(name).or_insert_with(|| default.clone().into());
        }
    }
    if let Some(tenant) = &import.grants.tenant {
        row.entry("tenant_id").or_insert_with(|| tenant.clone().into());
    }
    for (name, read) in [
        ("scopes", list as fn(&Value) -> Option<Value>),
        ("roles", list),
        ("email_verified", flag),
        ("disabled", flag),
        ("created_at", time),
    ] {
        if let Some(value) = row.get_mut(name)
            && let Some(read) = read(value)
        {
            *value = read;
        }
    }
    let hash = row.get("password_hash").and_then(Value::as_str);
    let usable = hash.is_some_and(|hash| PasswordHash::parse(hash).is_ok());
    if !usable && import.without_password {
        row.insert("password_hash".to_owned(), Value::Null);
    }
    Value::Object(row)
}

/// The row and its length, if it is short enough to be sent.
pub(super) fn within_bounds(row: Value) -> Result<(Value, usize), Rejected> {
    let bytes = row.to_string().len();
    if bytes > BATCH_BYTES {
        return Err(Rejected {
            login: login_of(&row),
            ..Rejected::new("row_too_large", "the row is larger than 256 KB")
        });
    }
    Ok((row, bytes))
}

/// A list, or a text of words or of a JSON array.
fn list(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split_whitespace().collect())
}

fn flag(value: &Value) -> Option<Value> {
    match value.as_str()?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true.into()),
        "false" | "0" => Some(false.into()),
        _ => None,
    }
}

/// Seconds, milliseconds, or a date and time of RFC 3339, as seconds.
fn time(value: &Value) -> Option<Value> {
    /// Seconds of the year 5138; as milliseconds 1973.
    const FIRST_MILLIS: u64 = 100_000_000_000;
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let seconds = match number {
        Some(millis) if millis >= FIRST_MILLIS => Timestamp::from_millis(millis).seconds(),
        Some(seconds) => seconds,
        None => u64::try_from(value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_second()).ok()?,
    };
    Some(seconds.into())
}

/// The AWS CLI writes seconds with a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn whole(seconds: f64) -> Option<u64> {
    (0.0..1e14).contains(&seconds).then_some(seconds as u64)
}

fn first(record: &Map<String, Value>, names: &[&str]) -> Value {
    let found = names.iter().find_map(|name| record.get(*name).filter(|value| !value.is_null()));
    found.cloned().unwrap_or_default()
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn auth0(record: &Map<String, Value>) -> Map<String, Value> {
    members([
        ("login", first(record, &["email", "username"])),
        ("password_hash", first(record, &["passwordHash", "password_hash"])),
        ("email_verified", first(record, &["email_verified"])),
        ("disabled", first(record, &["blocked"])),
        ("created_at", first(record, &["created_at"])),
    ])
}

fn firebase(record: &Map<String, Value>) -> Map<String, Value> {
    members([
        ("login", first(record, &["email"])),
        // A variant of scrypt with a key of the project: not a hash that is taken here.
        ("password_hash", first(record, &["passwordHash"])),
        ("email_verified", first(record, &["emailVerified"])),
        ("disabled", first(record, &["disabled"])),
        ("created_at", first(record, &["createdAt"])),
    ])
}

fn cognito(record: &Map<String, Value>) -> Map<String, Value> {
    let attributes = record.get("Attributes").and_then(Value::as_array);
    let attribute = |name: &str| {
        let named = |attribute: &&Value| attribute.get("Name").and_then(Value::as_str) == Some(name);
        attributes.into_iter().flatten().find(named).and_then(|attribute| attribute.get("Value")).cloned()
    };
    members([
        ("login", attribute("email").unwrap_or_else(|| first(record, &["Username"]))),
        ("sub", attribute("sub").unwrap_or_default()),
        ("email_verified", attribute("email_verified").unwrap_or_default()),
        (
            "disabled",
            record.get("Enabled").and_then(Value::as_bool).map_or(Value::Null, |enabled| (!enabled).into()),
        ),
        ("created_at", first(record, &["UserCreateDate"])),
    ])
}

fn keycloak(record: &Map<String, Value>) -> Map<String, Value> {
    members([
        ("login", first(record, &["email", "username"])),
        ("sub", first(record, &["id"])),
        ("password_hash", keycloak_hash(record).unwrap_or_default()),
        ("roles", first(record, &["realmRoles"])),
        ("email_verified", first(record, &["emailVerified"])),
        (
            "disabled",
            record.get("enabled").and_then(Value::as_bool).map_or(Value::Null, |enabled| (!enabled).into()),
        ),
        ("created_at", first(record, &["createdTimestamp"])),
    ])
}

/// Its Argon2 hashes (the default since Keycloak 24) as a PHC string; others by their
/// algorithm's name, which is refused.
fn keycloak_hash(record: &Map<String, Value>) -> Option<Value> {
    let credentials = record.get("credentials")?.as_array()?;
    let password =
        credentials.iter().find(|one| one.get("type").and_then(Value::as_str) == Some("password"))?;
    let part = |name: &str| serde_json::from_str::<Value>(password.get(name)?.as_str()?).ok();
    let (public, secret) = (part("credentialData")?, part("secretData")?);
    let algorithm = public.get("algorithm")?.as_str()?;
    if algorithm != "argon2" {
        return Some(algorithm.into());
    }
    let parameter = |name: &str| public.pointer(&format!("/additionalParameters/{name}/0"))?.as_str();
    let version = match parameter("version")? {
        "1.0" => 16,
        "1.3" => 19,
        _ => return Some(algorithm.into()),
    };
    let unpadded = |name: &str| Some(secret.get(name)?.as_str()?.trim_end_matches('='));
    Some(Value::String(format!(
        "$argon2{}$v={version}$m={},t={},p={}${}${}",
        parameter("type")?,
        parameter("memory")?,
        public.get("hashIterations")?.as_u64()?,
        parameter("parallelism")?,
        unpadded("salt")?,
        unpadded("value")?,
    )))
}

#[cfg(test)]
mod tests;
