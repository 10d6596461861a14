//! A compact token before its signature is verified.

use core::{cell::RefCell, fmt};
use std::collections::BTreeSet;

use jwt_compact::UntrustedToken;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{
    SignatureAlgorithm,
    json::{self, JsonError},
    jwk::MAX_KID_BYTES,
};
use crate::{encoding::from_base64url, jwt::TokenError};

/// The largest token that is looked at. Ours stay under 1 KB; those of issuers with many groups
/// reach 4 to 6 KB; browsers and servers cap a header line at 8 KB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Header members that must never choose a key or change what is signed (RFC 7515 sections
/// 4.1.2 to 4.1.11, RFC 7797, RFC 7516). They are refused by name, so that the log tells an
/// attack from a merely unknown member.
const FORBIDDEN_MEMBERS: [&str; 16] = [
    "jku", "x5u", "x5c", "x5t", "x5t#S256", "jwk", "crit", "b64", "enc", "zip", "cty", "p2s", "p2c", "epk",
    "iv", "tag",
];

/// The first of these name a key that some issuers publish elsewhere too: who has the key set can do without, so an
/// issuer's policy may let them stand. The others bring a key along, or say that what is signed is not the text.
const MAY_STAND: usize = 5;

/// Whether an issuer's policy may let a header member of this name stand, unread
/// ([`crate::jwt::ValidationPolicy::header_members`]).
pub fn may_stand_in_header(name: &str) -> bool {
    let forbidden = FORBIDDEN_MEMBERS.get(MAY_STAND..).unwrap_or_default();
    !forbidden.contains(&name) && !READ_MEMBERS.contains(&name)
}

/// The header members that are read.
const READ_MEMBERS: [&str; 3] = ["alg", "kid", "typ"];

/// Whether all of these header members, which are not read, may stand.
pub(crate) fn check_members(names: &[String], let_stand: &BTreeSet<String>) -> Result<(), TokenError> {
    let refused = names.iter().filter(|name| !let_stand.contains(*name)).map(|name| {
        let forbidden = FORBIDDEN_MEMBERS.into_iter().find(|forbidden| forbidden == name);
        forbidden.map_or(TokenError::UnknownHeader, |name| TokenError::ForbiddenHeader { name })
    });
    // An attack is told before a name that is merely unknown.
    refused.min_by_key(|refused| *refused == TokenError::UnknownHeader).map_or(Ok(()), Err)
}

/// A token as it came, well-formed, believed in nothing. It reveals only what is needed to
/// choose a key; the claims stay inside until [`super::verify`] has let them out.
pub struct UnverifiedToken<'a> {
    /// The first part as it is written.
    header_text: &'a str,
    header: Header,
    pub(super) signing_input: &'a [u8],
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    /// The names of members that are not read.
    others: Vec<String>,
}

/// Headers an isolate remembers. An issuer's tokens have one for each key in use; a few issuers
/// with two keys each fit. They are compared one by one, so there must not be many.
const MAX_KNOWN_HEADERS: usize = 16;

/// The headers of tokens whose signatures were good: all tokens of one key begin with the same
/// text, which need not be judged anew, by two parsers, each time. Found by the whole text.
#[derive(Debug, Default)]
pub struct KnownHeaders {
    /// Names of members that some issuer's policy lets stand; which issuer's, [`crate::jwt::validate`] sees to.
    let_stand: BTreeSet<String>,
    known: RefCell<Vec<(Box<str>, Header)>>,
}

impl KnownHeaders {
    /// None known yet. `let_stand`: the header members that any issuer's policy lets stand.
    pub const fn new(let_stand: BTreeSet<String>) -> Self {
        Self { let_stand, known: RefCell::new(Vec::new()) }
    }

    fn find(&self, text: &str) -> Option<Header> {
        self.known.borrow().iter().find(|(known, _)| **known == *text).map(|(_, header)| header.clone())
    }

    /// Remembers the header of a token that was verified.
    pub fn remember(&self, token: &UnverifiedToken<'_>) {
        let mut known = self.known.borrow_mut();
        if known.iter().any(|(text, _)| **text == *token.header_text) {
            return;
        }
        if known.len() >= MAX_KNOWN_HEADERS {
            known.clear();
        }
        known.push((token.header_text.into(), token.header.clone()));
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token is a credential: nothing of its payload or signature is shown.
        formatter
            .debug_struct("UnverifiedToken")
            .field("algorithm", &self.header.algorithm)
            .field("kid", &self.header.kid)
            .finish_non_exhaustive()
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a compact JWS apart (RFC 7515 section 5.2, steps 1 to 7).
    ///
    /// Size is capped before anything else; there are exactly three parts in strict base64url;
    /// the header is one strict JSON object of `alg`, `kid` and `typ` at most.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        Self::parse_known(text, &KnownHeaders::default())
    }

    /// The same, with headers that were judged before, and members in them that an issuer's policy lets stand.
    pub fn parse_known(text: &'a str, headers: &KnownHeaders) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge { bytes: text.len() });
        }
        let mut parts = text.split('.');
        let (Some(header_text), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(match text.split('.').count() {
                5 => TokenError::Encrypted,
                count => TokenError::NotThreeParts { parts: count },
            });
        };
        let known = headers.find(header_text);
        let header = if known.is_none() { decode(header_text, "header")? } else { Vec::new() };
        let payload = decode(payload, "payload")?;
        if signature.is_empty() {
            return Err(TokenError::MissingSignature);
        }
        let signature = decode(signature, "signature")?;
        let header = match known {
            Some(known) => known,
            None => Header::parse(&header, &headers.let_stand, text, &signature)?,
        };
        let signing_input = text.rsplit_once('.').map_or("", |(input, _)| input).as_bytes();
        Ok(Self { header_text, header, signing_input, payload, signature })
    }

    /// What the header claims the algorithm to be. It may only agree with the key.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.header.algorithm
    }

    /// The name of the key, as claimed.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The `typ` of the header, as claimed.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The names of header members that are not read, because some issuer's policy lets them stand.
    pub fn other_members(&self) -> &[String] {
        &self.header.others
    }

    /// What the payload claims, for an explanation of what would become of it if it were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The `iss` that the payload claims: unverified, for choosing among the trusted issuers'
    /// key sets and for nothing else. After verification it is compared with the issuer whose
    /// keys were used.
    pub fn claimed_issuer(&self) -> Result<String, TokenError> {
        let text = core::str::from_utf8(&self.payload)
            .map_err(|_| TokenError::MalformedClaims(JsonError::NotUtf8))?;
        let issuer = serde_json::Deserializer::from_str(text)
            .deserialize_map(IssuerOnly)
            .map_err(|_| TokenError::MalformedClaims(JsonError::Malformed))?;
        issuer.ok_or(TokenError::MissingClaim { name: "iss" })
    }
}

impl Header {
    /// Judges a decoded header. `text` is the whole token, for the second opinion.
    fn parse(
        header: &[u8],
        let_stand: &BTreeSet<String>,
        text: &str,
        signature: &[u8],
    ) -> Result<Self, TokenError> {
        let header = json::parse_object(header).map_err(TokenError::MalformedHeader)?;
        let others: Vec<String> =
            header.keys().filter(|name| !READ_MEMBERS.contains(&name.as_str())).cloned().collect();
        check_members(&others, let_stand)?;
        let algorithm = match header.get("alg") {
            None => return Err(TokenError::MissingAlgorithm),
            Some(Value::String(name)) => parse_algorithm(name)?,
            Some(_) => return Err(TokenError::MalformedHeaderMember { name: "alg" }),
        };
        let kid = text_member(header.get("kid"), "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenError::MalformedHeaderMember { name: "kid" });
        }
        let typ = text_member(header.get("typ"), "typ")?;

        // The second opinion: jwt-compact reads the same text, and where the two parsers differ
        // nobody is believed.
        let untrusted = UntrustedToken::new(text).map_err(|_| TokenError::ParsersDisagree)?;
        let agreed = untrusted.algorithm().parse() == Ok(algorithm)
            && untrusted.header().key_id == kid
            && untrusted.header().token_type == typ
            && untrusted.signature_bytes() == signature;
        if agreed { Ok(Self { algorithm, kid, typ, others }) } else { Err(TokenError::ParsersDisagree) }
    }
}

/// Reads over the payload without keeping anything but a single `iss`.
struct IssuerOnly;

impl<'de> Visitor<'de> for IssuerOnly {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Option<String>, A::Error> {
        let mut issuer = None;
        while let Some(name) = object.next_key::<String>()? {
            if name != "iss" {
                object.next_value::<IgnoredAny>()?;
            } else if issuer.replace(object.next_value::<String>()?).is_some() {
                return Err(serde::de::Error::custom("iss twice"));
            }
        }
        Ok(issuer)
    }
}

fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, TokenError> {
    from_base64url(part).ok_or(TokenError::NotBase64Url { part: name })
}

fn parse_algorithm(name: &str) -> Result<SignatureAlgorithm, TokenError> {
    name.parse().map_err(|_| {
        if name.eq_ignore_ascii_case("none") {
            TokenError::AlgorithmNone
        } else if name.get(..2).is_some_and(|family| family.eq_ignore_ascii_case("hs")) {
            TokenError::SymmetricAlgorithm
        } else {
            TokenError::UnsupportedAlgorithm
        }
    })
}

fn text_member(value: Option<&Value>, name: &'static str) -> Result<Option<String>, TokenError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::MalformedHeaderMember { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base64url;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()), base64url(&[7; 64]))
    }

    #[test]
    fn a_parsed_token_reveals_what_chooses_a_key() {
        let text = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, r#"{"sub":"s","iss":"https://i"}"#);
        let parsed = UnverifiedToken::parse(&text).unwrap();
        assert_eq!(parsed.algorithm(), SignatureAlgorithm::Es256);
        assert_eq!(parsed.kid(), Some("k"));
        assert_eq!(parsed.claimed_issuer().unwrap(), "https://i");
        assert!(!format!("{parsed:?}").contains("https"));
    }

    #[test]
    fn ed25519_in_a_header_is_eddsa() {
        let text = token(r#"{"alg":"Ed25519"}"#, "{}");
        assert_eq!(UnverifiedToken::parse(&text).unwrap().algorithm(), SignatureAlgorithm::EdDsa);
        for alg in ["Ed448", "ed25519", "ESP256"] {
            let text = token(&format!(r#"{{"alg":"{alg}"}}"#), "{}");
            assert_eq!(UnverifiedToken::parse(&text).unwrap_err(), TokenError::UnsupportedAlgorithm, "{alg}");
        }
    }

    #[test]
    fn a_known_header_says_what_it_said_and_no_other_text_is_taken_for_it() {
        let known = KnownHeaders::default();
        let text = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, "{}");
        known.remember(&UnverifiedToken::parse(&text).unwrap());
        let again = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, r#"{"sub":"s"}"#);
        let (fresh, found) =
            (UnverifiedToken::parse(&again).unwrap(), UnverifiedToken::parse_known(&again, &known).unwrap());
        assert_eq!((fresh.header, fresh.payload), (found.header, found.payload));
        for (header, cause) in [
            (r#"{"alg":"none","kid":"k","typ":"at+jwt"}"#, TokenError::AlgorithmNone),
            (r#"{"alg":"ES256","kid":"k","crit":["b64"]}"#, TokenError::ForbiddenHeader { name: "crit" }),
        ] {
            let text = token(header, "{}");
            assert_eq!(UnverifiedToken::parse_known(&text, &known).unwrap_err(), cause);
        }
        // A known header in front of parts that are no parts.
        let (header, _) = again.split_once('.').unwrap();
        for rest in ["e30", "e30.", "e30.AA=", "e30.AA.AA", "!.AA"] {
            assert!(UnverifiedToken::parse_known(&format!("{header}.{rest}"), &known).is_err(), "{rest}");
        }
    }

    #[test]
    fn only_so_many_headers_are_remembered() {
        let known = KnownHeaders::default();
        for number in 0..3 * MAX_KNOWN_HEADERS {
            let text = token(&format!(r#"{{"alg":"ES256","kid":"{number}"}}"#), "{}");
            known.remember(&UnverifiedToken::parse(&text).unwrap());
            known.remember(&UnverifiedToken::parse(&text).unwrap());
        }
        assert_eq!(known.known.borrow().len(), MAX_KNOWN_HEADERS);
    }

    #[test]
    fn an_issuer_claimed_twice_or_not_as_text_chooses_no_key_set() {
        for payload in [r#"{"iss":"a","iss":"b"}"#, r#"{"iss":1}"#, r#"["iss"]"#, "foo", r#"{"iss":null}"#] {
            let text = token(r#"{"alg":"ES256"}"#, payload);
            let claimed = UnverifiedToken::parse(&text).unwrap().claimed_issuer();
            assert!(matches!(claimed, Err(TokenError::MalformedClaims(_))), "{payload}");
        }
        let text = token(r#"{"alg":"ES256"}"#, "{}");
        let claimed = UnverifiedToken::parse(&text).unwrap().claimed_issuer();
        assert_eq!(claimed, Err(TokenError::MissingClaim { name: "iss" }));
    }

    #[test]
    fn the_size_is_judged_before_anything_else() {
        let huge = "a".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(
            UnverifiedToken::parse(&huge).unwrap_err(),
            TokenError::TooLarge { bytes: MAX_TOKEN_BYTES + 1 }
        );
        let full = "a".repeat(MAX_TOKEN_BYTES);
        assert_eq!(UnverifiedToken::parse(&full).unwrap_err(), TokenError::NotThreeParts { parts: 1 });
    }
}
