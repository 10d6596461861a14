//! `GET /auth/me`.

use serde::Serialize;

use crate::{
    auth::{principal::UserProfile, profiles::Profiles, session_auth::SessionAuth},
    http::{Reply, RequestView},
    ids::FamilyId,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

#[derive(Serialize)]
struct Me<'a> {
    sub: &'a str,
    client_id: Option<&'a str>,
    scope: String,
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    session_id: FamilyId,
    #[serde(flatten)]
    person: Person,
}

/// The profile from the store of the user, with the claims of `OpenID` Connect Core section 5.1, and the login.
#[derive(Debug, Default, Serialize)]
struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl From<UserProfile> for Person {
    fn from(profile: UserProfile) -> Self {
        let UserProfile { login, email, email_verified, name, .. } = profile;
        // A login that is an address is the one that was verified.
        let email = email.or_else(|| login.clone().filter(|login| login.contains('@')));
        let email_verified = email_verified.filter(|_| email.is_some());
        Self { login, email, email_verified, name }
    }
}

/// What `GET /auth/me` needs.
pub(crate) struct WhoAmI<'r, P: Ports> {
    profiles: Profiles<'r, P>,
    auth: SessionAuth<'r, P>,
    events: Events<'r, P>,
}

impl<'r, P: Ports> WhoAmI<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { profiles: Profiles::of(runtime), auth: SessionAuth::of(runtime), events: Events::of(runtime) }
    }

    /// `GET /auth/me`. The login and the email address are current. If the store of the users does not answer, they are
    /// left out and a fault is logged; the other members come from the token.
    pub(crate) async fn me(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (identity, session) = self.auth.own_identity(request).await?;
        let person = match self.profiles.profile_of(&session, &identity.subject).await {
            Ok(profile) => Person::from(profile),
            Err(ApiError::Fault(fault)) => {
                self.events.record_fault(&fault, &Caller::of(request));
                Person::default()
            }
            Err(_) => Person::default(),
        };
        Ok(Reply::json(
            200,
            &Me {
                sub: &identity.subject,
                client_id: identity.client_id.as_deref(),
                scope: identity.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
                roles: identity.roles.iter().map(String::as_str).collect(),
                tenant_id: identity.tenant_id.as_deref(),
                session_id: session.family,
                person,
            },
        ))
    }
}
