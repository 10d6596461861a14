//! Client authentication at the token endpoint and its neighbours (RFC 6749 section 2.3).

use base64ct::{Base64, Encoding as _};

use crate::{
    client::{Authentication, Client, Clients},
    error::{ErrorCode, OauthError},
    form::Parameters,
};

/// The ways that there are, for metadata (RFC 8414 section 2).
pub const METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

/// The longest `Authorization` header that is read, in bytes: an id of 128 and a secret of 256 bytes, escaped.
const MAX_HEADER: usize = 2048;

/// The client that a request comes from: it has proved that, or it is public. Only [`authenticate`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatedClient<'c>(&'c Client);

impl<'c> AuthenticatedClient<'c> {
    /// The client.
    pub const fn client(self) -> &'c Client {
        self.0
    }

    /// Whether it proved itself by a secret.
    pub const fn is_confidential(self) -> bool {
        !self.0.is_public()
    }
}

/// Finds out which client a request comes from. `header` is the value of `Authorization`.
///
/// # Errors
/// `invalid_client` for an unknown client, a wrong secret, or none where one is needed: the same answer for all of them.
/// `invalid_request` for a request that authenticates in two ways (RFC 6749 section 2.3).
pub fn authenticate<'c>(
    header: Option<&str>,
    parameters: &Parameters<'_>,
    clients: &'c Clients,
) -> Result<AuthenticatedClient<'c>, OauthError> {
    let refused =
        || OauthError::new(ErrorCode::InvalidClient, "the client is unknown, or its secret is wrong");
    let named = parameters.one("client_id")?;
    let posted = parameters.one("client_secret")?;
    let (client_id, secret) = match header {
        None => (named.map(str::to_owned), posted.map(str::to_owned)),
        Some(_) if posted.is_some() => {
            return Err(OauthError::invalid_request("the client authenticates in two ways"));
        }
        Some(header) => {
            let (id, secret) = basic(header).ok_or_else(refused)?;
            if named.is_some_and(|named| named != id) {
                return Err(OauthError::invalid_request("client_id is another than in Authorization"));
            }
            (Some(id), Some(secret))
        }
    };
    let client_id = client_id.ok_or(OauthError::new(ErrorCode::InvalidClient, "client_id is missing"))?;
    let client = clients.find(&client_id).ok_or_else(refused)?;
    let proved = match (&client.authentication, secret) {
        (Authentication::Public, None) => true,
        (Authentication::Secret(digests), Some(secret)) => digests.iter().any(|digest| digest.is_of(&secret)),
        (Authentication::Public, Some(_)) | (Authentication::Secret(_), None) => false,
    };
    if proved { Ok(AuthenticatedClient(client)) } else { Err(refused()) }
}

/// The id and the secret of `Basic`, each form-encoded before the base64 (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(Base64::decode_vec(encoded.trim_matches(' ')).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((crate::form::decoded(id)?, crate::form::decoded(secret)?))
}

#[cfg(test)]
mod tests;
