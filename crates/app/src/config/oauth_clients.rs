//! The clients of the authorization server, in `POSTERN_CLIENTS`: those with `redirect_uris`.

use std::collections::BTreeSet;

use postern_oauth::{
    client::{
        Authentication, Client, GrantType, MAX_REDIRECT_URIS, OfflineAccess, Provenance, SecretDigest,
        check_name,
    },
    redirect::RegisteredRedirect,
    resource::Resource,
    scope::Scopes,
    stored::MAX_SECRETS,
};
use serde_json::Value;

use super::{
    ClientKind, ConfigError, ContextChange, RefreshSettings,
    reader::{Fields, Mistakes, Node},
    sections::{below_idle, lifetime_limits},
    values,
};
use crate::refresh::Lifetimes;

/// The member of a new stored client that asks for a secret.
pub(crate) const CONFIDENTIAL: &str = "confidential";

/// The members of a new stored client, as the administrators' API has them.
pub(crate) const ADDED_MEMBERS: [&str; 14] = [
    CONFIDENTIAL,
    // Of every client.
    "kind",
    "idle_lifetime",
    "absolute_lifetime",
    "on_context_change",
    // Only of a client of the authorization server.
    "redirect_uris",
    "name",
    "scopes",
    "resources",
    "grant_types",
    "offline_access",
    "first_party",
    "roles",
    "private_use_schemes",
];

/// Those that are stored, and can be replaced.
pub(crate) const STORED_MEMBERS: &[&str] = ADDED_MEMBERS.split_at(1).1;

/// The members that only a client of the authorization server has, besides [`SECRETS`].
const OWN_MEMBERS: &[&str] = STORED_MEMBERS.split_at(4).1;

/// The member that stands for the secrets in the settings. Where a client is stored, they are kept apart from its members.
pub(super) const SECRETS: &str = "secret_hashes";

/// What such a client has in common with the others.
pub(super) struct Common<'a> {
    pub(super) client_id: &'a str,
    pub(super) kind: ClientKind,
    pub(super) lifetimes: Lifetimes,
    pub(super) on_context_change: ContextChange,
}

impl<'a> Common<'a> {
    /// Reads the members of every client.
    pub(super) fn read(
        fields: &Fields<'_>,
        client_id: &'a str,
        refresh: &RefreshSettings,
        local: bool,
    ) -> Self {
        let kind = fields.or("kind", ClientKind::Web, |node| {
            node.choice(&[("web", ClientKind::Web), ("mobile", ClientKind::Mobile)])
        });
        let lifetime =
            |name, default| fields.or(name, default, |node: &Node<'_>| node.seconds(lifetime_limits(local)));
        let (idle, absolute) = match kind {
            ClientKind::Web => (refresh.idle_lifetime, refresh.absolute_lifetime),
            // Apps keep users signed in for longer, and store the token where no page can read it.
            ClientKind::Mobile => (Lifetimes::MOBILE.idle, Lifetimes::MOBILE.absolute),
        };
        let idle = lifetime("idle_lifetime", idle);
        let absolute = lifetime("absolute_lifetime", absolute);
        if absolute < idle {
            fields.wrong("absolute_lifetime", below_idle(idle));
        }
        let on_context_change = fields.or("on_context_change", ContextChange::Log, |node| {
            node.choice(&[("log", ContextChange::Log), ("sign_in", ContextChange::SignIn)])
        });
        Self { client_id, kind, lifetimes: Lifetimes { idle, absolute }, on_context_change }
    }
}

/// Reads the members of a stored client by the rules for `POSTERN_CLIENTS`.
///
/// # Errors
/// All mistakes, ordered by path (`redirect_uris[1]`). No mistake repeats a value.
pub(super) fn stored(
    client_id: &str,
    members: &Value,
    secrets: Vec<SecretDigest>,
    (refresh, local): (&RefreshSettings, bool),
) -> Result<Client, Vec<ConfigError>> {
    let mistakes = Mistakes::default();
    let read = || {
        let node = Node::document(members, &mistakes);
        let fields = node.object(STORED_MEMBERS)?;
        for name in ["name", "redirect_uris"] {
            fields.required(name)?;
        }
        let client = read(&fields, &Common::read(&fields, client_id, refresh, local))?;
        let authentication =
            if secrets.is_empty() { Authentication::Public } else { Authentication::Secret(secrets) };
        Some(Client { authentication, ..client })
    };
    let client = read();
    mistakes.into_result(client)
}

/// Reads the client, if the entry is one of the authorization server. Whether sign-ins of `/auth/login` may name it, too,
/// its `first_party` says.
pub(super) fn read(fields: &Fields<'_>, common: &Common<'_>) -> Option<Client> {
    if fields.optional("redirect_uris").is_none() {
        for name in [SECRETS].iter().chain(OWN_MEMBERS) {
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
        provenance: Provenance::Operator,
        name: fields.or("name", common.client_id.to_owned(), |node| {
            node.parsed(|text| check_name(text).map(str::to_owned))
        }),
        authentication: fields
            .optional(SECRETS)
            .and_then(secrets)
            .map_or(Authentication::Public, Authentication::Secret),
        scopes: fields.or("scopes", Scopes::default(), |node| {
            Some(node.set(values::client_scope)?.into_iter().collect())
        }),
        resources: fields.optional("resources").and_then(|node| node.filled_set(resource)),
        grant_types: fields.or("grant_types", GrantType::ALL.map(|(_, kind)| kind).into(), grant_types),
        offline_access: fields.or("offline_access", OfflineAccess::Always, |node| {
            node.choice(&[("always", OfflineAccess::Always), ("on_request", OfflineAccess::OnRequest)])
        }),
        first_party,
        roles: fields.or("roles", first_party, Node::flag),
        lifetimes: common.lifetimes,
        drift: common.on_context_change.policy(),
        // Last, so that a mistake here hides none elsewhere.
        redirect_uris: redirect_uris?,
    })
}

fn redirects(node: &Node<'_>, private_use: bool) -> Option<Vec<RegisteredRedirect>> {
    let sound = |text: &str| RegisteredRedirect::parse(text, private_use).map(|_| text.to_owned());
    let texts = node.filled_list(sound)?;
    if texts.len() > MAX_REDIRECT_URIS {
        return node.wrong(format!("must have at most {MAX_REDIRECT_URIS} entries"));
    }
    texts.iter().map(|text| RegisteredRedirect::parse(text, private_use).ok()).collect()
}

/// One or two hashes: two while a secret is replaced.
fn secrets(node: &Node<'_>) -> Option<Vec<SecretDigest>> {
    let digests = node.filled_set(digest)?;
    if digests.len() > MAX_SECRETS {
        return node.wrong("must be one hash, or two while the secret is replaced");
    }
    Some(digests.into_iter().map(SecretDigest).collect())
}

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    let problem = "must be the SHA-256 of a secret: 64 hexadecimal digits in lower case";
    SecretDigest::from_hex(text).map(|digest| digest.0).ok_or(problem)
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
