//! The trusted issuers and their keys, for administrators.

use serde_json::Value;

use crate::{
    access::key_sets::KeySets,
    admin::request::object,
    http::{Problem, Reply},
    isolate::{
        Isolate,
        issuers::{OwnOrExternal, TrustedIssuer},
    },
    jwks::{CachedSet, KeyLocation},
    ports::Clock as _,
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
    web::error::ApiError,
};

/// What the calls of `/admin/issuers` need.
pub(crate) struct AdminIssuers<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    key_sets: KeySets<'r, P>,
}

impl<'r, P: Ports> AdminIssuers<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { isolate: &runtime.isolate, platform: runtime.ports.platform(), key_sets: KeySets::of(runtime) }
    }

    /// `GET /admin/issuers`: every issuer that the gate trusts, with the keys that this isolate would verify by.
    pub(crate) async fn list(&self) -> Result<Reply, ApiError> {
        let mut rows = Vec::new();
        for issuer in self.isolate.issuers.values() {
            // From the issuer's object, if this isolate has none. A failure is a row without keys.
            if self.key_sets.set_in_memory(&issuer.policy.issuer).is_none() {
                self.key_sets.ask_object(issuer, false, None, self.platform.now()).await;
            }
            rows.push(self.row(issuer, self.platform.now()));
        }
        Ok(Reply::json(200, &object([("issuers", Value::Array(rows))])))
    }

    /// `POST /admin/issuers/refresh`: asks for the keys of another issuer now, at most once per cooldown in the whole
    /// deployment, as a token with an unknown key does.
    pub(crate) async fn refresh(&self, issuer: &str) -> Result<Reply, ApiError> {
        let found = self.isolate.issuers.get(issuer);
        let Some(found) = found.filter(|found| matches!(found.keys, OwnOrExternal::External(_))) else {
            let title = "The issuer is not trusted, so none of its tokens are accepted";
            return Ok(Problem::new(400, "untrusted_issuer", title)
                .with_error("issuer", "is not a trusted issuer")
                .into());
        };
        self.key_sets.ask_object(found, true, None, self.platform.now()).await;
        Ok(Reply::json(200, &self.row(found, self.platform.now())))
    }

    fn row(&self, issuer: &TrustedIssuer, now: Timestamp) -> Value {
        let name = issuer.policy.issuer.as_str();
        let set = self.key_sets.set_in_memory(name);
        let unavailable_until = self.isolate.memory.unavailable_until.borrow().get(name).copied();
        let location = match &issuer.keys {
            OwnOrExternal::Own => "this deployment",
            OwnOrExternal::External(source) => match &source.location {
                KeyLocation::JwksUri(uri) => uri.as_str(),
                KeyLocation::Discovery => "its metadata",
            },
        };
        let fetched_at = set.as_deref().map(CachedSet::fetched_at);
        // A failure before the set that is here is over.
        let failed_at = self.isolate.memory.fetch_failed_at.borrow().get(name).copied();
        let failed_at = failed_at.filter(|failed| fetched_at.is_none_or(|fetched| *failed > fetched));
        let seconds = |at: Timestamp| Value::from(at.seconds());
        object([
            ("issuer", name.into()),
            ("own", matches!(issuer.keys, OwnOrExternal::Own).into()),
            ("audiences", issuer.policy.audiences.as_slice().into()),
            ("keys_from", location.into()),
            ("keys", set.as_deref().map_or(Value::Null, keys)),
            ("fetched_at", fetched_at.map_or(Value::Null, seconds)),
            ("failed_at", failed_at.map_or(Value::Null, seconds)),
            (
                "unavailable_until",
                unavailable_until.filter(|until| now < *until).map_or(Value::Null, seconds),
            ),
        ])
    }
}

/// The ids of the keys. A key may have none.
fn keys(set: &CachedSet) -> Value {
    let set = set.keys();
    set.keys().iter().map(|key| Value::from(key.kid().unwrap_or("(no kid)"))).collect()
}
