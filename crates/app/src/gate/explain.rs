//! Explains what the gate would do with a request, for `postern routes explain`. It takes the same steps as
//! [`crate::service::Service::try_sync`], with the same functions. It assumes that the checks pass which only the
//! running Worker can make (signatures, revocations, rate limits, CSRF tokens), and lists them in
//! [`Explanation::supposed`].

use std::{collections::BTreeMap, rc::Rc};

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    config::{Config, IdentitySource, cookie_names::ACCESS_COOKIE},
    gate::{
        preflight::preflight,
        token_source::{PresentedAccessToken, judge_cookie_request, presented},
    },
    gateway::{
        Access, Challenge, Gate, Match, PolicyVerdict, RevocationLevel, Route, RouteMatch, StaleFeed,
        SupposedIdentity, UpstreamTarget,
        explain::{asks, mismatch, suppose},
        is_safe, is_websocket,
        path::NormalPath,
        review::{Remark, review},
    },
    http::{PlainRequest, Reply, RequestView as _, UrlParts},
    ids::{AccountId, FamilyId},
    isolate::{
        issuers::{TrustedIssuer, trusted_issuers},
        known_headers,
    },
    jose::{
        KnownHeaders, UnverifiedToken,
        json::{self, Members},
    },
    jwt::{ClaimSource, TokenError, judge_claims},
    time::Timestamp,
    web::{cookies::CSRF_HEADER, error::ApiError, paths::is_own},
};

pub use super::explanation::{Answer, Deciding, Explanation, PassedOver, Place, Supposed};

/// The lifetime of an assumed access token without `exp`, in seconds: the default lifetime of the deployment's tokens.
const SUPPOSED_LIFETIME: u64 = 600;

/// Explains requests by a configuration.
#[derive(Debug)]
pub struct Explainer {
    config: Config,
    gate: Gate,
    issuers: BTreeMap<String, Rc<TrustedIssuer>>,
}

impl Explainer {
    /// Explains requests by this configuration and its routes.
    pub fn new(config: Config) -> Self {
        let gate = Gate::new(config.routes.clone(), Vec::new());
        let issuers = trusted_issuers(&config);
        Self { config, gate, issuers }
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) const fn issuers(&self) -> &BTreeMap<String, Rc<TrustedIssuer>> {
        &self.issuers
    }

    /// The gate with the routes in the order of the table.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Remarks about likely mistakes in the table.
    pub fn review(&self) -> Vec<Remark> {
        let is_own = |path: &str| is_own(&self.config, path);
        let general = |issuers: &BTreeSet<String>, names: &[String]| {
            let mut trusted = self.issuers.values().map(|issuer| &issuer.policy);
            let is_meant = |issuer: &String| issuers.is_empty() || issuers.contains(issuer);
            trusted
                .find(|policy| is_meant(&policy.issuer) && policy.takes_audience(names))
                .map(|policy| policy.issuer.clone())
        };
        review(self.gate.routes(), self.issuers.len(), is_own, general)
    }

    /// Explains this request. `None` means that its URL is not an absolute http(s) URL. `supposed` has the access
    /// token; the headers of the request must not.
    pub fn explain(
        &self,
        request: &PlainRequest,
        supposed: Supposed<'_>,
        place: Place,
        now: Timestamp,
    ) -> Option<Explanation> {
        let (method, url) = (request.method(), request.url());
        let parts = UrlParts::parse(&url)?;
        let raw = as_the_platform_reads(parts.path);
        let config = &self.config;
        let mut told = Explanation {
            path: NormalPath::parse(&raw).ok(),
            passed_over: Vec::new(),
            route: None,
            answer: Answer::Own,
            supposed: Vec::new(),
        };
        // A document of this table is Postern's own answer too.
        if is_own(config, &raw)
            || self.gate.resource_metadata(&method, &UrlParts { path: &raw, ..parts }).is_some()
        {
            return Some(told);
        }
        if let Some((found, reply)) = preflight(&self.gate, config, request, parts.authority, &raw) {
            let wanted = request.header("access-control-request-method").unwrap_or_default();
            let before = found.index;
            told.passed_over = self.passed_over(before, &wanted, parts.authority, told.path.as_ref());
            told.route = Some(deciding(&found, before, None, now));
            let permitted = reply.header("access-control-allow-origin").is_some();
            told.answer = Answer::Preflight { reply, permitted };
            return Some(told);
        }
        let found = self.gate.find(&method, parts.authority, &raw);
        let before = match &found {
            RouteMatch::Match(found) => found.index,
            _ => self.gate.routes().len(),
        };
        told.passed_over = self.passed_over(before, &method, parts.authority, told.path.as_ref());
        let refusal = found.refusal();
        let RouteMatch::Match(found) = found else {
            let reply = refusal.unwrap_or_else(|| Reply::empty(404));
            let why = match reply.status {
                404 => "no route matches this host and path",
                405 => "routes match this path, but for other methods only",
                _ => "the path is ambiguous",
            };
            told.answer = Answer::Refused { reply, why: why.to_owned() };
            return Some(told);
        };
        if is_own(config, found.path.as_str()) || self.gate.is_resource_metadata(&found) {
            let reply = RouteMatch::NotFound.refusal().unwrap_or_else(|| Reply::empty(404));
            let why = "another spelling of a path that Postern itself serves".to_owned();
            told.answer = Answer::Refused { reply, why };
            return Some(told);
        }
        let request = match (supposed, place) {
            (Supposed::Nobody, _) => request.clone(),
            (_, Place::Header) => request.clone().with("authorization", "Bearer supposed"),
            (_, Place::Cookie) => request.clone().with("cookie", &[ACCESS_COOKIE, "=supposed"].concat()),
        };
        let (caller, answer) = self.answer(&found, &request, &parts, supposed, now);
        told.supposed = taken_for_granted(found.route, &request, caller.as_ref(), place);
        told.route = Some(deciding(&found, before, caller, now));
        told.answer = answer;
        Some(told)
    }

    /// The first `before` routes, with the reasons why they do not match the request.
    fn passed_over(
        &self,
        before: usize,
        method: &str,
        authority: &str,
        path: Option<&NormalPath>,
    ) -> Vec<PassedOver> {
        let Some(path) = path else { return Vec::new() };
        let over = |(index, route): (usize, &Route)| {
            let why = mismatch(route, method, authority, path)?;
            Some(PassedOver { index, name: route.name.clone(), why })
        };
        self.gate.routes().iter().take(before).enumerate().filter_map(over).collect()
    }

    fn answer(
        &self,
        found: &Match<'_>,
        request: &PlainRequest,
        parts: &UrlParts<'_>,
        supposed: Supposed<'_>,
        now: Timestamp,
    ) -> (Option<SupposedIdentity>, Answer) {
        let forwarded = || match UpstreamTarget::of(found.route, &found.path, parts.query, || parts.origin())
        {
            None => Answer::Own,
            Some(target) => Answer::Forwarded { url: target.url },
        };
        if found.route.access == Access::Public {
            return (None, forwarded());
        }
        let refused = |reply: Reply, why: &str| Answer::Refused { reply, why: why.to_owned() };
        let (supposed, by_cookie) = match presented(found.route, request) {
            // A token that stands where the route does not look is none.
            PresentedAccessToken::None => (Supposed::Nobody, false),
            PresentedAccessToken::Malformed => {
                let reply = Challenge::InvalidRequest.answer_of(found.route);
                return (
                    None,
                    refused(
                        reply,
                        "the request does not have exactly one access token in the places that the route reads",
                    ),
                );
            }
            PresentedAccessToken::Token { by_cookie, .. } => (supposed, by_cookie),
        };
        let identity = match self.identity(supposed, found.route, now) {
            Ok(identity) => identity,
            Err(why) => {
                let reply = Challenge::InvalidToken.answer_of(found.route);
                return (None, Answer::Refused { reply, why: format!("invalid token: {why}") });
            }
        };
        if by_cookie && let Some(identity) = &identity {
            // Whose the token is, the master secrets would say.
            let is_there = |_, token: &str| Ok(!token.is_empty());
            let judged = judge_cookie_request(&self.config, found.route, request, identity, is_there);
            if let Err(cause) = judged {
                let answer = refused(Reply::from(&ApiError::from(cause)), cause.code());
                return (Some(identity.clone()), answer);
            }
        }
        let answer = match suppose(found, identity.as_ref(), now) {
            PolicyVerdict::Forward => forwarded(),
            PolicyVerdict::Challenge(challenge) => {
                refused(challenge.answer_of(found.route), challenge.code())
            }
            PolicyVerdict::Forbid(forbid) => refused(forbid.answer_of(found.route), forbid.code()),
        };
        (identity, answer)
    }

    /// The assumed caller, or the cause for which the token would be refused.
    fn identity(
        &self,
        supposed: Supposed<'_>,
        route: &Route,
        now: Timestamp,
    ) -> Result<Option<SupposedIdentity>, String> {
        let told = |error: TokenError| format!("{error} ({})", error.code());
        let (tree, issuer) = match supposed {
            Supposed::Nobody => return Ok(None),
            Supposed::Claims(given) => {
                let issuer = given.get("iss").map_or(Ok(self.config.issuer.as_str()), |issuer| {
                    issuer.as_str().ok_or("iss is not a string")
                })?;
                let issuer = self.issuer(issuer)?;
                (self.completed(given, issuer, route, now), issuer)
            }
            Supposed::AccessToken(text) => {
                let token = UnverifiedToken::parse_known(text, &self.headers()).map_err(told)?;
                let issuer = self.issuer(&token.claimed_issuer().map_err(told)?)?;
                issuer.policy.judge_header(token.header()).map_err(told)?;
                let payload = json::parse_object(token.payload());
                (payload.map_err(|error| told(TokenError::MalformedClaims(error)))?, issuer)
            }
        };
        let is_resource = |audience: &[String]| self.gate.is_resource_audience(audience);
        let (claims, _) = judge_claims(&(&tree).into(), &issuer.policy, is_resource, now).map_err(told)?;
        SupposedIdentity::of_bearer(claims, tree, &issuer.policy).map(Some).map_err(told)
    }

    fn issuer(&self, issuer: &str) -> Result<&TrustedIssuer, String> {
        self.issuers
            .get(issuer)
            .map(Rc::as_ref)
            .ok_or_else(|| "its issuer is not trusted (untrusted_issuer)".to_owned())
    }

    /// The parsing limits: the longest token of any issuer.
    pub(crate) fn headers(&self) -> KnownHeaders {
        known_headers(&self.config)
    }
}

/// The path as it reaches the Worker. Clients and the platform resolve dot segments, convert backslashes (WHATWG URL
/// standard, "path state"), and send a slash for an empty path.
fn as_the_platform_reads(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        match piece.to_ascii_lowercase().replace("%2e", ".").as_str() {
            ".." => {
                segments.pop();
            }
            "." => {}
            _ => {
                segments.push(piece);
                continue;
            }
        }
        if pieces.peek().is_none() {
            segments.push("");
        }
    }
    format!("/{}", segments.join("/"))
}

fn deciding(found: &Match<'_>, index: usize, caller: Option<SupposedIdentity>, now: Timestamp) -> Deciding {
    Deciding {
        index,
        name: found.route.name.clone(),
        params: found.params.clone(),
        asks: asks(found, caller.as_ref(), now),
        caller,
    }
}

/// The checks that only the running Worker can make for such a request.
fn taken_for_granted(
    route: &Route,
    request: &PlainRequest,
    caller: Option<&SupposedIdentity>,
    place: Place,
) -> Vec<String> {
    let mut supposed = Vec::new();
    if caller.is_some() {
        supposed.push("the access token's signature is valid".to_owned());
        supposed.extend(match route.revocation {
            RevocationLevel::None => None,
            RevocationLevel::Feed => Some("the revocation feed does not list the token".to_owned()),
            RevocationLevel::Strong => {
                let what = "the token is not revoked (its session's object is asked; for sessions without an object, the feed)";
                Some(what.to_owned())
            }
        });
        if place == Place::Cookie && !is_safe(&request.method()) && !is_websocket(request) {
            supposed.push(format!("{CSRF_HEADER}, if it is sent, belongs to the session"));
        }
        if route.stale_feed == StaleFeed::Refuse {
            supposed.push("the revocation feed is not out of date".to_owned());
        }
    }
    if let Some(limit) = &route.forwarding.rate_limit {
        supposed.push(format!("the caller is within the rate limit {}", limit.binding));
    }
    supposed
}

impl Explainer {
    /// Adds the claims that every access token of the issuer for this route has.
    fn completed(
        &self,
        given: &Map<String, Value>,
        issuer: &TrustedIssuer,
        route: &Route,
        now: Timestamp,
    ) -> Map<String, Value> {
        let policy = &issuer.policy;
        let members = Members::from(given);
        let client = policy.client_claim.places().iter().find_map(|place| place.find(&members)?.as_str());
        // Where the client is the audience too, both have to say the same.
        let shared =
            policy.client_claim.places().iter().any(|place| policy.audience_claim.places().contains(place));
        let audience = match client {
            Some(client) if shared => client.to_owned(),
            _ => match route.resource() {
                Some(resource) => resource.id.to_string(),
                None => policy.audiences.first().cloned().unwrap_or_default(),
            },
        };
        let issued_at = given.get("iat").and_then(Value::as_u64).unwrap_or_else(|| now.seconds());
        let mut claims = given.clone();
        if policy.issuer == self.config.issuer {
            if self.config.identity == IdentitySource::Store {
                claims.entry("sub").or_insert_with(|| AccountId::from_bytes([0; 16]).to_string().into());
            }
            claims.entry("sid").or_insert_with(|| FamilyId::from_bytes([0; 16]).to_string().into());
        }
        supply(&mut claims, &policy.audience_claim, &audience);
        supply(&mut claims, &policy.subject_claim, "somebody");
        if policy.rfc9068 || !policy.client_claim.is_named() {
            supply(&mut claims, &policy.client_claim, client.unwrap_or("client"));
        }
        for (name, value) in [
            ("iss", policy.issuer.as_str().into()),
            ("iat", issued_at.into()),
            ("exp", issued_at.saturating_add(SUPPOSED_LIFETIME).into()),
            ("jti", "supposed".into()),
        ] {
            claims.entry(name).or_insert(value);
        }
        claims
    }
}

/// Sets a claim in the place where the issuer's tokens have it, unless it is set.
fn supply(claims: &mut Map<String, Value>, source: &ClaimSource, value: &str) {
    let places = source.places();
    let members = Members::from(&*claims);
    let is_there = places.iter().any(|place| place.find(&members).is_some());
    if let Some(name) = places.first().and_then(|place| place.top_level()).filter(|_| !is_there) {
        claims.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests;
