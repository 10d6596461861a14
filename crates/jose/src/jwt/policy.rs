//! What one trusted issuer's access tokens must look like.

use core::time::Duration;
use std::borrow::Cow;

use super::TokenError;
use crate::{
    MAX_TOKEN_BYTES, ReadHeader, SignatureAlgorithm,
    json::{BorrowedValue, Members},
};

/// Where in the claims a value stands. Read from text:
///
/// - `/realm_access/roles`: a JSON Pointer (RFC 6901) through objects;
/// - `realm_access.roles`: the same with dots;
/// - anything else, and whatever holds a `:` (`cognito:groups`, `https://example.com/roles`):
///   the name of one top-level claim.
///
/// A top-level name with a dot in it and no colon is written as a pointer (`/my.claim`).
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl ClaimPath {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the claim, if it is a top-level one.
    pub fn top_level(&self) -> Option<&str> {
        match self.names.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// The value there, if every object on the way is there.
    pub fn find<'c, 't>(&self, claims: &'c Members<'t>) -> Option<&'c BorrowedValue<'t>> {
        let (first, rest) = self.names.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

/// Where a claim of some meaning stands, and whether its reading decides.
///
/// What nobody asked for does not decide: a claim of the usual name that has a form we cannot read
/// counts as absent, unless the operator named it. Whoever names a claim means what is in it, and a
/// token that has something else there is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimSource {
    pub(super) places: Vec<ClaimPath>,
    pub(super) is_named: bool,
}

impl ClaimSource {
    /// The claim of the usual name, which nobody has named.
    pub fn usual(name: &'static str) -> Self {
        Self { places: vec![name.into()], is_named: false }
    }

    /// The places that the issuer's settings name.
    pub fn named<'a>(places: impl IntoIterator<Item = &'a str>) -> Self {
        Self { places: places.into_iter().map(ClaimPath::from).collect(), is_named: true }
    }

    /// Whether the issuer's settings name it.
    pub const fn is_named(&self) -> bool {
        self.is_named
    }

    /// The places, in order.
    pub fn places(&self) -> &[ClaimPath] {
        &self.places
    }

    /// Their names, for whoever is told that none of them is there.
    pub fn names(&self) -> Cow<'static, str> {
        let names: Vec<&str> = self.places.iter().map(ClaimPath::as_str).collect();
        names.join(" or ").into()
    }
}

/// What a claim of roles looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RolesForm {
    /// A list of text, or one text.
    #[default]
    Text,
    /// An object whose members are named by the roles (ZITADEL). A member that is `null` or `false`
    /// is none.
    Keys,
    /// A list of objects, each with the role in its member `name` (Casdoor).
    Names,
}

/// Which `typ` a token must have. Media types compare without regard to case (RFC 2045 section
/// 5.1), with or without `application/` (RFC 7515 section 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// What `typ` has to be, in words.
    pub const fn expected(&self) -> &'static str {
        match self {
            Self::Exact(_) => "`at+jwt`",
            Self::AllowAbsentOrJwt => "absent, `JWT` or `at+jwt`",
        }
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

/// What one trusted issuer's access tokens must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationPolicy {
    /// What `iss` must be, character for character (RFC 9068 section 4).
    pub issuer: String,
    /// One of these must be in the token's audience. An empty list accepts no token.
    pub audiences: Vec<String>,
    /// Whether a token is judged to the letter: no header member that nothing reads, every claim
    /// that we write of its own form. For tokens of our own, which we know to be so.
    pub exact: bool,
    /// The longest token.
    pub max_token_bytes: usize,
    /// How far the issuer's clock and ours may differ.
    pub leeway: Duration,
    /// Which `typ` is accepted.
    pub typ: TypPolicy,
    /// What the issuer may sign with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The longest `exp - iat` accepted.
    pub max_lifetime: Option<Duration>,
    /// The longest time since `iat` accepted, leeway added.
    pub max_age: Option<Duration>,
    /// Where the audience stands: a text, or a list of text. `aud`; `client_id` for Amazon Cognito,
    /// `azp` for Clerk.
    pub audience_claim: ClaimSource,
    /// Where the subject stands: a text, in the first of these places where there is one. `sub`; for
    /// tokens that have none (AD FS, client credentials), what the operator says.
    pub subject_claim: ClaimSource,
    /// Where scopes stand: text with spaces between (`scope`), or an array (`scp`, `permissions`).
    pub scope_claim: ClaimSource,
    /// Where roles stand, in each of these places. What stands in several of them counts once;
    /// nothing says from which a role came.
    pub roles_claim: ClaimSource,
    /// What stands there.
    pub roles_form: RolesForm,
    /// Where the tenant stands: a text.
    pub tenant_claim: ClaimSource,
    /// Where the client stands that the token was issued to: a text, the same in each of these
    /// places that the token has. `client_id` by RFC 9068 section 2.2, `azp` for issuers who took it
    /// over from ID tokens (`OpenID` Connect Core section 2). No other claim is looked at.
    pub client_claim: ClaimSource,
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
            exact: true,
            max_token_bytes: MAX_TOKEN_BYTES,
            leeway: Self::DEFAULT_LEEWAY,
            typ: TypPolicy::access_token(),
            algorithms: SignatureAlgorithm::ALL.to_vec(),
            max_lifetime: None,
            max_age: None,
            audience_claim: ClaimSource::usual("aud"),
            subject_claim: ClaimSource::usual("sub"),
            scope_claim: ClaimSource::usual("scope"),
            roles_claim: ClaimSource::usual("roles"),
            roles_form: RolesForm::Text,
            tenant_claim: ClaimSource::usual("tenant_id"),
            client_claim: ClaimSource::usual("client_id"),
            rfc9068: true,
        }
    }

    /// For another issuer, which may not follow RFC 9068, and of whose tokens only what is read
    /// decides.
    pub fn external(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            exact: false,
            typ: TypPolicy::AllowAbsentOrJwt,
            rfc9068: false,
            ..Self::own(issuer, audiences)
        }
    }

    /// Whether one of these is among the issuer's audiences.
    pub fn takes_audience(&self, audience: &[String]) -> bool {
        audience.iter().any(|one| self.audiences.contains(one))
    }

    /// Judges the header of a token of this issuer, and its length. [`super::validate`] does it for every token;
    /// doing it before the signature is looked at saves that work for a token that is refused.
    pub fn judge_header(&self, header: ReadHeader<'_>) -> Result<(), TokenError> {
        let ReadHeader { bytes, algorithm, typ, objection } = header;
        if bytes > self.max_token_bytes {
            return Err(TokenError::TooLarge { bytes, limit: self.max_token_bytes });
        }
        if !self.algorithms.contains(&algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if !self.typ.allows(typ) {
            return Err(TokenError::WrongType { expected: self.typ.expected() });
        }
        match objection {
            Some(objection) if self.exact => Err(objection.clone()),
            _ => Ok(()),
        }
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
        let claims = Members::from(claims.as_object().unwrap());
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
            assert_eq!(
                ClaimPath::from(path).find(&claims),
                expected.as_ref().map(BorrowedValue::from).as_ref(),
                "{path}"
            );
        }
    }

    // Tests RFC 7515 section 4.1.9: typ is a media type with or without application/, compared without case
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
