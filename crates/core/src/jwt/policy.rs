//! What one trusted issuer's access tokens must look like.

use core::time::Duration;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::jose::SignatureAlgorithm;

/// Where in the claims a value stands. Read from text:
///
/// - `/realm_access/roles`: a JSON Pointer (RFC 6901) through objects;
/// - `realm_access.roles`: the same with dots;
/// - anything else, and whatever holds a `:` (`cognito:groups`, `https://example.com/roles`):
///   the name of one top-level claim.
///
/// A top-level name with a dot in it and no colon is written as a pointer (`/my.claim`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ClaimPath {
    text: String,
    names: Vec<String>,
}

impl From<&str> for ClaimPath {
    fn from(text: &str) -> Self {
        let names = if let Some(pointer) = text.strip_prefix('/') {
            pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
        } else if text.contains(':') {
            vec![text.to_owned()]
        } else {
            text.split('.').map(str::to_owned).collect()
        };
        Self { text: text.to_owned(), names }
    }
}

impl From<String> for ClaimPath {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.text
    }
}

impl ClaimPath {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value there, if every object on the way is there.
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.names.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

/// Which `typ` a token must have. Media types compare without regard to case (RFC 2045 section
/// 5.1), with or without `application/` (RFC 7515 section 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypPolicy {
    /// One of these, and never absent.
    Exact(Vec<String>),
    /// Absent, `JWT` or `at+jwt`: for issuers that do not follow RFC 9068. Tokens of other kinds
    /// (`logout+jwt`, `dpop+jwt` ...) are refused even so (RFC 8725 section 3.11).
    AllowAbsentOrJwt,
}

impl TypPolicy {
    /// RFC 9068 section 4: `at+jwt` or `application/at+jwt`.
    pub fn access_token() -> Self {
        Self::Exact(vec!["at+jwt".into()])
    }

    pub(crate) fn allows(&self, typ: Option<&str>) -> bool {
        let is = |wanted: &str| typ.is_some_and(|typ| subtype(typ).eq_ignore_ascii_case(subtype(wanted)));
        match self {
            Self::Exact(list) => list.iter().any(|wanted| is(wanted)),
            Self::AllowAbsentOrJwt => typ.is_none() || is("JWT") || is("at+jwt"),
        }
    }
}

fn subtype(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => media_type.get(PREFIX.len()..).unwrap_or(""),
        _ => media_type,
    }
}

/// Which claim names the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceSource {
    /// `aud`.
    Aud,
    /// `client_id`, whatever [`ValidationPolicy::client_claims`] is: Amazon Cognito's access tokens
    /// have no `aud`, and its ID tokens no `client_id`. Many issuers' ID tokens have an `azp`.
    ClientId,
}

/// What one trusted issuer's access tokens must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationPolicy {
    /// What `iss` must be, character for character (RFC 9068 section 4).
    pub issuer: String,
    /// One of these must be in the token's audience. An empty list accepts no token.
    pub audiences: Vec<String>,
    /// Where the audience stands.
    pub audience_source: AudienceSource,
    /// How far the issuer's clock and ours may differ.
    pub leeway: Duration,
    /// Which `typ` is accepted.
    pub typ: TypPolicy,
    /// Header members beside `alg`, `kid` and `typ` that its tokens may have. Their names alone count: nothing reads
    /// them (RFC 7515 section 4 has it so for whatever is not understood).
    #[serde(default)]
    pub header_members: BTreeSet<String>,
    /// What the issuer may sign with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The longest `exp - iat` accepted.
    #[serde(default)]
    pub max_lifetime: Option<Duration>,
    /// The longest time since `iat` accepted, leeway added.
    #[serde(default)]
    pub max_age: Option<Duration>,
    /// Where scopes stand: text with spaces between (`scope`), or an array (`scp`, `permissions`).
    pub scope_claim: ClaimPath,
    /// Where roles stand: an array of text, or one text, in each of these places. What stands in
    /// several of them counts once; nothing says from which a role came.
    pub roles_claims: Vec<ClaimPath>,
    /// Where the tenant stands: a text.
    pub tenant_claim: ClaimPath,
    /// Where the client stands that the token was issued to: a text, the same in each of these
    /// places that the token has. `client_id` by RFC 9068 section 2.2, `azp` for issuers who took it
    /// over from ID tokens (`OpenID` Connect Core section 2). No other claim is looked at.
    pub client_claims: Vec<ClaimPath>,
    /// Whether RFC 9068's further claims, `jti` and `client_id`, must be there.
    pub rfc9068: bool,
}

impl ValidationPolicy {
    /// Clocks of servers kept by NTP differ by far less; 30 s also covers a suspended laptop's.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

    /// For tokens of our own kind: the whole of RFC 9068.
    pub fn own(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            audience_source: AudienceSource::Aud,
            leeway: Self::DEFAULT_LEEWAY,
            typ: TypPolicy::access_token(),
            header_members: BTreeSet::new(),
            algorithms: SignatureAlgorithm::ALL.to_vec(),
            max_lifetime: None,
            max_age: None,
            scope_claim: "scope".into(),
            roles_claims: vec!["roles".into()],
            tenant_claim: "tenant_id".into(),
            client_claims: vec!["client_id".into()],
            rfc9068: true,
        }
    }

    /// For an issuer that may not follow RFC 9068.
    pub fn external(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self { typ: TypPolicy::AllowAbsentOrJwt, rfc9068: false, ..Self::own(issuer, audiences) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_path_reads_each_issuers_shape() {
        let claims = json!({
            "realm_access": {"roles": ["a"]}, "cognito:groups": ["b"], "https://example.com/roles": ["c"],
            "my.claim": ["d"], "scp": "e", "a/b": "f",
        });
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            ("realm_access.roles", Some(json!(["a"]))),
            ("/realm_access/roles", Some(json!(["a"]))),
            ("cognito:groups", Some(json!(["b"]))),
            ("https://example.com/roles", Some(json!(["c"]))),
            ("/my.claim", Some(json!(["d"]))),
            ("my.claim", None),
            ("scp", Some(json!("e"))),
            ("/a~1b", Some(json!("f"))),
            ("scp.deeper", None),
            ("missing", None),
            ("", None),
        ] {
            assert_eq!(ClaimPath::from(path).find(claims), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn typ_is_compared_as_a_media_type() {
        let own = TypPolicy::access_token();
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/at+jwt"] {
            assert!(own.allows(Some(typ)), "{typ}");
        }
        for typ in
            ["JWT", "", "application/", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "id+jwt"]
        {
            assert!(!own.allows(Some(typ)), "{typ}");
        }
        assert!(!own.allows(None));
        for typ in [None, Some("JWT"), Some("jwt"), Some("at+jwt")] {
            assert!(TypPolicy::AllowAbsentOrJwt.allows(typ));
        }
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "", "ID"] {
            assert!(!TypPolicy::AllowAbsentOrJwt.allows(Some(typ)), "{typ}");
        }
    }
}
