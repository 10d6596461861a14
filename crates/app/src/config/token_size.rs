//! How large an access token of ours can become, so that nobody is granted more than it can carry:
//! a sign-in that gives a token which is refused everywhere is repeated for ever.

use super::settings::Config;
use crate::{
    access_token::{AccessTokenClaims, Confirmation},
    compact,
    gateway::encode_value,
    identity::Grants,
    ids::FamilyId,
    jose::SignatureAlgorithm,
};

/// The most bytes of a token. The gate takes 8 KiB, and so much is a line of a header for most
/// servers behind it and before it (nginx `large_client_header_buffers`, Apache
/// `LimitRequestFieldSize`), its name and `Bearer` included.
const MOST: usize = 7_680;

/// The most bytes when pages get the token as a cookie: browsers drop one whose name and value have
/// more than 4 096 in silence (RFC 6265bis section 5.6), some count the attributes too.
const MOST_AS_COOKIE: usize = 4_000;

/// The signature of an RSA key of 2 048 bits, the longest of those that are made.
const SIGNATURE_BYTES: usize = 256;

/// What methods and class of authentication may come to in a token, in JSON.
const AMR: [&str; 4] = ["pwd", "otp", "mfa", "hwk"];
const ACR: &str = "urn:postern:acr:phishing-resistant";

/// The token, or a header that is made of it, would be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTooLarge {
    /// How many bytes it could have.
    pub bytes: usize,
    /// How many it may have.
    pub most: usize,
}

impl Config {
    /// Whether the access tokens of a subject with these grants can be used, by the largest that
    /// can be made for the clients and keys there are. `amr` is what the sign-in says beyond ours.
    ///
    /// # Errors
    /// [`TokenTooLarge`].
    pub fn fits_a_token(&self, subject: &str, grants: &Grants, amr: &[String]) -> Result<(), TokenTooLarge> {
        let most = if self.cookie.access { MOST_AS_COOKIE } else { MOST };
        let bytes = self.token_size(subject, grants, amr);
        if bytes > most {
            return Err(TokenTooLarge { bytes, most });
        }
        // A byte that is no visible ASCII is three in a header.
        let header = |list: &[String]| list.iter().map(|text| encode_value(text).len() + 1).sum::<usize>();
        let bytes = header(&grants.scopes).max(header(&grants.roles));
        if bytes > MOST { Err(TokenTooLarge { bytes, most: MOST }) } else { Ok(()) }
    }

    fn token_size(&self, subject: &str, grants: &Grants, amr: &[String]) -> usize {
        let longest = self.clients.iter().map(|client| client.client_id.as_str());
        let client_id = longest.max_by_key(|id| id.len()).unwrap_or_default().to_owned();
        let mut methods: Vec<String> = amr.to_vec();
        methods.extend(AMR.iter().map(|&method| method.to_owned()).filter(|method| !amr.contains(method)));
        let claims = AccessTokenClaims {
            iss: self.issuer.clone(),
            sub: subject.to_owned(),
            aud: vec![self.audience.clone()],
            exp: u32::MAX.into(),
            iat: u32::MAX.into(),
            // 16 bytes in base64url.
            jti: "x".repeat(22),
            client_id,
            scope: grants.scopes.join(" "),
            sid: Some(FamilyId::from_bytes([0; 16])),
            rot: Some(u32::MAX),
            roles: grants.roles.clone(),
            tenant_id: grants.tenant_id.clone(),
            auth_time: Some(u32::MAX.into()),
            acr: Some(ACR.to_owned()),
            amr: methods,
            // A thumbprint of 32 bytes in base64url.
            cnf: Some(Confirmation { jkt: "x".repeat(43) }),
        };
        // The `kid` is a thumbprint as well. Claims that cannot be written do not exist.
        let input = compact::encode_signing_input(SignatureAlgorithm::Rs256, &"x".repeat(43), &claims);
        input.map_or(usize::MAX, |input| compact::finish(&input, &[0; SIGNATURE_BYTES]).len())
    }
}
