//! The answers to callers that may not pass, in the words of RFC 6750 section 3, RFC 9470 section 3 and RFC 9728 section
//! 5.1.

use std::collections::BTreeSet;

use super::{Challenge, Forbid, ForbidCause};
use crate::route::{Requirement, Route};
use postern_core::http::{Problem, Reply};

/// The realm in every challenge: one protection space, however many routes.
const REALM: &str = "postern";

impl Challenge {
    /// The stable code of the problem, and of the event.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials => "credentials_required",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken | Self::NotForRoute(_) => "invalid_token",
            Self::StepUp { .. } => "insufficient_user_authentication",
        }
    }

    /// HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NoCredentials | Self::InvalidToken | Self::NotForRoute(_) | Self::StepUp { .. } => 401,
        }
    }

    /// The value of `WWW-Authenticate`, outside of protected resources.
    pub fn www_authenticate(&self) -> String {
        self.value(None)
    }

    /// The answer of a route. If the route belongs to a protected resource, a client learns where its metadata is, and
    /// which scopes to ask for: those of this request, and those without which the resource is of no use.
    pub fn answer_of(&self, route: &Route) -> Reply {
        self.answer(route.of_resource())
    }

    fn answer(&self, of_resource: Option<&Requirement>) -> Reply {
        let title = match self {
            Self::NoCredentials => "An access token is required",
            Self::InvalidRequest => "The Authorization header must contain exactly one access token",
            Self::InvalidToken | Self::NotForRoute(_) => "The access token is not valid here",
            Self::StepUp { .. } => "A stronger sign-in is required",
        };
        Reply::from(Problem::new(self.status(), self.code(), title))
            .with_header("www-authenticate", &self.value(of_resource))
    }

    fn value(&self, of_resource: Option<&Requirement>) -> String {
        let mut parameters: Vec<(&str, String)> = Vec::new();
        match self {
            Self::NoCredentials => {}
            Self::InvalidRequest | Self::InvalidToken | Self::NotForRoute(_) => {
                parameters.push(("error", self.code().to_owned()));
            }
            Self::StepUp { acr_values, .. } => {
                parameters.push(("error", self.code().to_owned()));
                if !acr_values.is_empty() {
                    parameters.push(("acr_values", acr_values.join(" ")));
                }
            }
        }
        // Not with 400: another sign-in would not help.
        if let (401, Some(requirement)) = (self.status(), of_resource) {
            push_metadata(&mut parameters, requirement);
            let scopes = requirement.scopes_to_ask_for(&BTreeSet::new());
            if !scopes.is_empty() {
                parameters.push(("scope", joined(&scopes)));
            }
        }
        challenge(&parameters)
    }
}

fn push_metadata(parameters: &mut Vec<(&str, String)>, requirement: &Requirement) {
    if let Some(resource) = &requirement.resource {
        parameters.push(("resource_metadata", resource.id.metadata_url()));
    }
}

fn joined(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// For calls that are no route's.
impl From<&Challenge> for Reply {
    fn from(challenge: &Challenge) -> Self {
        challenge.answer(None)
    }
}

impl Forbid {
    /// Which rule refused, for the log.
    pub const fn code(&self) -> &'static str {
        match self.cause {
            ForbidCause::Scope { .. } => "missing_scope",
            ForbidCause::Role => "missing_role",
            ForbidCause::Attribute { .. } => "attribute_mismatch",
        }
    }

    /// The value of `WWW-Authenticate`, outside of protected resources: for scopes alone, as RFC 6750 knows no code for
    /// others.
    pub fn www_authenticate(&self) -> Option<String> {
        self.value(None)
    }

    /// The answer of a route. If the route belongs to a protected resource, it says where the resource's metadata is.
    pub fn answer_of(&self, route: &Route) -> Reply {
        self.answer(route.of_resource())
    }

    fn value(&self, of_resource: Option<&Requirement>) -> Option<String> {
        match &self.cause {
            ForbidCause::Scope { required } => {
                let mut parameters = vec![("error", "insufficient_scope".to_owned())];
                if let Some(requirement) = of_resource {
                    push_metadata(&mut parameters, requirement);
                }
                parameters.push(("scope", joined(required)));
                Some(challenge(&parameters))
            }
            ForbidCause::Role | ForbidCause::Attribute { .. } => None,
        }
    }

    fn answer(&self, of_resource: Option<&Requirement>) -> Reply {
        match self.value(of_resource) {
            Some(value) => Reply::from(Problem::new(
                403,
                "insufficient_scope",
                "The access token lacks a scope that this route requires",
            ))
            .with_header("www-authenticate", &value),
            None => Problem::new(403, "forbidden", "The caller is not allowed to use this route").into(),
        }
    }
}

/// For calls that are no route's.
impl From<&Forbid> for Reply {
    fn from(forbid: &Forbid) -> Self {
        forbid.answer(None)
    }
}

/// The value of `WWW-Authenticate` that asks for a sign-in of at most this age in seconds
/// (RFC 9470 section 3).
pub fn step_up(max_age: u64) -> String {
    challenge(&[("error", "insufficient_user_authentication".to_owned()), ("max_age", max_age.to_string())])
}

/// `Bearer realm="...", name="value"`: every value quoted (RFC 9110 section 5.6.4).
fn challenge(parameters: &[(&str, String)]) -> String {
    let mut text = format!("Bearer realm=\"{REALM}\"");
    for (name, value) in parameters {
        text.push_str(", ");
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                ' '..='~' => text.push(character),
                // No control character, and nothing that needs a guess at an encoding.
                _ => text.push('?'),
            }
        }
        text.push('"');
    }
    text
}
