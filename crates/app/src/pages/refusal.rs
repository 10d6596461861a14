//! The refusal of a call, as a page says it: beside the form if the user can try again, or else on a page of its own.

use postern_pages::{Document, Failure, Problem};

use crate::{
    http::{Reply, RequestView},
    identity::{LoginError, PasswordError},
    pages::visit::Visit,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

/// What the page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The form again, with this problem and this status.
    Form(u16, Problem),
    /// A page of its own, with this status and code.
    Page(u16, Failure, &'static str),
}

impl From<&ApiError> for Refusal {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::InvalidLogin { cause } => match cause {
                LoginError::Empty
                | LoginError::TooLong { .. }
                | LoginError::NotFolded
                | LoginError::ForbiddenCharacter { .. } => Self::Form(400, Problem::LoginInvalid),
            },
            ApiError::InvalidPassword { cause } => Self::Form(
                400,
                match cause {
                    PasswordError::TooShort => Problem::PasswordShort,
                    PasswordError::TooLong => Problem::PasswordLong,
                    PasswordError::Common => Problem::PasswordCommon,
                },
            ),
            ApiError::LoginTaken => Self::Form(409, Problem::LoginTaken),
            ApiError::InvalidCredentials => Self::Form(401, Problem::WrongCredentials),
            ApiError::InvalidOneTimeToken => Self::Form(400, Problem::CodeInvalid),
            ApiError::Throttled(throttled) => {
                Self::Form(429, Problem::Throttled { seconds: throttled.retry_after })
            }
            ApiError::Busy => Self::Form(503, Problem::Busy),
            ApiError::CsrfFailed => Self::Form(403, Problem::FormExpired),
            ApiError::NewerMaster | ApiError::FormerVersion | ApiError::Fault(_) => {
                Self::Form(503, Problem::Unavailable)
            }
            ApiError::RegistrationClosed => {
                Self::Page(403, Failure::RegistrationClosed, "registration_closed")
            }
            ApiError::CrossOrigin => Self::Page(403, Failure::ForeignPage, "cross_origin"),
            ApiError::NotOffered | ApiError::NotFound => Self::Page(404, Failure::NotOffered, "not_offered"),
            ApiError::Body(_)
            | ApiError::WrongPassword
            | ApiError::InvalidGrant
            | ApiError::TooManyRetries { .. }
            | ApiError::Challenge(_)
            | ApiError::OwnAccount
            | ApiError::NoAddress
            | ApiError::Forbid(_)
            | ApiError::SignInTooOld { .. }
            | ApiError::InvalidParameter { .. }
            | ApiError::GrantsTooLarge(_)
            | ApiError::UserNotFound
            | ApiError::SessionNotFound
            | ApiError::ClientNotFound
            | ApiError::GrantNotFound
            | ApiError::MethodNotAllowed { .. } => Self::Page(400, Failure::BadRequest, "invalid_request"),
        }
    }
}

/// The headers that say when to try again.
const RETRY_HEADERS: [&str; 3] = ["retry-after", "ratelimit", "ratelimit-policy"];

/// Turns refusals into pages, and logs faults.
pub(crate) struct Refusals<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Refusals<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The form again, if the refusal is one that the user can do something about.
    ///
    /// # Errors
    /// Returns the refusal if it is not, and errors of `render`.
    pub(crate) fn again(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        error: &ApiError,
        render: impl FnOnce(Problem) -> Result<Document, ApiError>,
    ) -> Result<Reply, ApiError> {
        match Refusal::from(error) {
            Refusal::Page(..) => Err(error.clone()),
            Refusal::Form(status, problem) => {
                self.record(request, error);
                Ok(in_time(visit.page(status, render(problem)?), error))
            }
        }
    }

    /// A page that says why there is no other.
    pub(crate) fn page(&self, request: &impl RequestView, visit: &Visit<'_>, error: &ApiError) -> Reply {
        self.record(request, error);
        let (status, failure, code) = match Refusal::from(error) {
            Refusal::Page(status, failure, code) => (status, failure, code),
            // A form that could not be rendered.
            Refusal::Form(status, _) => (status, Failure::Unavailable, "unavailable"),
        };
        in_time(visit.page(status, failure.render(&visit.frame(false), code)), error)
    }

    fn record(&self, request: &impl RequestView, error: &ApiError) {
        if let ApiError::Fault(fault) = error {
            Events::of(self.0).record_fault(fault, &Caller::of(request));
        }
    }
}

/// The answer with the headers that a program would get for this refusal.
fn in_time(reply: Reply, error: &ApiError) -> Reply {
    let problem = Reply::from(error);
    RETRY_HEADERS.iter().fold(reply, |reply, name| match problem.header(name) {
        Some(value) => reply.with_header(name, value),
        None => reply,
    })
}
