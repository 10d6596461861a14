//! A request to the token endpoint (RFC 6749 sections 4.1.3 and 6).

use postern_core::account::CodeChallenge;

use crate::{
    authorize::resource_of,
    client::{Client, GrantType},
    error::{ErrorCode, OauthError},
    form::Parameters,
    pkce,
    resource::Resource,
    scope::Scopes,
};

/// A sound token request of an authenticated client.
///
/// It has no `Debug`: it holds a code or a refresh token.
pub enum TokenRequest {
    /// `grant_type=authorization_code`.
    Code {
        /// The text of the code.
        code: String,
        /// The redirect URI of the authorization request. OAuth 2.1 leaves it out; if it is there, it must be the same.
        redirect_uri: Option<String>,
        /// The challenge of `code_verifier`.
        challenge: CodeChallenge,
        /// The resource: none, or that of the authorization request.
        resource: Option<Resource>,
    },
    /// `grant_type=refresh_token`.
    Refresh {
        /// The text of the refresh token.
        refresh_token: String,
        /// The scopes that the access token should have: some of those of the grant.
        scopes: Option<Scopes>,
        /// The resource: none, or that of the grant.
        resource: Option<Resource>,
    },
}

impl TokenRequest {
    /// Reads the parameters. `is_known` says whether a resource is one of the deployment's.
    ///
    /// # Errors
    /// The error of the answer. Nothing has been touched then, and no code or token is used up.
    pub fn parse(
        parameters: &Parameters<'_>,
        client: &Client,
        is_known: impl Fn(&Resource) -> bool,
    ) -> Result<Self, OauthError> {
        let one = |name| parameters.one(name).map_err(OauthError::from);
        let grant_type = one("grant_type")?.ok_or(OauthError::invalid_request("grant_type is missing"))?;
        let (_, grant_type) =
            GrantType::ALL.into_iter().find(|(name, _)| *name == grant_type).ok_or(OauthError::new(
                ErrorCode::UnsupportedGrantType,
                "the grant types are authorization_code and refresh_token",
            ))?;
        if !client.grant_types.contains(&grant_type) {
            return Err(OauthError::new(
                ErrorCode::UnauthorizedClient,
                "the client may not use this grant type",
            ));
        }
        // The resource of the grant stands where none is named, also for a client of several.
        let named = one("resource");
        let resource = match named {
            Ok(None) => None,
            named => resource_of(named, client, is_known)?,
        };
        match grant_type {
            GrantType::AuthorizationCode => {
                let code = one("code")?.ok_or(OauthError::invalid_request("code is missing"))?;
                let verifier =
                    one("code_verifier")?.ok_or(OauthError::invalid_request("code_verifier is missing"))?;
                let challenge = pkce::challenge_of(verifier).map_err(|_| {
                    OauthError::invalid_request(
                        "code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~",
                    )
                })?;
                Ok(Self::Code {
                    code: code.to_owned(),
                    redirect_uri: one("redirect_uri")?.map(str::to_owned),
                    challenge,
                    resource,
                })
            }
            GrantType::RefreshToken => {
                let refresh_token =
                    one("refresh_token")?.ok_or(OauthError::invalid_request("refresh_token is missing"))?;
                let scopes = one("scope")?.map(Scopes::parse).transpose().map_err(|_| {
                    OauthError::new(ErrorCode::InvalidScope, "scope is malformed or too long")
                })?;
                Ok(Self::Refresh { refresh_token: refresh_token.to_owned(), scopes, resource })
            }
        }
    }
}

#[cfg(test)]
mod tests;
