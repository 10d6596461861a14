//! Client authentication at the token endpoint and its neighbours (RFC 6749 section 2.3).

use std::rc::Rc;

use base64ct::{Base64, Encoding as _};

use crate::{
    client::{Authentication, Client},
    error::{ErrorCode, OauthError},
    form::Parameters,
};

/// The ways that there are, for metadata (RFC 8414 section 2).
pub const METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

/// The longest `Authorization` header that is read, in bytes: an id of 128 and a secret of 256 bytes, escaped.
const MAX_HEADER: usize = 2048;

/// The client that a request comes from: it has proved that, or it is public. Only [`Credentials::prove`] makes one.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient(Rc<Client>);

impl AuthenticatedClient {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Whether it proved itself by a secret.
    pub fn is_confidential(&self) -> bool {
        !self.0.is_public()
    }
}

/// The client that a request names, and the secret that is to prove it.
///
/// It has no `Debug`: it holds a secret.
pub struct Credentials {
    client_id: String,
    secret: Option<String>,
}

/// The same answer for an unknown client, a wrong secret, and none where one is needed.
pub const fn refused() -> OauthError {
    OauthError::new(ErrorCode::InvalidClient, "the client is unknown, or its secret is wrong")
}

impl Credentials {
    /// Reads which client a request is said to come from. `header` is the value of `Authorization`.
    ///
    /// # Errors
    /// `invalid_client` for a request that names none. `invalid_request` for one that authenticates in two ways (RFC 6749
    /// section 2.3).
    pub fn read(header: Option<&str>, parameters: &Parameters<'_>) -> Result<Self, OauthError> {
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
        let missing = OauthError::new(ErrorCode::InvalidClient, "client_id is missing");
        Ok(Self { client_id: client_id.ok_or(missing)?, secret })
    }

    /// The `client_id` that the request names.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Checks that the request comes from this client, which has the id that it names.
    ///
    /// # Errors
    /// `invalid_client` for a wrong secret, none where one is needed, and one where there is none.
    pub fn prove(&self, client: Rc<Client>) -> Result<AuthenticatedClient, OauthError> {
        let proved = client.client_id == self.client_id
            && match (&client.authentication, &self.secret) {
                (Authentication::Public, None) => true,
                (Authentication::Secret(digests), Some(secret)) => {
                    digests.iter().any(|digest| digest.is_of(secret))
                }
                (Authentication::Public, Some(_)) | (Authentication::Secret(_), None) => false,
            };
        if proved { Ok(AuthenticatedClient(client)) } else { Err(refused()) }
    }
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
