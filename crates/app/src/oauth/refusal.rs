//! The errors of the OAuth endpoints, as JSON (RFC 6749 section 5.2).

use postern_oauth::error::{ErrorCode, OauthError};
use serde::Serialize;

use crate::{
    http::{Reply, RequestView},
    ports::Fault,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{
        caller::Caller,
        error::{ApiError, unavailable},
    },
};

/// Why an OAuth endpoint refuses a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OauthRefusal {
    /// By the standards.
    Error(OauthError),
    /// By a limit, or because a component failed.
    Api(ApiError),
}

impl From<OauthError> for OauthRefusal {
    fn from(error: OauthError) -> Self {
        Self::Error(error)
    }
}

impl From<ApiError> for OauthRefusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Fault> for OauthRefusal {
    fn from(fault: Fault) -> Self {
        Self::Api(fault.into())
    }
}

impl OauthRefusal {
    /// `invalid_grant`: the log has the reason.
    pub(crate) const fn invalid_grant(description: &'static str) -> Self {
        Self::Error(OauthError::new(ErrorCode::InvalidGrant, description))
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// The answer with an error. A fault is logged.
pub(crate) fn answer<P: Ports>(
    runtime: &Runtime<P>,
    request: &impl RequestView,
    refusal: OauthRefusal,
) -> Reply {
    match refusal {
        OauthRefusal::Error(error) => {
            let wire = Wire { error: error.code.code(), error_description: &error.description };
            let reply = Reply::json(error.code.status(), &wire);
            if error.code == ErrorCode::InvalidClient {
                // RFC 6749 section 5.2.
                return reply.with_header("www-authenticate", "Basic realm=\"postern\"");
            }
            reply
        }
        OauthRefusal::Api(error) => {
            let reply = match &error {
                ApiError::Fault(fault) => {
                    Events::of(runtime).record_fault(fault, &Caller::of(request));
                    unavailable()
                }
                error => Reply::from(error),
            };
            // In the form that OAuth clients read, with the status and the headers of the answer.
            let code = match reply.status {
                400..=403 => ErrorCode::InvalidGrant,
                _ => ErrorCode::TemporarilyUnavailable,
            };
            let wire = Wire { error: code.code(), error_description: "try again later, see Retry-After" };
            let json = Reply::json(reply.status, &wire);
            ["retry-after", "ratelimit", "ratelimit-policy"].into_iter().fold(json, |json, name| match reply
                .header(name)
            {
                Some(value) => json.with_header(name, value),
                None => json,
            })
        }
    }
}
