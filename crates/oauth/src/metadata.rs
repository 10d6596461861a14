//! The metadata of the authorization server (RFC 8414 section 2).
//!
//! Everything in it is true: a test exercises it. It says nothing of ID tokens, because there are none.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    authorize::PROMPT_VALUES,
    client::Clients,
    client_auth, pkce,
    scope::{OFFLINE_ACCESS, Scopes},
};

/// The paths of the endpoints, below the origin of the issuer.
pub mod paths {
    /// The authorization endpoint.
    pub const AUTHORIZE: &str = "/oauth/authorize";
    /// The token endpoint.
    pub const TOKEN: &str = "/oauth/token";
    /// The revocation endpoint (RFC 7009).
    pub const REVOKE: &str = "/oauth/revoke";
    /// The introspection endpoint (RFC 7662).
    pub const INTROSPECT: &str = "/oauth/introspect";
    /// The registration endpoint (RFC 7591).
    pub const REGISTER: &str = "/oauth/register";
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    scopes_supported: BTreeSet<&'a str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    authorization_response_iss_parameter_supported: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    client_id_metadata_document_supported: bool,
}

/// How clients come that no operator entered.
#[derive(Debug, Clone, Copy)]
pub struct OpenDoors<'a> {
    /// What they may ask for.
    pub scopes: &'a Scopes,
    /// With a metadata document.
    pub documents: bool,
    /// By registering themselves.
    pub registration: bool,
}

impl<'a> Metadata<'a> {
    /// The document of the deployment with this issuer. `origin` is the issuer's, and `jwks_path` the path of the key set.
    pub fn new(
        issuer: &'a str,
        origin: &str,
        jwks_path: &str,
        clients: &'a Clients,
        doors: OpenDoors<'a>,
    ) -> Self {
        let at = |path: &str| [origin, path].concat();
        let [none, basic, post] = client_auth::METHODS;
        let [(code, _), (refresh, _)] = crate::client::GrantType::ALL;
        let of_clients = clients.iter().flat_map(|client| client.scopes.iter());
        let is_open = doors.documents || doors.registration;
        let open = is_open.then(|| doors.scopes.iter()).into_iter().flatten();
        let scopes: BTreeSet<&str> = of_clients.chain(open).chain([OFFLINE_ACCESS]).collect();
        Self {
            issuer,
            authorization_endpoint: at(paths::AUTHORIZE),
            token_endpoint: at(paths::TOKEN),
            revocation_endpoint: at(paths::REVOKE),
            introspection_endpoint: at(paths::INTROSPECT),
            jwks_uri: at(jwks_path),
            registration_endpoint: doors.registration.then(|| at(paths::REGISTER)),
            scopes_supported: scopes,
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: [code, refresh],
            token_endpoint_auth_methods_supported: [none, basic, post],
            revocation_endpoint_auth_methods_supported: [none, basic, post],
            introspection_endpoint_auth_methods_supported: [basic, post],
            code_challenge_methods_supported: [pkce::S256],
            prompt_values_supported: PROMPT_VALUES,
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: doors.documents,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests MCP Authorization section "Authorization Code Protection": code_challenge_methods_supported has S256 (A3)
    // Tests MCP Authorization section "Authorization Response Validation": the metadata says that answers have iss (A8)
    // Tests RFC 8414 section 2: metadata names the endpoints and S256
    // Tests Client ID Metadata Document section 6: support for documents is advertised
    #[test]
    fn metadata_names_the_issuer_to_the_letter() {
        let (clients, open) = (Clients::default(), Scopes::of_granted("mcp:use"));
        let json = |documents| {
            let metadata = Metadata::new(
                "https://auth.example/t1",
                "https://auth.example",
                "/.well-known/jwks.json",
                &clients,
                OpenDoors { scopes: &open, documents, registration: false },
            );
            serde_json::to_value(&metadata).unwrap()
        };
        let with_documents = json(true);
        assert_eq!(with_documents["client_id_metadata_document_supported"], true);
        assert_eq!(with_documents["scopes_supported"], serde_json::json!(["mcp:use", "offline_access"]));
        let json = json(false);
        assert_eq!(json.get("client_id_metadata_document_supported"), None);
        assert_eq!(json["issuer"], "https://auth.example/t1");
        assert_eq!(json["token_endpoint"], "https://auth.example/oauth/token");
        assert_eq!(json["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(json["authorization_response_iss_parameter_supported"], true);
        assert_eq!(json["scopes_supported"], serde_json::json!(["offline_access"]));
        assert!(json.get("id_token_signing_alg_values_supported").is_none());
    }
}
