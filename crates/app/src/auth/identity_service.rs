//! Users of another service, with two calls over a service binding (docs/reference/users.md).
//!
//! The calls are `POST /verify` with login and password, and `POST /profile` with a subject. The service is trusted
//! about its users, but the form of its answers is checked.

use crate::{
    auth::principal::{Principal, UserProfile},
    events::EventKind,
    gateway::Challenge,
    ids::AccountId,
    json,
    ports::{Bindings as _, Component, Document, Fault},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::admission::{Admission, Admissions},
    web::{caller::Caller, error::ApiError},
};

/// The largest answer in bytes, enough for some hundred scopes and roles.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The time limit for a call in milliseconds. The service hashes a password while the user waits.
const TIMEOUT_MS: u32 = 10_000;

/// The longest subject in bytes (`OpenID` Connect Core section 2: 255 ASCII characters).
const MAX_SUBJECT_BYTES: usize = 255;

/// Calls the identity service.
pub(crate) struct IdentityService<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> IdentityService<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Checks the password with the service. 401 means that it is wrong, for any reason; every other status than 200 is
    /// a fault of the service.
    pub(crate) async fn verify_elsewhere(
        &self,
        (binding, issuer): (&str, &str),
        caller: &Caller,
        (login, password): (&str, &str),
        admission: &Admission,
    ) -> Result<Principal, ApiError> {
        let question = serde_json::json!({
            "login": login,
            "password": password,
            "ip": caller.ip,
            "user_agent": caller.user_agent,
        });
        let answer = self.directory(binding, "/verify", &question).await?;
        let refused = |cause| {
            Events::of(self.0).record(self.0.now(), EventKind::SignInRefused { cause }, caller.setting());
            Admissions::of(self.0).failed(admission, &caller.setting());
            Err(ApiError::InvalidCredentials)
        };
        if answer.status == 401 {
            return refused("identity_service");
        }
        let profile = read(&answer)?;
        if admission.locked {
            return refused("locked");
        }
        let amr = if profile.amr.is_empty() { vec!["pwd".to_owned()] } else { profile.amr };
        Ok(Principal {
            account: AccountId::of_subject(issuer, &profile.subject),
            subject: profile.subject,
            scopes: profile.scopes,
            roles: profile.roles,
            tenant_id: profile.tenant_id,
            amr,
            credential_version: 0,
        })
    }

    /// The profile of a user from the service.
    pub(crate) async fn profile(&self, binding: &str, subject: &str) -> Result<UserProfile, ApiError> {
        let answer = self.directory(binding, "/profile", &serde_json::json!({ "subject": subject })).await?;
        if answer.status == 404 {
            return Err(ApiError::Challenge(Challenge::InvalidToken));
        }
        let profile = read(&answer)?;
        if profile.subject == subject { Ok(profile) } else { Err(malformed("a different subject").into()) }
    }

    async fn directory(
        &self,
        binding: &str,
        path: &str,
        question: &serde_json::Value,
    ) -> Result<Document, Fault> {
        let question = json::write(question).map_err(|error| Fault::new(Component::Identity, error))?;
        let bindings = self.0.ports.bindings();
        bindings.call(Component::Identity, binding, path, &question, MAX_ANSWER_BYTES, TIMEOUT_MS).await
    }
}

fn malformed(what: &str) -> Fault {
    Fault::new(Component::Identity, format_args!("the identity service responded with {what}"))
}

fn read(answer: &Document) -> Result<UserProfile, Fault> {
    if answer.status != 200 {
        return Err(malformed(&answer.status.to_string()));
    }
    if answer.body.len() > MAX_ANSWER_BYTES {
        return Err(malformed("too many bytes"));
    }
    let profile =
        core::str::from_utf8(&answer.body).ok().and_then(|text| json::read_known::<UserProfile>(text).ok());
    let profile = profile.ok_or_else(|| malformed("a body that is not a profile"))?;
    let text = |text: &String, most: usize| {
        !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
    };
    // RFC 6749 section 3.3: a space inside one would make it two.
    let scope = |scope: &String| {
        !scope.is_empty()
            && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    let sound = text(&profile.subject, MAX_SUBJECT_BYTES)
        && profile.scopes.iter().all(scope)
        && profile.roles.iter().chain(&profile.tenant_id).chain(&profile.amr).all(|name| text(name, 256));
    if sound { Ok(profile) } else { Err(malformed("a subject, scope, role or tenant that is not valid")) }
}
