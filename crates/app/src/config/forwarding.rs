//! The members of a route that control how its requests are forwarded.

use core::time::Duration;
use std::collections::BTreeSet;

use super::{
    reader::{Fields, Node},
    route_context::RouteContext,
    values,
};
use crate::gateway::{Access, Forwarding, RateKey, RateLimit, SocketRule, TokenSources, Upstream};

/// Reads these members. `upstream` is the default audience of assertions.
pub(super) fn read(
    fields: &Fields<'_>,
    access: &Access,
    upstream: Option<&Upstream>,
    local: bool,
) -> Forwarding {
    let public = *access == Access::Public;
    for name in ["token_sources", "assertion", "bind_assertion", "websocket"] {
        if public && let Some(node) = fields.optional(name) {
            let _: Option<()> =
                node.wrong("must not be set on a public route, which does not read access tokens");
        }
    }
    Forwarding {
        token_sources: fields.or("token_sources", TokenSources::default(), token_sources),
        assertion: fields.optional("assertion").and_then(|node| assertion(node, upstream)),
        bind_assertion: fields.or("bind_assertion", false, Node::flag),
        rate_limit: fields.optional("rate_limit").and_then(|node| rate_limit(node, public)),
        retry: fields.or("retry", false, Node::flag),
        total_timeout: fields
            .optional("total_timeout_ms")
            .and_then(|node| node.number(100..=3_600_000))
            .map(Duration::from_millis),
        websocket: fields.optional("websocket").and_then(|node| websocket(node, local)),
    }
}

fn token_sources(node: &Node<'_>) -> Option<TokenSources> {
    let named: BTreeSet<String> = node.filled_set(|text| match text {
        "header" | "cookie" => Ok(text.to_owned()),
        _ => Err("must be one of: header, cookie"),
    })?;
    Some(TokenSources { header: named.contains("header"), cookie: named.contains("cookie") })
}

/// Reads `true` or the audience of the assertion.
fn assertion(node: &Node<'_>, upstream: Option<&Upstream>) -> Option<String> {
    if node.is_text() && !matches!(node.text(), Some("true" | "false")) {
        return node.parsed(values::name);
    }
    let default = upstream.and_then(|upstream| match upstream {
        Upstream::Url { base } => Some(base.clone()),
        Upstream::Service { binding } => Some(binding.clone()),
        // This mistake is reported elsewhere.
        Upstream::Answer => None,
    });
    if node.flag()? { default } else { None }
}

fn rate_limit(node: &Node<'_>, public: bool) -> Option<RateLimit> {
    let fields = node.object(&["binding", "by", "retry_after"])?;
    let binding = fields.required("binding").and_then(|node| node.parsed(values::binding));
    let by = fields
        .or("by", RateKey::Ip, |node| node.choice(&[("ip", RateKey::Ip), ("subject", RateKey::Subject)]));
    if public && by == RateKey::Subject {
        fields.wrong("by", "must be \"ip\" on a public route, because its callers are not identified");
    }
    // The longer one of the platform's two counting periods.
    let retry_after = fields.or("retry_after", Duration::from_mins(1), |node| node.seconds(1..=3600));
    Some(RateLimit { binding: binding?, by, retry_after })
}

fn websocket(node: &Node<'_>, local: bool) -> Option<SocketRule> {
    let fields = node.object(&["close_on_expiry", "close_on_revocation", "check_interval"])?;
    // Each check of a session calls a Durable Object, which is too expensive for every socket and second.
    let shortest = if local { 1 } else { 5 };
    let interval = fields.or("check_interval", Duration::from_secs(30), |node| node.seconds(shortest..=3600));
    let on_revocation = fields.or("close_on_revocation", false, Node::flag);
    if !on_revocation && fields.optional("check_interval").is_some() {
        fields.wrong("check_interval", "has no effect without `close_on_revocation`");
    }
    let rule = SocketRule {
        close_on_expiry: fields.or("close_on_expiry", false, Node::flag),
        check_session_every: on_revocation.then_some(interval),
    };
    (rule.close_on_expiry || on_revocation).then_some(rule)
}

/// Checks the members that depend on other variables.
pub(super) fn check(fields: &Fields<'_>, forwarding: &Forwarding, context: &RouteContext) {
    if forwarding.token_sources.cookie && !context.access_cookie {
        fields.wrong("token_sources", "must not contain \"cookie\" unless POSTERN_COOKIE.access is true");
    }
    if forwarding.bind_assertion && forwarding.assertion.is_none() {
        fields.wrong("bind_assertion", "has no effect without `assertion`");
    }
    // Another service that accepts this audience might not check `typ`.
    if forwarding.assertion.as_ref().is_some_and(|audience| *audience == context.audience) {
        fields.wrong("assertion", "must not be the audience of access tokens: a service could mistake the assertion for an access token");
    }
}
