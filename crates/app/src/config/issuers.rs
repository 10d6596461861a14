//! Other issuers, whose access tokens the gate takes.

use std::collections::BTreeSet;

use super::{
    ExternalIssuer, TypRule,
    reader::{ConfigError, Node},
    values::{self, UrlRule},
};
use crate::{
    jose::{MAX_TOKEN_BYTES, SignatureAlgorithm},
    jwt::RolesForm,
};

/// The minimum of `max_token_bytes`. Hardly any signed token is shorter.
const LEAST_TOKEN_LIMIT: u64 = 1024;

/// The maximum of `max_token_bytes`. A token is a single header line, and the platform accepts 128 KB for all headers of a
/// request.
const MOST_TOKEN_LIMIT: u64 = 32 * 1024;

const NO_DISCOVERY: &str = "is missing: it is required because the issuer is not an https URL without a query, so its metadata cannot be discovered";

/// Members of an issuer that only older versions read.
pub(super) fn retired(node: &Node<'_>) -> Vec<ConfigError> {
    let without_use = |item: &Node<'_>| {
        item.has("header_members").then(|| {
            let problem = "has no effect and can be removed: unknown header members are always ignored";
            ConfigError { path: item.path_of("header_members"), problem: problem.to_owned() }
        })
    };
    node.each(|item| Some(without_use(item))).unwrap_or_default().into_iter().flatten().collect()
}

pub(super) fn issuers(node: &Node<'_>, own: Option<&str>, local: bool) -> Option<Vec<ExternalIssuer>> {
    let mut seen = BTreeSet::new();
    node.each(|item| {
        let fields = item.object(&[
            "issuer",
            "jwks_uri",
            "audiences",
            "audience_claim",
            "algorithms",
            "typ",
            "header_members",
            "max_token_bytes",
            "subject_claim",
            "scope_claim",
            "roles_claim",
            "roles_form",
            "tenant_claim",
            "client_claim",
            "leeway",
        ])?;
        let issuer = fields.required("issuer").and_then(|node| {
            let issuer = node.parsed(values::issuer)?;
            if Some(issuer.as_str()) == own {
                return node.wrong("must not be POSTERN_ISSUER itself, which is always trusted");
            }
            if seen.insert(issuer.clone()) { Some(issuer) } else { node.wrong("is listed twice") }
        });
        // Without `jwks_uri`, the metadata is fetched from the issuer's own URL. A mistake refuses the whole configuration.
        let jwks_uri = fields
            .optional("jwks_uri")
            .and_then(|node| node.parsed(|text| values::url(text, UrlRule::Document, local)));
        let is_place = |issuer: &String| values::url(issuer, UrlRule::Issuer, local).is_ok();
        if fields.optional("jwks_uri").is_none() && issuer.as_ref().is_some_and(|issuer| !is_place(issuer)) {
            fields.wrong("jwks_uri", NO_DISCOVERY);
        }
        let audiences = fields
            .needed("audiences", "is missing: the value of `aud` in this issuer's access tokens for your API")
            .and_then(|node| node.filled_set(values::name));
        let defaults =
            [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa, SignatureAlgorithm::Rs256].into();
        let algorithms = fields.or("algorithms", defaults, |node| {
            // The list may contain both names of EdDSA (RFC 9864), but neither of them twice.
            let named = node.filled_set(|text| match text.parse::<SignatureAlgorithm>() {
                Ok(algorithm) => Ok((algorithm, text.to_owned())),
                Err(_) => Err(format!(
                    "must be one of: {}",
                    SignatureAlgorithm::ALL.map(SignatureAlgorithm::name).join(", ")
                )),
            })?;
            let mut algorithms = BTreeSet::new();
            algorithms.extend(named.into_iter().map(|(algorithm, _)| algorithm));
            Some(algorithms)
        });
        let typ = fields.or("typ", TypRule::AccessToken, |node| {
            node.choice(&[("at+jwt", TypRule::AccessToken), ("any", TypRule::Any)])
        });
        let max_token_bytes = fields.or("max_token_bytes", MAX_TOKEN_BYTES, |node| {
            node.number(LEAST_TOKEN_LIMIT..=MOST_TOKEN_LIMIT).and_then(|bytes| usize::try_from(bytes).ok())
        });
        let claim = |name| fields.optional(name).and_then(|node: &Node<'_>| node.parsed(values::claim));
        let claims = |name| fields.optional(name).and_then(|node: &Node<'_>| node.filled_set(values::claim));
        let subject_claim = fields.optional("subject_claim").and_then(|node| node.filled_list(values::claim));
        let roles_form = fields.or("roles_form", RolesForm::Text, |node| {
            node.choice(&[("text", RolesForm::Text), ("keys", RolesForm::Keys), ("names", RolesForm::Names)])
        });
        let leeway = fields.optional("leeway").and_then(|node| node.seconds(0..=120));
        Some(ExternalIssuer {
            issuer: issuer?,
            jwks_uri,
            audiences: audiences?,
            audience_claim: claim("audience_claim"),
            algorithms,
            typ,
            max_token_bytes,
            subject_claim,
            scope_claim: claim("scope_claim"),
            roles_claim: claims("roles_claim"),
            roles_form,
            tenant_claim: claim("tenant_claim"),
            client_claim: claims("client_claim"),
            leeway,
        })
    })
}
