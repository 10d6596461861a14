//! The settings of the simulated deployment, by version.

use std::collections::BTreeMap;

use postern_app::config::Config;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::dialect::Dialect;
use crate::upstream::{ISSUER, JWKS, MOVED_JWKS};

/// The password of the users of the local profile, and of all others here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The levels of the routes.
pub(crate) const LEVELS: [&str; 3] = ["/none", "/feed", "/strong"];
/// The route for tokens of the other issuer.
pub(crate) const THEIRS: &str = "/theirs";

/// The route whose open sockets are checked.
pub(crate) const SOCKET: &str = "/socket";

/// The same, but its sockets outlive their token.
pub(crate) const LASTING_SOCKET: &str = "/lasting-socket";

/// The clients that sign in here.
pub(crate) const CLIENTS: [&str; 2] = ["web", "app"];

/// The programs that users authorize: a public client of another vendor, and a server of our own with a secret.
pub(crate) const PROGRAMS: [Program; 2] = [
    Program { id: "notes", redirect: "https://notes.example/cb", secret: None },
    Program { id: "server", redirect: "https://server.example/cb", secret: Some("s3cret-of-the-server") },
];

/// An OAuth client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) id: &'static str,
    pub(crate) redirect: &'static str,
    /// Of a confidential one, which is our own: its users are not asked for consent.
    pub(crate) secret: Option<&'static str>,
}

impl Program {
    fn settings(self) -> Value {
        let mut settings = json!({"client_id": self.id, "name": self.id, "redirect_uris": [self.redirect],
            "scopes": ["read:orders"]});
        if let Some(secret) = self.secret {
            settings["secret_hashes"] = json!([postern_app::encoding::hex(&Sha256::digest(secret))]);
            settings["first_party"] = true.into();
        }
        settings
    }
}

/// What differs between versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The ids of the master secrets, the current one first.
    pub(crate) masters: Vec<u8>,
    /// Whether the other issuer's keys are looked for where there are none.
    pub(crate) is_moved: bool,
    /// Which messages it has.
    pub(crate) dialect: Dialect,
}

impl Version {
    pub(crate) fn first() -> Self {
        Self { masters: vec![1], is_moved: false, dialect: Dialect::Current }
    }

    pub(crate) fn config(&self) -> Config {
        let key = |id: u8| postern_app::encoding::base64url(&[[id; 16], *b"a master secret."].concat());
        let masters: Vec<Value> = self.masters.iter().map(|id| json!({"id": id, "key": key(*id)})).collect();
        let own = CLIENTS.map(|id| json!({"client_id": id}));
        let clients: Vec<Value> = own.into_iter().chain(PROGRAMS.map(Program::settings)).collect();
        let vars: BTreeMap<String, Value> = serde_json::from_value(json!({
            "POSTERN_PROFILE": "local",
            "POSTERN_ISSUER": "http://localhost:8787",
            "POSTERN_MASTER_KEY": masters,
            "POSTERN_REGISTRATION": "open",
            "POSTERN_DEFAULT_SCOPES": ["read:orders"],
            // The cheapest that is allowed: a stand-in for the cost of a hash.
            "POSTERN_PASSWORD": {"memory_kib": 32, "iterations": 1},
            "POSTERN_KEYS": {"algorithm": "EdDSA"},
            "POSTERN_CLIENTS": clients,
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
                {"path": "/socket", "service": "ORIGIN", "websocket":
                    {"close_on_expiry": true, "close_on_revocation": true, "check_interval": 30}},
                {"path": "/lasting-socket", "service": "ORIGIN", "websocket":
                    {"close_on_revocation": true, "check_interval": 30}},
            ],
        }))
        .expect("an object");
        Config::from_vars(&vars).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }
}
