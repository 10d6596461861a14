//! Dynamic client registration (RFC 7591): a client's metadata, read into the members of a stored client.
//!
//! Members that are not read, such as `logo_uri`, `client_uri`, or `contacts`, are ignored (section 2): a page shows nothing
//! that a stranger wrote, except the name.

use serde_json::{Map, Value, json};

use crate::{
    client::{GrantType, MAX_NAME, MAX_REDIRECT_URIS, is_invisible},
    client_auth::METHODS,
    redirect::{RedirectKind, RegisteredRedirect},
    scope::Scopes,
};

/// Why metadata is refused (RFC 7591 section 3.2.2). The description never contains a value of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataError {
    /// `invalid_redirect_uri`.
    RedirectUri(&'static str),
    /// `invalid_client_metadata`.
    Metadata(&'static str),
}

impl MetadataError {
    /// The value of `error`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RedirectUri(_) => "invalid_redirect_uri",
            Self::Metadata(_) => "invalid_client_metadata",
        }
    }

    /// The value of `error_description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::RedirectUri(description) | Self::Metadata(description) => description,
        }
    }
}

/// The sound metadata of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMetadata {
    redirect_uris: Vec<String>,
    has_private_use: bool,
    name: Option<String>,
    method: &'static str,
    grant_types: Vec<&'static str>,
    scopes: Option<Scopes>,
    application_type: &'static str,
}

impl ClientMetadata {
    /// Reads the metadata of a request. What the server does not support is left out where something else remains (section
    /// 2), and the answer has what is registered.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(document: &Map<String, Value>) -> Result<Self, MetadataError> {
        let wrong = MetadataError::Metadata;
        let text = |name: &str, problem| match document.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(MetadataError::Metadata(problem)),
        };
        let named_type = match text("application_type", "application_type must be a string")? {
            None => None,
            Some("web") => Some("web"),
            Some("native") => Some("native"),
            Some(_) => return Err(wrong("application_type must be web or native")),
        };
        let redirects = redirects(document.get("redirect_uris"), named_type)?;
        let has = |kind: RedirectKind| redirects.iter().any(|redirect| redirect.kind() == kind);
        let is_native = has(RedirectKind::Loopback) || has(RedirectKind::PrivateUse);
        let method = text("token_endpoint_auth_method", "token_endpoint_auth_method must be a string")?;
        let [_, basic, _] = METHODS;
        // Section 2: the default is client_secret_basic.
        let method = METHODS.into_iter().find(|known| *known == method.unwrap_or(basic)).ok_or(wrong(
            "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
        ))?;
        let grant_types = match list(document, "grant_types", "grant_types must be a list of strings")? {
            // Section 2: the default is authorization_code alone.
            None => vec![GrantType::AuthorizationCode.name()],
            Some(asked) => {
                let known = GrantType::ALL.into_iter().map(|(name, _)| name);
                known.filter(|name| asked.contains(name)).collect()
            }
        };
        if !grant_types.contains(&GrantType::AuthorizationCode.name()) {
            return Err(wrong("grant_types must have authorization_code"));
        }
        let types = list(document, "response_types", "response_types must be a list of strings")?;
        if types.is_some_and(|types| !types.contains(&"code")) {
            return Err(wrong("response_types must have code"));
        }
        let scopes = match text("scope", "scope must be a string")? {
            None | Some("") => None,
            Some(scope) => Some(Scopes::parse(scope).map_err(|_| wrong("scope is malformed or too long"))?),
        };
        Ok(Self {
            has_private_use: has(RedirectKind::PrivateUse),
            redirect_uris: redirects.iter().map(|redirect| redirect.as_str().to_owned()).collect(),
            name: text("client_name", "client_name must be a string")?.and_then(plain_name),
            method,
            grant_types,
            scopes: scopes.map(Scopes::without_offline_access),
            application_type: named_type.unwrap_or(if is_native { "native" } else { "web" }),
        })
    }

    /// Whether the client gets a secret.
    pub fn is_confidential(&self) -> bool {
        let [none, _, _] = METHODS;
        self.method != none
    }

    /// The members of the stored client: of the scopes that it asks for those that are `open` to it. The name is its id where
    /// it has none.
    pub fn members(&self, client_id: &str, open: &Scopes) -> Map<String, Value> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("name", self.name.as_deref().unwrap_or(client_id).into());
        add("redirect_uris", self.redirect_uris.as_slice().into());
        add("grant_types", self.grant_types.as_slice().into());
        if self.has_private_use {
            add("private_use_schemes", true.into());
        }
        if let Some(scopes) = &self.scopes {
            add("scopes", scopes.within(open).iter().map(Value::from).collect());
        }
        members
    }

    /// The answer to a registration (section 3.2.1). `scopes` is what the client may ask for, and `issued_at` is in seconds
    /// since 1970.
    pub fn answer(&self, client_id: &str, issued_at: u64, secret: Option<&str>, scopes: &Scopes) -> Value {
        let mut scope = scopes.clone();
        if self.grant_types.contains(&GrantType::RefreshToken.name()) {
            scope = scope.with_offline_access();
        }
        let mut answer = json!({
            "client_id": client_id,
            "client_id_issued_at": issued_at,
            "redirect_uris": self.redirect_uris,
            "token_endpoint_auth_method": self.method,
            "grant_types": self.grant_types,
            "response_types": ["code"],
            "application_type": self.application_type,
            "scope": scope.to_text(),
        });
        if let Value::Object(members) = &mut answer {
            if let Some(name) = &self.name {
                members.insert("client_name".to_owned(), name.as_str().into());
            }
            if let Some(secret) = secret {
                members.insert("client_secret".to_owned(), secret.into());
                // It does not expire by itself: the client does, unless it is used.
                members.insert("client_secret_expires_at".to_owned(), 0.into());
            }
        }
        answer
    }
}

/// The sound redirect URIs. One with a private-use scheme that is no domain in reverse order is left out where others remain:
/// programs list one of each kind and use what they are given.
fn redirects(
    value: Option<&Value>,
    application_type: Option<&'static str>,
) -> Result<Vec<RegisteredRedirect>, MetadataError> {
    let wrong = MetadataError::RedirectUri;
    let Some(Value::Array(items)) = value else {
        return Err(wrong("redirect_uris must be a list of at least one URI"));
    };
    if items.len() > MAX_REDIRECT_URIS {
        return Err(wrong("redirect_uris must have at most 20 entries"));
    }
    let mut redirects: Vec<RegisteredRedirect> = Vec::new();
    for item in items {
        let text = item.as_str().ok_or(wrong("redirect_uris must be a list of strings"))?;
        let redirect = match RegisteredRedirect::parse(text, true) {
            Ok(redirect) => redirect,
            Err(_) if is_private_use(text) => continue,
            Err(_) => {
                return Err(wrong(
                    "a redirect URI must be https, http on this machine, or have a private-use scheme, without a fragment",
                ));
            }
        };
        if application_type == Some("web") && redirect.kind() != RedirectKind::Web {
            return Err(wrong("a client of the application_type web has https redirect URIs"));
        }
        if !redirects.contains(&redirect) {
            redirects.push(redirect);
        }
    }
    if redirects.is_empty() {
        let scheme = "a redirect URI with a private-use scheme needs one that is a domain in reverse order, such as com.example.app";
        return Err(wrong(if items.is_empty() { "redirect_uris must not be empty" } else { scheme }));
    }
    Ok(redirects)
}

/// Whether the text has a scheme that only an app on a device can have registered.
fn is_private_use(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let known =
        ["http", "https", "javascript", "data", "file", "blob", "about", "vbscript", "ws", "wss", "ftp"];
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !known.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// The strings of a list.
fn list<'d>(
    document: &'d Map<String, Value>,
    name: &str,
    problem: &'static str,
) -> Result<Option<Vec<&'d str>>, MetadataError> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().ok_or(MetadataError::Metadata(problem)));
            texts.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(MetadataError::Metadata(problem)),
    }
}

/// A name for one line of a page: without characters that change how the rest of the line is shown. `None` if nothing is
/// left.
fn plain_name(text: &str) -> Option<String> {
    let is_joiner = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
    let plain = text.chars().filter(|c| !c.is_control() && !is_invisible(*c) && !is_joiner(*c));
    let name: String = plain.take(MAX_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &Value) -> Result<ClientMetadata, MetadataError> {
        ClientMetadata::parse(document.as_object().unwrap())
    }

    fn with(name: &str, value: Value) -> Result<ClientMetadata, &'static str> {
        let mut document = json!({"redirect_uris": ["https://app.example/cb"]});
        document[name] = value;
        read(&document).map_err(MetadataError::code)
    }

    // Tests RFC 7591 section 2: defaults of client metadata
    #[test]
    fn what_is_not_named_has_the_defaults_of_the_standard() {
        let client = read(&json!({"redirect_uris": ["https://app.example/cb"]})).unwrap();
        assert!(client.is_confidential());
        assert_eq!(
            client.answer("pcl_x", 7, Some("pcs_x"), &Scopes::of_granted("a")),
            json!({
                "client_id": "pcl_x", "client_id_issued_at": 7, "client_secret": "pcs_x",
                "client_secret_expires_at": 0, "redirect_uris": ["https://app.example/cb"],
                "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code"],
                "response_types": ["code"], "application_type": "web", "scope": "a",
            })
        );
        assert_eq!(client.members("pcl_x", &Scopes::of_granted("mcp:use"))["name"], "pcl_x");
    }

    // Tests RFC 7591 section 2: unknown metadata is ignored
    #[test]
    fn an_mcp_clients_metadata_is_registered() {
        let client = read(&json!({
            "client_name": "Inspector\u{202e}", "redirect_uris": ["http://localhost:6274/cb", "https://app.example/cb"],
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": ["code", "token"], "token_endpoint_auth_method": "none", "application_type": "native",
            "scope": "mcp:use postern:admin offline_access", "logo_uri": 7, "jwks": {"keys": []}, "software_statement": "x",
        }))
        .unwrap();
        assert!(!client.is_confidential());
        assert_eq!(
            Value::Object(client.members("pcl_x", &Scopes::of_granted("mcp:use"))),
            json!({
                "name": "Inspector", "redirect_uris": ["http://localhost:6274/cb", "https://app.example/cb"],
                "grant_types": ["authorization_code", "refresh_token"], "scopes": ["mcp:use"],
            })
        );
        let answer = client.answer("pcl_x", 7, None, &Scopes::of_granted("mcp:use"));
        assert_eq!(answer["scope"], "mcp:use offline_access");
        assert!(answer.get("client_secret").is_none());
    }

    // The attack: a name with invisible characters, which change how a page shows the words around it.
    #[test]
    fn a_registered_name_meets_the_rule_for_names() {
        for hidden in ['\u{ad}', '\u{200b}', '\u{200d}', '\u{202e}', '\u{2060}', '\u{2066}', '\u{feff}', '\n']
        {
            let name = plain_name(&format!(" A{hidden}pp{hidden} ")).unwrap();
            assert_eq!(crate::client::check_name(&name), Ok("App"), "{hidden:?}");
        }
    }

    // The attack: a redirect URI that runs a script, leaks the code on the wire, or belongs to the browser itself.
    // Tests RFC 7591 section 3.2.2: an unsound redirect URI is invalid_redirect_uri
    #[test]
    fn an_unsound_redirect_uri_is_refused() {
        for uris in [
            json!(null),
            json!([]),
            json!("https://app.example/cb"),
            json!([7]),
            json!(["http://app.example/cb"]),
            json!(["https://app.example/cb#x"]),
            json!(["https://me@app.example/cb"]),
            json!(["javascript:alert(1)"]),
            json!(["javascript://x/%0aalert(1)", "https://app.example/cb"]),
            json!(["data:text/html,x"]),
            json!(["myapp://cb"]),
            json!(vec!["https://app.example/cb"; 21]),
        ] {
            assert_eq!(with("redirect_uris", uris.clone()).err(), Some("invalid_redirect_uri"), "{uris}");
        }
        for uris in [json!(["http://localhost/cb"]), json!(["com.example.app:/cb"])] {
            let document = json!({"application_type": "web", "redirect_uris": uris});
            assert_eq!(read(&document).err().map(MetadataError::code), Some("invalid_redirect_uri"));
        }
        let mixed =
            read(&json!({"redirect_uris": ["cursor://cb", "com.example.app:/cb", "http://127.0.0.1/cb"]}));
        let members = mixed.unwrap().members("x", &Scopes::default());
        assert_eq!(members["redirect_uris"], json!(["com.example.app:/cb", "http://127.0.0.1/cb"]));
        assert_eq!(members["private_use_schemes"], true);
    }

    // Tests RFC 7591 section 3.2.2: other unsound metadata is invalid_client_metadata
    #[test]
    fn other_unsound_metadata_is_refused() {
        for (name, value) in [
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("token_endpoint_auth_method", json!(7)),
            ("grant_types", json!(["refresh_token"])),
            ("grant_types", json!([])),
            ("grant_types", json!("authorization_code")),
            ("grant_types", json!([7])),
            ("response_types", json!(["token"])),
            ("scope", json!(["a"])),
            ("scope", json!("a  b")),
            ("client_name", json!({"en": "x"})),
            ("application_type", json!("desktop")),
        ] {
            assert_eq!(with(name, value.clone()).err(), Some("invalid_client_metadata"), "{name} {value}");
        }
        for (name, value) in
            [("scope", json!("")), ("client_name", json!(null)), ("grant_types", json!(null))]
        {
            assert!(with(name, value).is_ok(), "{name}");
        }
    }

    // The attack: a name that rewrites the page for consent.
    #[test]
    fn a_name_is_one_plain_line() {
        let name = |text: &str| {
            with("client_name", json!(text)).unwrap().members("id", &Scopes::default())["name"].clone()
        };
        assert_eq!(name(" The\u{0}\n shop\u{2066} "), "The shop");
        assert_eq!(name("\u{202e}\u{200b}"), "id");
        assert_eq!(name(&"x".repeat(99)).as_str().unwrap().len(), 60);
    }
}
