//! Why a call of the first-party API is refused: precise causes here, few stable codes on the
//! wire, in one exhaustive match. `docs/reference/errors.md` lists the codes.

use crate::{
    config::TokenTooLarge,
    gateway::{Challenge, Forbid, ForbidCause, step_up},
    http::{Problem, Reply},
    identity::ADMIN_SCOPE,
    ports::Fault,
    web::{body::BodyError, throttled::Throttled},
};

/// The caller is no administrator (RFC 6750 section 3.1, `insufficient_scope`).
pub(crate) fn missing_scope() -> ApiError {
    ApiError::Forbid(Forbid { cause: ForbidCause::Scope { required: [ADMIN_SCOPE.to_owned()].into() } })
}

/// How long a client should wait after a fault of ours, in seconds: long enough for an object
/// to move to another machine, short enough that nobody notices.
const RETRY_AFTER_FAULT: u32 = 2;

/// A call's refusal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    /// The body.
    Body(BodyError),
    /// The login can't be one.
    InvalidLogin {
        /// Why.
        cause: String,
    },
    /// The new password is too short or too long.
    InvalidPassword {
        /// Why.
        cause: String,
    },
    /// Somebody has this login.
    LoginTaken,
    /// Only administrators add users here.
    RegistrationClosed,
    /// Unknown login, wrong password, disabled user: one answer.
    InvalidCredentials,
    /// The current password, which who is signed in gives again, is wrong.
    WrongPassword,
    /// The refresh token serves no more, for whatever reason; the reason is in the log.
    InvalidGrant,
    /// The same refresh token was retried too often.
    TooManyRetries {
        /// Seconds until another try makes sense.
        retry_after: u32,
    },
    /// Too many calls of this kind.
    Throttled(Throttled),
    /// Too many passwords wait to be hashed in this isolate.
    Busy,
    /// A cookie without the CSRF token of its session.
    CsrfFailed,
    /// A page of an unlisted origin.
    CrossOrigin,
    /// No access token, or an unacceptable one.
    Challenge(Challenge),
    /// What an administrator may not do to himself.
    OwnAccount,
    /// A one-time token that is not ours, was used, or has expired.
    InvalidOneTimeToken,
    /// The login is not an email address.
    NoAddress,
    /// This deployment does not do that: users are kept elsewhere, or nothing reaches them.
    NotOffered,
    /// A sound access token that does not suffice.
    Forbid(Forbid),
    /// An administrator's call that changes something, long after the sign-in.
    SignInTooOld {
        /// How old it may be, in seconds.
        max_age: u64,
    },
    /// A parameter of the query.
    InvalidParameter {
        /// Which, if it is a known one.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The access tokens of these scopes and roles could not be used.
    GrantsTooLarge(TokenTooLarge),
    /// No such user.
    UserNotFound,
    /// No live session of this id.
    SessionNotFound,
    /// No such path under `/auth`.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// What was presented was made under a master secret that this version does not have yet.
    NewerMaster,
    /// A part of ours failed.
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
                .with_error("login", cause.as_str())
                .into(),
            ApiError::InvalidPassword { cause } => {
                Problem::new(400, "invalid_password", "The password does not meet the requirements")
                    .with_error("password", cause.as_str())
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
            ApiError::NotFound => problem(404, "not_found", "Not found"),
            ApiError::MethodNotAllowed { allow } => method_not_allowed(allow),
            ApiError::NewerMaster | ApiError::Fault(_) => unavailable(),
        }
    }
}

/// The answer to every fault of ours: which part it was is for the log. Whether something was
/// changed it does not say: a write that was sent may have been carried out.
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
