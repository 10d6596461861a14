//! What a user may do, read from what an administrator or an import says.

use serde_json::Value;

/// The scope of administrators (RFC 6749 section 3.3): `/admin` and `/metrics` ask for it.
pub const ADMIN_SCOPE: &str = "postern:admin";

/// The most scopes, and the most roles, that one user may have: more would not fit an access
/// token of 1 KB, which is carried with every request.
pub const MAX_GRANTS: usize = 64;
/// The longest scope, role or tenant, in bytes.
pub const MAX_GRANT_BYTES: usize = 128;

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

    /// For the audit log: the lists as JSON, so that no name can pass for two. The administrators'
    /// scope stands first, as a long text is cut off there.
    pub fn told(&self) -> String {
        let mut scopes = self.scopes.clone();
        scopes.sort_by_key(|scope| scope != ADMIN_SCOPE);
        let tenant = self.tenant_id.as_deref().map_or(Value::Null, Value::from).to_string();
        let (scopes, roles) =
            (Value::from(scopes).to_string(), Value::from(self.roles.as_slice()).to_string());
        ["scopes ", &scopes, " roles ", &roles, " tenant ", &tenant].concat()
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
