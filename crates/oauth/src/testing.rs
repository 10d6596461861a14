//! Clients for the tests of this crate.

use std::collections::BTreeSet;

use postern_core::refresh::{DriftPolicy, Lifetimes};
use sha2::{Digest as _, Sha256};

use crate::{
    client::{Authentication, Client, Clients, GrantType, OfflineAccess, Provenance, SecretDigest},
    redirect::RegisteredRedirect,
    scope::Scopes,
};

pub(crate) const ISSUER: &str = "https://auth.example";
/// That of RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A public client with one redirect URI, and the scopes `read` and `write`.
pub(crate) fn public(client_id: &str, redirect_uri: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        provenance: Provenance::Operator,
        name: client_id.to_owned(),
        authentication: Authentication::Public,
        redirect_uris: vec![RegisteredRedirect::parse(redirect_uri, true).unwrap()],
        scopes: Scopes::of_granted("read write"),
        resources: None,
        grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        offline_access: OfflineAccess::Always,
        first_party: false,
        roles: false,
        lifetimes: Lifetimes::WEB,
        drift: DriftPolicy::Log,
    }
}

/// The same with these secrets.
pub(crate) fn confidential(client_id: &str, secrets: &[&str]) -> Client {
    let digest = |secret: &&str| SecretDigest(Sha256::digest(secret).into());
    Client {
        authentication: Authentication::Secret(secrets.iter().map(digest).collect()),
        ..public(client_id, "https://server.example/cb")
    }
}

/// `app`: public; `server`: with the secrets `s3cret` and `n+w`; `native`: on this machine.
pub(crate) fn clients() -> Clients {
    Clients::new(vec![
        public("app", "https://app.example/cb"),
        confidential("server", &["s3cret", "n+w"]),
        public("native", "http://127.0.0.1/cb"),
    ])
}
