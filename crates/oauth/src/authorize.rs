//! An authorization request (RFC 6749 section 4.1.1), read in two phases.
//!
//! 1. [`ProvedClient::prove`]: the client, and a redirect URI of its own. Every mistake until then is a [`PageError`]: the
//!    browser stays here, because the address of the request may be an attacker's.
//! 2. [`AuthorizationRequest::parse`]: everything else. Every mistake is an error that goes to the client's redirect URI
//!    with `state` and `iss`.

use core::time::Duration;
use std::rc::Rc;

use postern_core::account::CodeChallenge;

use crate::{
    client::{Client, GrantType},
    documents::DocumentProblem,
    error::{ErrorCode, OauthError},
    form::{FormError, Parameters},
    pkce,
    redirect::{self, ProvedRedirect, RedirectRefused},
    resource::Resource,
    response::{Location, State},
    scope::Scopes,
};

/// The longest `login_hint`, in bytes: the longest login is 254.
const MAX_LOGIN_HINT: usize = 254;

/// The longest `ui_locales`, in bytes: twenty tags.
const MAX_UI_LOCALES: usize = 200;

/// The longest `max_age` that makes a difference, in seconds: a session ends after a year at the latest.
const MAX_MAX_AGE: u64 = 366 * 86_400;

/// Why an authorization request is answered with a page, and never with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The parameters cannot be read.
    #[error("{0}")]
    Form(#[from] FormError),
    /// `client_id` is missing, or there more than once.
    #[error("client_id is missing or there more than once")]
    NoClient,
    /// No client has this `client_id`.
    #[error("no client has this client_id")]
    UnknownClient,
    /// `client_id` is the URL of a document that cannot be used, or cannot be had now.
    #[error("the document of the client cannot be used: {}", .0.code())]
    ClientDocument(DocumentProblem),
    /// `redirect_uri` is there more than once, or is missing although the client has several.
    #[error("redirect_uri is missing or there more than once")]
    NoRedirect,
    /// The client has not registered this `redirect_uri`.
    #[error("the client has not registered this redirect_uri")]
    UnregisteredRedirect,
}

impl PageError {
    /// The status of the page.
    pub const fn status(self) -> u16 {
        match self {
            Self::ClientDocument(problem) => problem.status(),
            Self::Form(_)
            | Self::NoClient
            | Self::UnknownClient
            | Self::NoRedirect
            | Self::UnregisteredRedirect => 400,
        }
    }

    /// The stable code, for the page and the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form(_) => "malformed_authorization_request",
            Self::NoClient => "client_id_missing",
            Self::UnknownClient => "client_unknown",
            Self::ClientDocument(problem) => problem.code(),
            Self::NoRedirect => "redirect_uri_missing",
            Self::UnregisteredRedirect => "redirect_uri_unregistered",
        }
    }
}

/// The client of a request, and the redirect URI of its own that the request names. The only way to it is
/// [`ProvedClient::prove`].
#[derive(Debug, Clone)]
pub struct ProvedClient<'c> {
    client: Rc<Client>,
    redirect: ProvedRedirect,
    state: Option<State>,
    issuer: &'c str,
}

impl<'c> ProvedClient<'c> {
    /// Compares the redirect URI of a request with those that the client has registered. `client` is the one that the request
    /// names ([`client_id`]), and `issuer` is the deployment's.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn prove(
        parameters: &Parameters<'_>,
        client: Rc<Client>,
        issuer: &'c str,
    ) -> Result<Self, PageError> {
        if client_id(parameters)? != client.client_id {
            return Err(PageError::UnknownClient);
        }
        let requested = parameters.one("redirect_uri").map_err(|_| PageError::NoRedirect)?;
        let redirect =
            redirect::prove(&client.redirect_uris, requested).map_err(|refused| match refused {
                RedirectRefused::Missing => PageError::NoRedirect,
                RedirectRefused::Unregistered => PageError::UnregisteredRedirect,
            })?;
        // A state that cannot be repeated is an error, whose answer has none.
        let state = parameters.one("state").ok().flatten().and_then(State::parse);
        Ok(Self { client, redirect, state, issuer })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The redirect URI.
    pub const fn redirect(&self) -> &ProvedRedirect {
        &self.redirect
    }

    /// The answer with an error, to the client.
    pub fn error(&self, error: &OauthError) -> Location {
        Location::with_error(&self.redirect, self.state.as_ref(), self.issuer, error)
    }

    /// The answer with a code, to the client.
    pub fn success(&self, code: &str) -> Location {
        Location::with_code(&self.redirect, self.state.as_ref(), self.issuer, code)
    }
}

/// The `client_id` that a request names.
///
/// # Errors
/// [`PageError::NoClient`].
pub fn client_id<'p>(parameters: &'p Parameters<'_>) -> Result<&'p str, PageError> {
    parameters.one("client_id").map_err(|_| PageError::NoClient)?.ok_or(PageError::NoClient)
}

/// What the client wants the user to do: `prompt` of `OpenID` Connect Core section 3.1.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// `none`: no page is shown, and the client gets an error instead.
    None,
    /// Pages are shown where they are needed, and where the client asks for them.
    Pages {
        /// The user signs in again.
        login: bool,
        /// The user consents again.
        consent: bool,
        /// The user chooses an account.
        select_account: bool,
    },
}

impl Default for Prompt {
    fn default() -> Self {
        Self::Pages { login: false, consent: false, select_account: false }
    }
}

/// The values of `prompt`, for metadata.
pub const PROMPT_VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];

impl Prompt {
    fn parse(text: &str) -> Result<Self, OauthError> {
        if text == "none" {
            return Ok(Self::None);
        }
        let (mut login, mut consent, mut select_account) = (false, false, false);
        for value in text.split(' ') {
            match value {
                "login" => login = true,
                "consent" => consent = true,
                "select_account" => select_account = true,
                "none" => return Err(OauthError::invalid_request("prompt has none beside other values")),
                _ => return Err(OauthError::invalid_request("prompt has an unknown value")),
            }
        }
        Ok(Self::Pages { login, consent, select_account })
    }

    /// Whether no page may be shown.
    pub fn is_none(self) -> bool {
        self == Self::None
    }

    pub(crate) const fn asks_for_login(self) -> bool {
        matches!(self, Self::Pages { login: true, .. })
    }

    pub(crate) const fn asks_for_consent(self) -> bool {
        matches!(self, Self::Pages { consent: true, .. })
    }

    pub(crate) const fn asks_for_account(self) -> bool {
        matches!(self, Self::Pages { select_account: true, .. })
    }
}

/// A sound authorization request of a known client.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest<'c> {
    /// The client and its redirect URI: where the answer goes.
    pub answer: ProvedClient<'c>,
    /// The PKCE challenge, by S256.
    pub challenge: CodeChallenge,
    /// The scopes that the client asks for. `None` means all that it may have.
    pub scopes: Option<Scopes>,
    /// The resource that the tokens are for. `None` means the deployment's audience.
    pub resource: Option<Resource>,
    /// What the client wants the user to do.
    pub prompt: Prompt,
    /// The longest time since the user's sign-in.
    pub max_age: Option<Duration>,
    /// The login that the sign-in page fills in.
    pub login_hint: Option<String>,
    /// The languages that the user prefers, as the client says: tags with spaces between.
    pub ui_locales: Option<String>,
}

impl<'c> AuthorizationRequest<'c> {
    /// Reads the rest of a request. `is_known` says whether a resource is one of the deployment's.
    ///
    /// Parameters that are not read, such as `nonce`, are ignored (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// The error, and the address at the client to which it goes.
    pub fn parse(
        parameters: &Parameters<'_>,
        answer: ProvedClient<'c>,
        is_known: impl Fn(&Resource) -> bool,
    ) -> Result<Self, RefusedRequest> {
        match Rest::parse(parameters, &answer.client, is_known) {
            Ok(Rest { challenge, scopes, resource, prompt, max_age, login_hint, ui_locales }) => {
                Ok(Self { answer, challenge, scopes, resource, prompt, max_age, login_hint, ui_locales })
            }
            Err(error) => Err(RefusedRequest { location: answer.error(&error), error }),
        }
    }

    /// The client.
    pub const fn client(&self) -> &Rc<Client> {
        &self.answer.client
    }
}

/// A request of a proved client that is not sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The error, for the log.
    pub error: OauthError,
    /// Where the browser goes with it.
    pub location: Location,
}

struct Rest {
    challenge: CodeChallenge,
    scopes: Option<Scopes>,
    resource: Option<Resource>,
    prompt: Prompt,
    max_age: Option<Duration>,
    login_hint: Option<String>,
    ui_locales: Option<String>,
}

impl Rest {
    fn parse(
        parameters: &Parameters<'_>,
        client: &Client,
        is_known: impl Fn(&Resource) -> bool,
    ) -> Result<Self, OauthError> {
        let one = |name| parameters.one(name).map_err(OauthError::from);
        if one("state")?.is_some_and(|state| State::parse(state).is_none()) {
            return Err(OauthError::invalid_request("state must be at most 2048 visible ASCII characters"));
        }
        if one("request")?.is_some() {
            return Err(OauthError::new(ErrorCode::RequestNotSupported, "request is not supported"));
        }
        if one("request_uri")?.is_some() {
            return Err(OauthError::new(ErrorCode::RequestUriNotSupported, "request_uri is not supported"));
        }
        match one("response_type")? {
            Some("code") => {}
            Some(_) => {
                return Err(OauthError::new(
                    ErrorCode::UnsupportedResponseType,
                    "the only response_type is code",
                ));
            }
            None => return Err(OauthError::invalid_request("response_type is missing")),
        }
        if one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(OauthError::invalid_request("the only response_mode is query"));
        }
        if !client.grant_types.contains(&GrantType::AuthorizationCode) {
            return Err(OauthError::new(
                ErrorCode::UnauthorizedClient,
                "the client may not use the grant type authorization_code",
            ));
        }
        let challenge = challenge(one("code_challenge")?, one("code_challenge_method")?)?;
        let scopes =
            match one("scope")? {
                None => None,
                Some(text) => Some(Scopes::parse(text).map_err(|_| {
                    OauthError::new(ErrorCode::InvalidScope, "scope is malformed or too long")
                })?),
            };
        Ok(Self {
            challenge,
            scopes,
            resource: resource_of(one("resource"), client, is_known)?,
            prompt: one("prompt")?.map(Prompt::parse).transpose()?.unwrap_or_default(),
            max_age: one("max_age")?.map(max_age).transpose()?,
            // A hint is a help, never a cause to fail.
            login_hint: one("login_hint")?.filter(|hint| is_short(hint, MAX_LOGIN_HINT)).map(str::to_owned),
            ui_locales: one("ui_locales")?.filter(|tags| is_short(tags, MAX_UI_LOCALES)).map(str::to_owned),
        })
    }
}

fn is_short(text: &str, bytes: usize) -> bool {
    text.len() <= bytes && !text.chars().any(char::is_control)
}

/// PKCE is required of every client (OAuth 2.1 section 4.1.1), and `plain`, which is the method when none is named, does
/// not exist (RFC 9700 section 2.1.1).
fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<CodeChallenge, OauthError> {
    let challenge = challenge
        .ok_or(OauthError::invalid_request("code_challenge is missing: PKCE is required of every client"))?;
    if method != Some(pkce::S256) {
        return Err(OauthError::invalid_request("the only code_challenge_method is S256"));
    }
    pkce::read_challenge(challenge).ok_or(OauthError::invalid_request(
        "code_challenge must be 43 characters of base64url: the SHA-256 of the code_verifier",
    ))
}

/// The resource of a request (RFC 8707 section 2.1). One token is for one resource, so one is named at most.
pub(crate) fn resource_of(
    named: Result<Option<&str>, OauthError>,
    client: &Client,
    is_known: impl Fn(&Resource) -> bool,
) -> Result<Option<Resource>, OauthError> {
    let refused = |description| OauthError::new(ErrorCode::InvalidTarget, description);
    let named = named.map_err(|_| refused("one token is for one resource: name one"))?;
    let Some(named) = named else {
        return match &client.resources {
            None if client.is_open() => Err(refused("the client must name a resource")),
            None => Ok(None),
            Some(own) => match (own.first(), own.len()) {
                (Some(only), 1) => Ok(Some(only.clone())),
                _ => Err(refused("the client must name one of its resources")),
            },
        };
    };
    let resource = Resource::parse(named)
        .map_err(|_| refused("resource must be an absolute http or https URL without query and fragment"))?;
    let allowed = match &client.resources {
        None => is_known(&resource),
        Some(own) => own.contains(&resource),
    };
    if allowed { Ok(Some(resource)) } else { Err(refused("the resource is unknown, or not for this client")) }
}

fn max_age(text: &str) -> Result<Duration, OauthError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(OauthError::invalid_request("max_age must be a number of seconds"));
    }
    // A number too large for its type is larger than every age.
    Ok(Duration::from_secs(text.parse().unwrap_or(MAX_MAX_AGE).min(MAX_MAX_AGE)))
}

#[cfg(test)]
mod tests;
