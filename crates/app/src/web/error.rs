//! The errors of the first-party API: precise causes here, and a few stable codes on the wire, in one exhaustive match.
//! `docs/reference/errors.md` lists the codes.

use crate::{
    config::TokenTooLarge,
    gateway::{Challenge, Forbid, ForbidCause, step_up},
    http::{Problem, Reply},
    identity::{ADMIN_SCOPE, LoginError, PasswordError},
    ports::Fault,
    web::{body::BodyError, throttled::Throttled},
};

/// The caller is not an administrator (RFC 6750 section 3.1, `insufficient_scope`).
pub(crate) fn missing_scope() -> ApiError {
    ApiError::Forbid(Forbid { cause: ForbidCause::Scope { required: [ADMIN_SCOPE.to_owned()].into() } })
}

/// The `Retry-After` of faults, in seconds: long enough for a Durable Object to move to another machine, and short
/// enough for users not to notice.
const RETRY_AFTER_FAULT: u32 = 2;

/// The same while two versions answer, in seconds: an object takes the new version in less than a minute without calls.
const RETRY_AFTER_DEPLOYMENT: u32 = 60;

/// The refusal of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    /// The body cannot be read or is not valid.
    Body(BodyError),
    /// The login is not valid.
    InvalidLogin {
        /// The reason, for the client.
        cause: LoginError,
    },
    /// The new password is too short or too long.
    InvalidPassword {
        /// The reason, for the client.
        cause: PasswordError,
    },
    /// Another user has this login.
    LoginTaken,
    /// Registration is closed: only administrators add users.
    RegistrationClosed,
    /// The login is unknown, the password is wrong or the user is disabled. The answer is the same for all.
    InvalidCredentials,
    /// The current password of a signed-in user is wrong.
    WrongPassword,
    /// The refresh token is no longer valid. The log has the reason.
    InvalidGrant,
    /// The same refresh token was retried too often.
    TooManyRetries {
        /// The seconds to wait before another try.
        retry_after: u32,
    },
    /// Too many calls of this kind.
    Throttled(Throttled),
    /// Too many sign-ins wait for a password hash in this isolate.
    Busy,
    /// The request has the cookie without the CSRF token of its session.
    CsrfFailed,
    /// The request comes from a page of an unlisted origin.
    CrossOrigin,
    /// The access token is missing or not accepted.
    Challenge(Challenge),
    /// Administrators must not do this to themselves.
    OwnAccount,
    /// The one-time token is not authentic, was used, or has expired.
    InvalidOneTimeToken,
    /// The login is not an email address.
    NoAddress,
    /// This deployment does not offer the call: another service keeps its users, or no notifier delivers messages to
    /// them.
    NotOffered,
    /// The access token is valid but lacks a scope.
    Forbid(Forbid),
    /// The sign-in is too old for an administrator's call that changes something.
    SignInTooOld {
        /// The maximum age, in seconds.
        max_age: u64,
    },
    /// A query parameter is not valid.
    InvalidParameter {
        /// The name of the parameter, or `query` for an unknown one.
        name: &'static str,
        /// The problem of its value.
        problem: &'static str,
    },
    /// Access tokens with these scopes and roles would be too large.
    GrantsTooLarge(TokenTooLarge),
    /// The user does not exist.
    UserNotFound,
    /// No stored client has this id.
    ClientNotFound,
    /// No live session has this id.
    SessionNotFound,
    /// No live grant of the user has this id.
    GrantNotFound,
    /// There is no such path under `/auth`.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// The token was made with a master secret that this version does not have yet.
    NewerMaster,
    /// An object of the version before does not know the message: the deployment is not complete.
    FormerVersion,
    /// A component failed.
    Fault(Fault),
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<TokenTooLarge> for ApiError {
    fn from(error: TokenTooLarge) -> Self {
        Self::GrantsTooLarge(error)
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<&ApiError> for Reply {
    fn from(error: &ApiError) -> Self {
        let problem = |status, code, title| Self::from(Problem::new(status, code, title));
        match error {
            ApiError::Body(error) => body(error).into(),
            ApiError::InvalidLogin { cause } => Problem::new(400, "invalid_login", "The login is not valid")
                .with_error("login", cause.to_string())
                .into(),
            ApiError::InvalidPassword { cause } => {
                Problem::new(400, "invalid_password", "The password does not meet the requirements")
                    .with_error("password", cause.to_string())
                    .into()
            }
            ApiError::LoginTaken => problem(409, "login_taken", "This login is already in use"),
            ApiError::RegistrationClosed => {
                problem(403, "registration_closed", "Registration is closed: an administrator adds users")
            }
            ApiError::InvalidCredentials => problem(401, "invalid_credentials", "The login or password is incorrect"),
            // Not 401, at which a client signs the user in again: the session goes on.
            ApiError::WrongPassword => problem(403, "wrong_password", "The current password is incorrect"),
            ApiError::InvalidGrant => {
                problem(401, "invalid_grant", "The refresh token is not valid; sign in again")
            }
            ApiError::TooManyRetries { retry_after } => {
                Problem::new(429, "too_many_retries", "This refresh token was retried too often")
                    .with_retry_after(*retry_after)
                    .into()
            }
            ApiError::Throttled(throttled) => throttled.into(),
            // A second: the whole queue is done by then.
            ApiError::Busy => {
                Problem::new(503, "busy", "Too many sign-ins at the same time; try again").with_retry_after(1).into()
            }
            ApiError::CsrfFailed => {
                problem(403, "csrf_failed", "The CSRF token is missing or belongs to another session")
            }
            ApiError::CrossOrigin => {
                Problem::new(403, "cross_origin", "This origin is not allowed to make the call")
                    .with_detail(
                        "The page's origin must be Postern's own or be listed in POSTERN_CORS_ORIGINS. The event cross_origin in the log names both origins. A development proxy must not change the Host header",
                    )
                    .into()
            }
            ApiError::Challenge(challenge) => challenge.into(),
            ApiError::InvalidOneTimeToken => {
                problem(400, "invalid_one_time_token", "The token is no longer valid; request a new one")
            }
            ApiError::NoAddress => problem(409, "no_address", "The login is not an email address"),
            ApiError::NotOffered => problem(404, "not_offered", "This deployment does not offer this call"),
            ApiError::Forbid(forbid) => forbid.into(),
            ApiError::SignInTooOld { max_age } => {
                problem(401, "insufficient_user_authentication", "A more recent sign-in is required")
                    .with_header("www-authenticate", &step_up(*max_age))
            }
            ApiError::InvalidParameter { name, problem } => {
                Problem::new(400, "invalid_parameter", "A query parameter is not valid")
                    .with_error(*name, *problem)
                    .into()
            }
            ApiError::OwnAccount => {
                problem(409, "own_account", "Administrators cannot remove their own access")
            }
            ApiError::GrantsTooLarge(TokenTooLarge { bytes, most }) => Problem::new(
                422,
                "grants_too_large",
                "These scopes and roles do not fit into an access token",
            )
            .with_detail(format!("the access token could have {bytes} bytes; at most {most} are allowed"))
            .into(),
            ApiError::UserNotFound => problem(404, "user_not_found", "User not found"),
            ApiError::SessionNotFound => problem(404, "session_not_found", "Session not found"),
            ApiError::ClientNotFound => problem(404, "client_not_found", "Client not found"),
            ApiError::GrantNotFound => problem(404, "grant_not_found", "Grant not found"),
            ApiError::NotFound => problem(404, "not_found", "Not found"),
            ApiError::MethodNotAllowed { allow } => method_not_allowed(allow),
            ApiError::FormerVersion => {
                Problem::new(503, "unavailable", "The version before, which lacks this, still answers; try again when the deployment is complete")
                    .with_retry_after(RETRY_AFTER_DEPLOYMENT)
                    .into()
            }
            ApiError::NewerMaster | ApiError::Fault(_) => unavailable(),
        }
    }
}

/// The answer to every fault. Only the log names the component. The answer does not say whether something changed,
/// because a write that was sent may have been carried out.
pub(crate) fn unavailable() -> Reply {
    Problem::new(503, "unavailable", "A component of the service failed; try again")
        .with_retry_after(RETRY_AFTER_FAULT)
        .into()
}

fn method_not_allowed(allow: &str) -> Reply {
    Reply::from(Problem::new(405, "method_not_allowed", "Method not allowed")).with_header("allow", allow)
}

pub(crate) fn body(error: &BodyError) -> Problem {
    match error {
        BodyError::TooLarge => Problem::new(413, "body_too_large", "The body is too large"),
        BodyError::BrokeOff => Problem::new(
            400,
            "body_incomplete",
            "The body is incomplete, or its transfer coding is not valid",
        ),
        BodyError::TooSlow => Problem::new(408, "body_timeout", "The body did not arrive in time"),
        BodyError::UnsupportedMediaType => {
            Problem::new(415, "unsupported_media_type", "The content type must be application/json")
        }
        BodyError::InvalidUtf8 => Problem::new(400, "invalid_utf8", "The body is not UTF-8"),
        BodyError::MalformedJson => Problem::new(400, "malformed_json", "The body is not valid JSON"),
        BodyError::NotAnObject => Problem::new(400, "not_an_object", "The body is not a JSON object"),
        BodyError::UnknownMember(name) => {
            Problem::new(400, "unknown_member", "The body has an unknown member")
                .with_error(name.as_str(), "is unknown")
        }
        BodyError::MissingMember(name) => {
            Problem::new(400, "missing_member", "A required member of the body is missing")
                .with_error(*name, "is missing")
        }
        BodyError::InvalidMember(name) => {
            Problem::new(400, "invalid_member", "A member of the body has a wrong type or value")
                .with_error(*name, "has a wrong type or value")
        }
    }
}
