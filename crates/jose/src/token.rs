//! A compact token before its signature is verified.

use core::{cell::RefCell, fmt};
use std::{borrow::Cow, rc::Rc};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    SignatureAlgorithm,
    json::{self, JsonError},
    jwk::MAX_KID_BYTES,
};
use crate::{ClaimFault, TokenError, encoding::from_base64url, text::printable};

/// The largest token that is looked at where an issuer's settings say nothing else. Ours stay under
/// 1 KB; those of issuers with many groups reach 4 to 6 KB; browsers and servers cap a header line
/// at 8 KB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Header members that say that what is signed is not the text that stands there: an extension that
/// must be understood (RFC 7515 section 4.1.11), a payload that is not encoded (RFC 7797), encrypted
/// or compressed (RFC 7516). They refuse the token of any issuer.
const FORBIDDEN_MEMBERS: [&str; 4] = ["crit", "b64", "enc", "zip"];

/// Further members that would choose a key, or belong to another kind of token (RFC 7515 sections
/// 4.1.2 to 4.1.10, RFC 7516). Nothing here reads them. A token of our own does not have them, and
/// one that does is told apart in the log from a merely unknown member.
const NEVER_OURS: [&str; 12] =
    ["jku", "x5u", "x5c", "x5t", "x5t#S256", "jwk", "cty", "p2s", "p2c", "epk", "iv", "tag"];

/// The header members that are read.
const READ_MEMBERS: [&str; 3] = ["alg", "kid", "typ"];

/// The longest name of a member that is repeated for the log, in bytes.
const NAME_BYTES: usize = 64;

/// What is wrong with members that nothing reads, in a token that is exact to the letter. An attack
/// is named before a name that is merely unknown.
fn exact_objection(header: &Map<String, Value>) -> Option<TokenError> {
    let mut unread = header.keys().filter(|name| !READ_MEMBERS.contains(&name.as_str())).peekable();
    let first = unread.peek().map(|name| printable(name, NAME_BYTES));
    let attack = unread.find_map(|name| NEVER_OURS.into_iter().find(|known| known == name));
    attack
        .map(|name| TokenError::ForbiddenHeader { name })
        .or_else(|| first.map(|name| TokenError::UnknownHeader { name }))
}

/// A token as it came, well-formed, believed in nothing. It reveals only what is needed to
/// choose a key; the claims stay inside until [`super::verify`] has let them out.
pub struct UnverifiedToken<'a> {
    /// The compact form. A token that is verified while its request waits owns it.
    text: Cow<'a, str>,
    /// Where its first part ends.
    header_end: usize,
    /// Where its second part ends, and with it what is signed.
    signed_end: usize,
    pub(super) header: Rc<Header>,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What of a token's header, and of its length, an issuer's policy judges.
#[derive(Debug, Clone, Copy)]
pub struct ReadHeader<'a> {
    /// The length of the whole token.
    pub bytes: usize,
    /// The algorithm: of the key once the token is verified, before as it is claimed.
    pub algorithm: SignatureAlgorithm,
    /// `typ`.
    pub typ: Option<&'a str>,
    /// What an issuer that is exact to the letter refuses about members that nothing reads.
    pub objection: Option<&'a TokenError>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    /// What an issuer that is exact to the letter refuses about it.
    objection: Option<TokenError>,
}

/// Headers an isolate remembers. An issuer's tokens have one for each key in use; a few issuers
/// with two keys each fit. They are compared one by one, so there must not be many.
const MAX_KNOWN_HEADERS: usize = 16;

/// The headers of tokens whose signatures were good: all tokens of one key begin with the same
/// text, which need not be judged anew each time. Found by the whole text.
#[derive(Debug)]
pub struct KnownHeaders {
    /// The longest token that any issuer's policy takes; which issuer's, [`crate::jwt::validate`]
    /// sees to.
    max_token_bytes: usize,
    known: RefCell<Vec<(Box<str>, Rc<Header>)>>,
}

impl Default for KnownHeaders {
    fn default() -> Self {
        Self::new(MAX_TOKEN_BYTES)
    }
}

impl KnownHeaders {
    /// None known yet. `max_token_bytes`: the longest token that any issuer's policy takes.
    pub const fn new(max_token_bytes: usize) -> Self {
        Self { max_token_bytes, known: RefCell::new(Vec::new()) }
    }

    fn find(&self, text: &str) -> Option<Rc<Header>> {
        self.known.borrow().iter().find(|(known, _)| **known == *text).map(|(_, header)| Rc::clone(header))
    }

    /// Remembers the header of a token that was verified.
    pub fn remember(&self, token: &UnverifiedToken<'_>) {
        let header_text = token.text.get(..token.header_end).unwrap_or_default();
        let mut known = self.known.borrow_mut();
        if known.iter().any(|(text, _)| **text == *header_text) {
            return;
        }
        if known.len() >= MAX_KNOWN_HEADERS {
            known.clear();
        }
        known.push((header_text.into(), Rc::clone(&token.header)));
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
    /// the header is one strict JSON object, of which `alg`, `kid` and `typ` are read. Other members
    /// are passed over whatever they are (RFC 7515 section 4), but for those that say that what is
    /// signed is not the text that stands there.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, TokenError> {
        Self::parse_known(text, &KnownHeaders::default())
    }

    /// The same, with headers that were judged before, and tokens as long as an issuer's policy takes.
    pub fn parse_known(text: impl Into<Cow<'a, str>>, headers: &KnownHeaders) -> Result<Self, TokenError> {
        Self::parse_text(text.into(), headers)
    }

    fn parse_text(text: Cow<'a, str>, headers: &KnownHeaders) -> Result<Self, TokenError> {
        let (bytes, limit) = (text.len(), headers.max_token_bytes);
        if bytes > limit {
            return Err(TokenError::TooLarge { bytes, limit });
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
        // Two parts and the point between them.
        let signed_end = header_text.len() + 1 + payload.len();
        let known = headers.find(header_text);
        let header = if known.is_none() { decode(header_text, "header")? } else { Vec::new() };
        let payload = decode(payload, "payload")?;
        if signature.is_empty() {
            return Err(TokenError::MissingSignature);
        }
        let signature = decode(signature, "signature")?;
        let header = match known {
            Some(known) => known,
            None => Header::parse(&header)?.into(),
        };
        let header_end = header_text.len();
        Ok(Self { text, header_end, signed_end, header, payload, signature })
    }

    /// The compact form, as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is signed: header and payload as they are written (RFC 7515 section 5.2, step 8).
    pub fn signing_input(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed_end).unwrap_or_default()
    }

    /// What the header claims the algorithm to be. It may only agree with the key.
    pub fn algorithm(&self) -> SignatureAlgorithm {
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

    /// What the header says, as the issuer's policy judges it.
    pub fn header(&self) -> ReadHeader<'_> {
        self.header.read(self.text.len(), self.header.algorithm)
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
        issuer.ok_or(TokenError::MissingClaim(ClaimFault {
            name: "iss".into(),
            expected: "a string",
            policy_member: None,
        }))
    }
}

impl Header {
    /// What an issuer's policy judges, of a token of this length and this algorithm.
    pub(super) fn read(&self, bytes: usize, algorithm: SignatureAlgorithm) -> ReadHeader<'_> {
        ReadHeader { bytes, algorithm, typ: self.typ.as_deref(), objection: self.objection.as_ref() }
    }

    /// Judges a decoded header.
    fn parse(header: &[u8]) -> Result<Self, TokenError> {
        let header = json::parse_object(header).map_err(TokenError::MalformedHeader)?;
        if let Some(name) = FORBIDDEN_MEMBERS.into_iter().find(|name| header.contains_key(*name)) {
            return Err(TokenError::ForbiddenHeader { name });
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
        Ok(Self { algorithm, kid, typ, objection: exact_objection(&header) })
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
        while let Some(name) = object.next_key_seed(json::Name)? {
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
mod tests;
