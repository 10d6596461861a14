//! The clients of the authorization server, in `POSTERN_CLIENTS`: those with `redirect_uris`.

use std::collections::BTreeSet;

use postern_oauth::{
    client::{Authentication, Client, GrantType, OfflineAccess, SecretDigest, check_name},
    redirect::RegisteredRedirect,
    resource::Resource,
    scope::{OFFLINE_ACCESS, Scopes},
};

use super::{
    ContextChange,
    reader::{Fields, Node},
    values,
};
use crate::{identity::ADMIN_SCOPE, refresh::Lifetimes};

/// The members that only a client of the authorization server has.
pub(super) const MEMBERS: [&str; 10] = [
    "redirect_uris",
    "name",
    "secret_hashes",
    "scopes",
    "resources",
    "grant_types",
    "offline_access",
    "first_party",
    "roles",
    "private_use_schemes",
];

/// The most redirect URIs of one client.
const MAX_REDIRECTS: usize = 20;

/// What such a client has in common with the others.
pub(super) struct Common<'a> {
    pub(super) client_id: &'a str,
    pub(super) lifetimes: Lifetimes,
    pub(super) on_context_change: ContextChange,
}

/// Reads the client, if the entry is one of the authorization server. Whether sign-ins of `/auth/login` may name it, too,
/// its `first_party` says.
pub(super) fn read(fields: &Fields<'_>, common: &Common<'_>) -> Option<Client> {
    if fields.optional("redirect_uris").is_none() {
        for name in MEMBERS {
            if fields.optional(name).is_some() {
                fields.wrong(name, "is only for clients with `redirect_uris`");
            }
        }
        return None;
    }
    let private_use = fields.or("private_use_schemes", false, Node::flag);
    let redirect_uris = fields.required("redirect_uris").and_then(|node| redirects(node, private_use));
    let first_party = fields.or("first_party", false, Node::flag);
    Some(Client {
        client_id: common.client_id.to_owned(),
        name: fields.or("name", common.client_id.to_owned(), |node| {
            node.parsed(|text| check_name(text).map(str::to_owned))
        }),
        authentication: fields
            .optional("secret_hashes")
            .and_then(secrets)
            .map_or(Authentication::Public, Authentication::Secret),
        redirect_uris: redirect_uris?,
        scopes: fields.or("scopes", Scopes::default(), |node| Some(node.set(scope)?.into_iter().collect())),
        resources: fields.optional("resources").and_then(|node| node.filled_set(resource)),
        grant_types: fields.or("grant_types", GrantType::ALL.map(|(_, kind)| kind).into(), grant_types),
        offline_access: fields.or("offline_access", OfflineAccess::Always, |node| {
            node.choice(&[("always", OfflineAccess::Always), ("on_request", OfflineAccess::OnRequest)])
        }),
        first_party,
        roles: fields.or("roles", first_party, Node::flag),
        lifetimes: common.lifetimes,
        drift: common.on_context_change.policy(),
    })
}

fn redirects(node: &Node<'_>, private_use: bool) -> Option<Vec<RegisteredRedirect>> {
    let sound = |text: &str| RegisteredRedirect::parse(text, private_use).map(|_| text.to_owned());
    let texts = node.filled_list(sound)?;
    if texts.len() > MAX_REDIRECTS {
        return node.wrong(format!("must have at most {MAX_REDIRECTS} entries"));
    }
    texts.iter().map(|text| RegisteredRedirect::parse(text, private_use).ok()).collect()
}

/// One or two hashes: two while a secret is replaced.
fn secrets(node: &Node<'_>) -> Option<Vec<SecretDigest>> {
    let digests = node.filled_set(digest)?;
    if digests.len() > 2 {
        return node.wrong("must be one hash, or two while the secret is replaced");
    }
    Some(digests.into_iter().map(SecretDigest).collect())
}

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    let problem = "must be the SHA-256 of a secret: 64 hexadecimal digits in lower case";
    let mut digest = [0; 32];
    if text.len() != 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(problem);
    }
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = core::str::from_utf8(digits).map_err(|_| problem)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| problem)?;
    }
    Ok(digest)
}

fn scope(text: &str) -> Result<String, &'static str> {
    match text {
        ADMIN_SCOPE => Err(
            "must not contain the administrators' scope: the administrators' API takes no token of a client",
        ),
        OFFLINE_ACCESS => {
            Err("must not contain offline_access: `offline_access` and `grant_types` decide that")
        }
        _ => values::scope(text),
    }
}

fn resource(text: &str) -> Result<Resource, &'static str> {
    let resource = Resource::parse(text)
        .map_err(|_| "must be an absolute URL without user information, query and fragment")?;
    if resource.as_str() == text {
        Ok(resource)
    } else {
        Err("must have a lower-case scheme and host, and no slash for an empty path")
    }
}

fn grant_types(node: &Node<'_>) -> Option<BTreeSet<GrantType>> {
    let named = |text: &str| {
        let found = GrantType::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| kind).ok_or("must be authorization_code or refresh_token")
    };
    let types = node.filled_set(named)?;
    if types.contains(&GrantType::AuthorizationCode) {
        Some(types)
    } else {
        node.wrong("must contain authorization_code, without which a client gets no refresh token")
    }
}
