//! A compact token before its signature is verified.

use core::fmt;

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
    "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "enc", "zip", "cty", "p2s", "p2c", "epk",
    "iv", "tag",
];

/// A token as it came, well-formed, believed in nothing. It reveals only what is needed to
/// choose a key; the claims stay inside until [`super::verify`] has let them out.
pub struct UnverifiedToken<'a> {
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) signing_input: &'a [u8],
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token is a credential: nothing of its payload or signature is shown.
        formatter
            .debug_struct("UnverifiedToken")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a compact JWS apart (RFC 7515 section 5.2, steps 1 to 7).
    ///
    /// Size is capped before anything else; there are exactly three parts in strict base64url;
    /// the header is one strict JSON object of `alg`, `kid` and `typ` at most.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge { bytes: text.len() });
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(match text.split('.').count() {
                5 => TokenError::Encrypted,
                count => TokenError::NotThreeParts { parts: count },
            });
        };
        let header = decode(header, "header")?;
        let payload = decode(payload, "payload")?;
        if signature.is_empty() {
            return Err(TokenError::MissingSignature);
        }
        let signature = decode(signature, "signature")?;
        let header = json::parse_object(&header).map_err(TokenError::MalformedHeader)?;
        if let Some(name) = FORBIDDEN_MEMBERS.into_iter().find(|name| header.contains_key(*name)) {
            return Err(TokenError::ForbiddenHeader { name });
        }
        if header.keys().any(|name| !matches!(name.as_str(), "alg" | "kid" | "typ")) {
            return Err(TokenError::UnknownHeader);
        }
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
        let agreed = untrusted.algorithm() == algorithm.name()
            && untrusted.header().key_id == kid
            && untrusted.header().token_type == typ
            && untrusted.signature_bytes() == signature.as_slice();
        if !agreed {
            return Err(TokenError::ParsersDisagree);
        }
        let signing_input = text.rsplit_once('.').map_or("", |(input, _)| input).as_bytes();
        Ok(Self { algorithm, kid, typ, signing_input, payload, signature })
    }

    /// What the header claims the algorithm to be. It may only agree with the key.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The name of the key, as claimed.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The `typ` of the header, as claimed.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What the payload claims, for an explanation of what would become of it if it were signed.
    pub(crate) fn payload(&self) -> &[u8] {
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
