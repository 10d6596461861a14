//! The settings of the simulated deployment, by version.

use std::collections::BTreeMap;

use postern_app::config::Config;
use serde_json::{Value, json};

use crate::upstream::{ISSUER, JWKS, MOVED_JWKS};

/// The password of the users of the local profile, and of all others here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The levels of the routes.
pub(crate) const LEVELS: [&str; 3] = ["/none", "/feed", "/strong"];
/// The route for tokens of the other issuer.
pub(crate) const THEIRS: &str = "/theirs";

/// The clients that sign in here.
pub(crate) const CLIENTS: [&str; 2] = ["web", "app"];

/// What differs between versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The ids of the master secrets, the current one first.
    pub(crate) masters: Vec<u8>,
    /// Whether the other issuer's keys are looked for where there are none.
    pub(crate) is_moved: bool,
}

impl Version {
    pub(crate) fn first() -> Self {
        Self { masters: vec![1], is_moved: false }
    }

    pub(crate) fn config(&self) -> Config {
        let key = |id: u8| postern_app::encoding::base64url(&[[id; 16], *b"a master secret."].concat());
        let masters: Vec<Value> = self.masters.iter().map(|id| json!({"id": id, "key": key(*id)})).collect();
        let vars: BTreeMap<String, Value> = serde_json::from_value(json!({
            "POSTERN_PROFILE": "local",
            "POSTERN_ISSUER": "http://localhost:8787",
            "POSTERN_MASTER_KEY": masters,
            "POSTERN_REGISTRATION": "open",
            "POSTERN_DEFAULT_SCOPES": ["read:orders"],
            // The cheapest that is allowed: a stand-in for the cost of a hash.
            "POSTERN_PASSWORD": {"memory_kib": 32, "iterations": 1},
            "POSTERN_KEYS": {"algorithm": "EdDSA"},
            "POSTERN_CLIENTS": CLIENTS.map(|id| json!({"client_id": id})),
            "POSTERN_ISSUERS": [{
                "issuer": ISSUER,
                "jwks_uri": if self.is_moved { MOVED_JWKS } else { JWKS },
                "audiences": ["api"],
            }],
            "POSTERN_ROUTES": [
                {"path": "/none", "revocation": "none", "service": "ORIGIN"},
                {"path": "/feed", "scopes_all": ["read:orders"], "service": "ORIGIN"},
                {"path": "/strong", "revocation": "strong", "service": "ORIGIN"},
                {"path": "/theirs", "service": "ORIGIN"},
            ],
        }))
        .expect("an object");
        Config::from_vars(&vars).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }
}
