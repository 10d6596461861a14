//! The decision: may this caller take this route? Answers as RFC 6750 section 3 and RFC 9470
//! section 3 ask for.

mod answers;

use std::collections::BTreeSet;

use super::{
    Match,
    identity::{Identity, Statement},
    route::{Access, Attribute, Comparison, Operand, Requirement},
};
use postern_jose::{encoding::text_set, time::Timestamp};

pub use answers::step_up;

/// The outcome of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyVerdict {
    /// Pass it on.
    Forward,
    /// 401 (or 400): come back with a sound access token.
    Challenge(Challenge),
    /// 403: the access token is sound and does not suffice.
    Forbid(Forbid),
}

/// Why credentials are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// There were none: a challenge without an error code (RFC 6750 section 3.1).
    NoCredentials,
    /// More than one, or not in the form of a token: 400.
    InvalidRequest,
    /// Expired, revoked, forged, for another audience: the answer is the same for each, so that
    /// probing reveals nothing. The log has the cause.
    InvalidToken,
    /// Sound, and not for this route: to the caller the same as [`Self::InvalidToken`].
    NotForRoute(Objection),
    /// The sign-in was not strong enough (RFC 9470).
    StepUp {
        /// The `acr` values that would do, in order of preference.
        acr_values: Vec<String>,
        /// What is not met, for the log.
        objection: Objection,
    },
}

/// Which rule of the route is not met, and by which claim: for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objection {
    /// The claim, by the name that routes have for it.
    pub claim: &'static str,
    /// The route's member that asks for it.
    pub member: &'static str,
}

impl Objection {
    const fn of(claim: &'static str, member: &'static str) -> Self {
        Self { claim, member }
    }
}

/// A refusal that a new access token of the same kind would not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbid {
    /// Which rule refused.
    pub cause: ForbidCause,
}

/// Which rule refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForbidCause {
    /// Scopes are missing.
    Scope {
        /// What the route takes: all required ones, and the alternatives.
        required: BTreeSet<String>,
    },
    /// None of the roles.
    Role,
    /// A claim does not equal what the request names.
    Attribute {
        /// The claim, for the log; the caller is not told.
        claim: String,
    },
}

/// Decides. `identity` is the verified caller; when the request brought an access token that
/// was not sound, the caller of this function answers [`Challenge::InvalidToken`] before.
pub fn decide(found: &Match<'_>, identity: Option<&Identity>, now: Timestamp) -> PolicyVerdict {
    judge(found, identity.map(|identity| &**identity), now)
}

/// The same for a statement about a caller, verified or supposed.
pub(super) fn judge(found: &Match<'_>, identity: Option<&Statement>, now: Timestamp) -> PolicyVerdict {
    // A token for a resource serves there and nowhere else.
    if let Some(identity) = identity
        && !identity.is_general
        && found.route.access != Access::Public
        && found.route.resource().is_none()
    {
        return PolicyVerdict::Challenge(Challenge::NotForRoute(Objection::of("aud", "resource")));
    }
    match (&found.route.access, identity) {
        (Access::Public | Access::Optional, _) => PolicyVerdict::Forward,
        (Access::Required(_), None) => PolicyVerdict::Challenge(Challenge::NoCredentials),
        (Access::Required(requirement), Some(identity)) => {
            match token_objection(requirement, identity, now) {
                Some(challenge) => PolicyVerdict::Challenge(challenge),
                None => match grant_objection(requirement, found, identity) {
                    Some(cause) => PolicyVerdict::Forbid(Forbid { cause }),
                    None => PolicyVerdict::Forward,
                },
            }
        }
    }
}

/// What is wrong with the access token itself for this route.
pub(super) fn token_objection(
    requirement: &Requirement,
    identity: &Statement,
    now: Timestamp,
) -> Option<Challenge> {
    let Requirement { issuers, max_token_age, acr, amr, .. } = requirement;
    let not_for_route = |claim, member| Some(Challenge::NotForRoute(Objection::of(claim, member)));
    if !issuers.is_empty() && !issuers.contains(&identity.issuer) {
        return not_for_route("iss", "issuers");
    }
    if !requirement.audience_met(&identity.audience) {
        return not_for_route("aud", if requirement.resource.is_some() { "resource" } else { "audiences" });
    }
    if max_token_age.is_some_and(|limit| now.since(identity.issued_at) > limit) {
        return not_for_route("iat", "max_token_age");
    }
    // What cannot be read is not there, and meets no rule.
    let class_met =
        acr.is_empty() || identity.acr.as_ref().is_some_and(|own| acr.iter().any(|one| one == own));
    let methods_met = amr.iter().all(|wanted| identity.amr.contains(wanted));
    (!class_met || !methods_met).then(|| Challenge::StepUp {
        acr_values: acr.clone(),
        objection: if class_met { Objection::of("amr", "amr") } else { Objection::of("acr", "acr") },
    })
}

/// What the caller is missing.
pub(super) fn grant_objection(
    requirement: &Requirement,
    found: &Match<'_>,
    identity: &Statement,
) -> Option<ForbidCause> {
    let Requirement { scopes_all, scopes_any, broader_scopes, roles_any, attributes, .. } = requirement;
    let has = |scope: &String| {
        identity.scopes.contains(scope)
            || broader_scopes.get(scope).is_some_and(|broader| !broader.is_disjoint(&identity.scopes))
    };
    if !scopes_all.iter().all(has) || !(scopes_any.is_empty() || scopes_any.iter().any(has)) {
        return Some(ForbidCause::Scope { required: requirement.scopes_to_ask_for(&identity.scopes) });
    }
    if !roles_any.is_empty() && roles_any.is_disjoint(&identity.roles) {
        return Some(ForbidCause::Role);
    }
    attributes
        .iter()
        .find(|attribute| !attribute_met(attribute, found, identity))
        .map(|attribute| ForbidCause::Attribute { claim: attribute.claim.clone() })
}

impl Requirement {
    /// The scopes that a client asks for to pass: all required ones, and the alternatives. For a resource also those
    /// without which it is of no use, and those of its scopes that the client has already been granted: clients that ask
    /// for nothing but the scopes of the last challenge would lose these.
    pub(super) fn scopes_to_ask_for(&self, granted: &BTreeSet<String>) -> BTreeSet<String> {
        let own = self.scopes_all.iter().chain(&self.scopes_any);
        let Some(resource) = &self.resource else { return text_set(own.cloned()) };
        let kept = granted.intersection(&resource.known_scopes);
        text_set(own.chain(&resource.scopes).chain(kept).cloned())
    }
}

/// Whether the attribute rule holds for this caller and request.
pub(super) fn attribute_met(attribute: &Attribute, found: &Match<'_>, identity: &Statement) -> bool {
    let wanted = match &attribute.operand {
        Operand::Param(name) => found.params.iter().find(|(own, _)| own == name).map(|(_, value)| &**value),
        Operand::Host => Some(&*found.host),
        Operand::Subdomain => found.subdomain(),
        Operand::Method => Some(&*found.method),
        Operand::Literal(text) => Some(&**text),
    };
    wanted.is_some_and(|wanted| match attribute.comparison {
        Comparison::Equals => identity.claim_text(&attribute.claim).is_some_and(|own| own == wanted),
        Comparison::Contains => identity.claim_has(&attribute.claim, wanted),
    })
}

impl PolicyVerdict {
    /// The claim that a route's rule is not met by, as routes call it, and the rule.
    pub fn objection(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Challenge(
                Challenge::NotForRoute(Objection { claim, member })
                | Challenge::StepUp { objection: Objection { claim, member }, .. },
            ) => Some((claim, member)),
            Self::Forbid(Forbid { cause }) => Some(match cause {
                ForbidCause::Scope { .. } => ("scope", "scopes_all or scopes_any"),
                ForbidCause::Role => ("roles", "roles_any"),
                ForbidCause::Attribute { claim } => (claim, "attributes"),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
