//! What a user may do, read from what an administrator or an import says.

use serde_json::Value;

/// The scope of administrators (RFC 6749 section 3.3): `/admin` and `/metrics` ask for it.
pub const ADMIN_SCOPE: &str = "postern:admin";

/// The most scopes, and the most roles, that one user may have. How long they may be together is
/// for the access token to say, which is carried with every request: `Config::token_size`.
pub(crate) const MAX_GRANTS: usize = 64;
/// The longest scope, role or tenant, in bytes.
pub(crate) const MAX_GRANT_BYTES: usize = 128;

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// OAuth scopes (RFC 6749 section 3.3).
    pub scopes: Vec<String>,
    /// Roles (RFC 9068 section 2.2.3.1).
    pub roles: Vec<String>,
    /// The tenant the user belongs to, if tenants are used.
    pub tenant_id: Option<String>,
}

impl Grants {
    /// From the members `scopes`, `roles` and `tenant_id`, each of which may be absent: lists of
    /// at most [`MAX_GRANTS`] texts (RFC 6749 section 3.3 for scopes), and a text, each of at most
    /// [`MAX_GRANT_BYTES`] bytes.
    ///
    /// # Errors
    /// The name of the first member that cannot be used.
    pub fn read<'v>(member: &dyn Fn(&str) -> Option<&'v Value>) -> Result<Self, &'static str> {
        let tenant_id = match member("tenant_id") {
            None => None,
            Some(Value::String(tenant)) if fits(tenant) && printable(tenant) => Some(tenant.clone()),
            Some(_) => return Err("tenant_id"),
        };
        Ok(Self {
            scopes: texts(member("scopes"), scope).ok_or("scopes")?,
            roles: texts(member("roles"), printable).ok_or("roles")?,
            tenant_id,
        })
    }

    /// What of it `other` has not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let beyond = |own: &[String], other: &[String]| {
            own.iter().filter(|text| !other.contains(text)).cloned().collect()
        };
        Self {
            scopes: beyond(&self.scopes, &other.scopes),
            roles: beyond(&self.roles, &other.roles),
            tenant_id: self.tenant_id.clone().filter(|own| other.tenant_id.as_ref() != Some(own)),
        }
    }

    /// For the audit log: the lists as JSON, so that no name can pass for two. The administrators'
    /// scope stands first, as a long text is cut off there.
    pub fn told(&self) -> String {
        let (mut scopes, others): (Vec<_>, _) =
            self.scopes.iter().map(String::as_str).partition(|scope| *scope == ADMIN_SCOPE);
        scopes.extend(others);
        let tenant = self.tenant_id.as_deref().map_or(Value::Null, Value::from).to_string();
        let (scopes, roles) =
            (Value::from(scopes).to_string(), Value::from(self.roles.as_slice()).to_string());
        ["scopes ", &scopes, " roles ", &roles, " tenant ", &tenant].concat()
    }
}

/// What is to become of what a user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantsOrder {
    /// This, in place of all that was there.
    Set(Grants),
    /// The first added and the second taken away, and nothing else touched. A tenant that is added
    /// takes the place of another.
    Amend {
        /// What is added.
        add: Grants,
        /// What is taken away. What is not there is no error.
        remove: Grants,
    },
}

impl GrantsOrder {
    /// From the members `add` and `remove`, each of which may be absent: objects with the members
    /// of [`Grants::read`].
    ///
    /// # Errors
    /// The name of the member that cannot be used.
    pub fn amend(add: Option<&Value>, remove: Option<&Value>) -> Result<Self, &'static str> {
        let read = |name, value: Option<&Value>| {
            let Some(value) = value else { return Ok(Grants::default()) };
            let members = value.as_object().ok_or(name)?;
            if members.keys().any(|member| !matches!(member.as_str(), "scopes" | "roles" | "tenant_id")) {
                return Err(name);
            }
            Grants::read(&|member| members.get(member).filter(|value| !value.is_null())).map_err(|_| name)
        };
        let (add, remove) = (read("add", add)?, read("remove", remove)?);
        if add == Grants::default() && remove == Grants::default() {
            return Err("add");
        }
        Ok(Self::Amend { add, remove })
    }

    /// What `before` becomes.
    ///
    /// # Errors
    /// `scopes` or `roles` when there would be more than [`MAX_GRANTS`].
    pub fn on(&self, before: &Grants) -> Result<Grants, &'static str> {
        let (add, remove) = match self {
            Self::Set(grants) => return Ok(grants.clone()),
            Self::Amend { add, remove } => (add, remove),
        };
        let amended = |before: &[String], add: &[String], remove: &[String]| -> Vec<String> {
            let mut list: Vec<String> = before.to_vec();
            list.extend(add.iter().filter(|text| !before.contains(text)).cloned());
            list.retain(|text| !remove.contains(text));
            list
        };
        let tenant_id = add.tenant_id.clone().or_else(|| before.tenant_id.clone());
        let grants = Grants {
            scopes: amended(&before.scopes, &add.scopes, &remove.scopes),
            roles: amended(&before.roles, &add.roles, &remove.roles),
            tenant_id: tenant_id.filter(|tenant| remove.tenant_id.as_ref() != Some(tenant)),
        };
        for (name, list) in [("scopes", &grants.scopes), ("roles", &grants.roles)] {
            if list.len() > MAX_GRANTS {
                return Err(name);
            }
        }
        Ok(grants)
    }

    /// Whether this order removes the administrator's scope from a user that has it.
    pub fn takes_administration(&self) -> bool {
        let is_there = |grants: &Grants| grants.scopes.iter().any(|scope| scope == ADMIN_SCOPE);
        match self {
            Self::Set(grants) => !is_there(grants),
            Self::Amend { remove, .. } => is_there(remove),
        }
    }

    /// For the audit log: see [`Grants::told`].
    pub fn told(&self) -> String {
        match self {
            Self::Set(grants) => grants.told(),
            Self::Amend { add, remove } => {
                let told = [("add ", add), ("remove ", remove)];
                let told = told.into_iter().filter(|(_, grants)| **grants != Grants::default());
                told.map(|(word, grants)| word.to_owned() + &grants.told()).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// A list of different texts; none when it is absent.
fn texts(list: Option<&Value>, sound: fn(&str) -> bool) -> Option<Vec<String>> {
    let Some(list) = list else { return Some(Vec::new()) };
    let mut all: Vec<String> = Vec::new();
    for item in list.as_array().filter(|items| items.len() <= MAX_GRANTS)? {
        let text = item.as_str().filter(|text| fits(text) && sound(text))?;
        if !all.iter().any(|other| other == text) {
            all.push(text.to_owned());
        }
    }
    Some(all)
}

fn scope(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

fn printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

const fn fits(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_GRANT_BYTES
}
