//! Events of requests that the gate refuses, with the claim, the setting and the issuer.

use crate::{
    access::{refused::AccessRefused, session::session_of},
    events::{EventContext, EventKind, signature_tail},
    gateway::{Identity, Route},
    http::RequestView,
    jwt::TokenError,
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// Writes the events of refused requests.
pub(crate) struct RefusalEvents<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RefusalEvents<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Records a valid access token that does not meet the requirements of its route.
    pub(crate) fn record_forbidden(
        &self,
        request: &impl RequestView,
        route: &Route,
        identity: &Identity,
        (code, objection): (&'static str, Option<(&str, &'static str)>),
    ) {
        let session = session_of(&self.0.isolate.config, identity)
            .filter(|_| identity.issuer == self.0.isolate.config.issuer);
        let setting = EventContext {
            account: session.as_ref().map(|session| session.account),
            session_id: session.map(|session| session.family),
            client_id: identity.client_id.clone(),
            ..Caller::of(request).setting()
        };
        let happening = EventKind::AccessRefused {
            code,
            route: Some(route.name.clone()),
            signature_tail: None,
            about: objection.map(|(claim, _)| ["claim ", &self.claim_behind(identity, claim)].concat()),
            expected: None,
            setting: objection.map(|(_, member)| member),
            issuer: Some(identity.issuer.clone()),
        };
        Events::of(self.0).record(self.0.now(), happening, setting);
    }

    /// The claim of the caller's issuer to which routes refer by this name.
    fn claim_behind(&self, identity: &Identity, name: &str) -> String {
        let policy = self.0.isolate.issuers.get(&identity.issuer).map(|issuer| &issuer.policy);
        let source = policy.and_then(|policy| match name {
            "aud" => Some(&policy.audience_claim),
            "sub" => Some(&policy.subject_claim),
            "scope" => Some(&policy.scope_claim),
            "roles" => Some(&policy.roles_claim),
            "tenant_id" => Some(&policy.tenant_claim),
            "client_id" => Some(&policy.client_claim),
            _ => None,
        });
        source.map_or_else(|| name.to_owned(), |source| source.names().into_owned())
    }
}

/// Records a token that is refused before the rules of the route are checked.
pub(crate) fn refused_token(refused: &AccessRefused, route: &Route, text: &str) -> EventKind {
    let signature_tail = signature_tail(text).map(str::to_owned);
    // No audience of the issuer's settings would help there.
    let is_for_else = match refused {
        AccessRefused::Invalid(invalid) => {
            route.resource().is_some() && matches!(invalid.cause, TokenError::WrongAudience { .. })
        }
        AccessRefused::Token(_) | AccessRefused::Fault(_) => false,
    };
    let invalid = match refused {
        AccessRefused::Invalid(invalid) => Some(invalid),
        AccessRefused::Token(_) | AccessRefused::Fault(_) => None,
    };
    EventKind::AccessRefused {
        code: refused.code(),
        route: Some(route.name.clone()),
        signature_tail,
        about: invalid.map(|invalid| invalid.about()),
        expected: if is_for_else {
            Some("the resource of the route")
        } else {
            invalid.and_then(|invalid| invalid.cause.expected())
        },
        setting: if is_for_else { Some("resource") } else { invalid.and_then(|invalid| invalid.setting()) },
        issuer: invalid.and_then(|invalid| Some(invalid.issuer.as_ref()?.0.clone())),
    }
}
