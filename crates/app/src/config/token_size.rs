//! The largest access token that a user's grants can cause. Grants that do not fit into a usable token are refused, because
//! clients would repeat sign-ins for ever whose tokens are refused everywhere.

use postern_oauth::{documents::ClientIdUrl, stored::ID_BYTES};

use super::settings::Config;
use crate::{
    access_token::{AccessTokenClaims, Confirmation},
    compact,
    gateway::encode_value,
    identity::Grants,
    ids::FamilyId,
    jose::SignatureAlgorithm,
};

/// The maximum size of a token in bytes. The gate accepts 8 KiB, which is also the limit of most servers for a header line
/// with its name and `Bearer` (nginx `large_client_header_buffers`, Apache `LimitRequestFieldSize`).
const MOST: usize = 7_680;

/// The maximum size in bytes of a token that pages get as a cookie. Browsers silently drop cookies whose name and value
/// exceed 4 096 bytes (RFC 6265bis section 5.6), and some also count the attributes.
const MOST_AS_COOKIE: usize = 4_000;

/// The length in bytes of a signature by an RSA key of 2 048 bits, the longest signature.
const SIGNATURE_BYTES: usize = 256;

/// The longest `amr` of a token.
const AMR: [&str; 4] = ["pwd", "otp", "mfa", "hwk"];
const ACR: &str = "urn:postern:acr:phishing-resistant";

/// The token, or a header with its scopes or roles, would be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTooLarge {
    /// The possible size in bytes.
    pub bytes: usize,
    /// The maximum size in bytes.
    pub most: usize,
}

impl Config {
    /// Checks whether the largest access token of a subject with these grants can be used, for all clients and key types.
    /// `amr` has the authentication methods that the sign-in adds.
    ///
    /// # Errors
    /// Returns [`TokenTooLarge`] if the token or a header would be too large.
    pub(crate) fn fits_a_token(
        &self,
        subject: &str,
        grants: &Grants,
        amr: &[String],
    ) -> Result<(), TokenTooLarge> {
        let most = if self.cookie.access { MOST_AS_COOKIE } else { MOST };
        let bytes = self.token_size(subject, grants, amr);
        if bytes > most {
            return Err(TokenTooLarge { bytes, most });
        }
        // A byte that is not visible ASCII takes three bytes in a header.
        let header = |list: &[String]| list.iter().map(|text| encode_value(text).len() + 1).sum::<usize>();
        let bytes = header(&grants.scopes).max(header(&grants.roles));
        if bytes > MOST { Err(TokenTooLarge { bytes, most: MOST }) } else { Ok(()) }
    }

    fn token_size(&self, subject: &str, grants: &Grants, amr: &[String]) -> usize {
        let longest = self.clients.iter().map(|client| client.client_id.as_str());
        let longest = longest.chain(self.oauth_clients.iter().map(|client| client.client_id.as_str()));
        let stored = "x".repeat(if self.oauth.stored_clients { ID_BYTES } else { 0 });
        let longest = longest.chain(core::iter::once(stored.as_str()));
        // The longest URL of a client's document.
        let document =
            "x".repeat(if self.oauth.client_documents.are_used() { ClientIdUrl::MAX_BYTES } else { 0 });
        let longest = longest.chain(core::iter::once(document.as_str()));
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
        // The `kid` is a thumbprint, too. All claims can be serialised.
        let input = compact::encode_signing_input(SignatureAlgorithm::Rs256, &"x".repeat(43), &claims);
        input.map_or(usize::MAX, |input| compact::finish(&input, &[0; SIGNATURE_BYTES]).len())
    }
}
